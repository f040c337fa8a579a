/** What every bus adapter promises; run over each of them by the contract test. */
import assert from 'node:assert/strict';
import type { Bus, BusPublisher, OutMessage, PublishOutcome } from '../../bus/bus.ts';
import { DEFAULT_LIMITS, MESSAGE_BYTES_MAX } from '../../bus/bus.ts';
import type { Ctl } from '../../bus/ctl.ts';
import { encodeCtl } from '../../bus/ctl.ts';
import { unixNs } from '../../schema/time.ts';

export type BusHarness = {
  readonly bus: Bus;
  /** Cuts every connection the hard way and lets new ones in again. */
  readonly bounce: () => Promise<void>;
};

export type BusPromise = {
  readonly name: string;
  readonly run: (harness: BusHarness, shard: string) => Promise<void>;
};

export type OpenPublisher = {
  readonly publisher: BusPublisher;
  /** Publishes and waits for the outcome. */
  readonly put: (message: OutMessage) => Promise<PublishOutcome>;
};

export async function openFor(bus: Bus, shard: string, epoch = 1): Promise<OpenPublisher> {
  const waiting = new Map<number, (outcome: PublishOutcome) => void>();
  const publisher = await bus.openPublisher({
    shard,
    feed: 'kraken',
    epoch,
    normalizer: 'kraken@1',
    connect_timeout_ms: 2_000,
    onOutcome: (token, outcome) => waiting.get(token)?.(outcome),
  });
  return {
    publisher,
    put: (message) => new Promise((resolve) => waiting.set(publisher.publish(message), resolve)),
  };
}

export function eventMessage(
  shard: string,
  symbol: string,
  text: string,
  more: Partial<OutMessage> = {},
): OutMessage {
  return {
    subject: `internal.${shard}.kraken.trade.${symbol}`,
    id: null,
    expected: null,
    count: 1,
    late: false,
    t: null,
    data: new TextEncoder().encode(text),
    ...more,
  };
}

export function ctlMessage(shard: string, ctl: Partial<Ctl>, expected: number | null): OutMessage {
  const record: Ctl = {
    epoch: 1,
    writer: 'test',
    t: unixNs(100n),
    events: 0,
    run: 0,
    at: unixNs(100n),
    normalizer: 'kraken@1',
    ...ctl,
  };
  const subject = `ctl.${shard}.kraken`;
  return { subject, id: null, expected, count: 0, late: false, t: null, data: encodeCtl(record) };
}

const textOf = (data: Uint8Array): string => new TextDecoder().decode(data);

export async function readAll(bus: Bus, shard: string, from_seq = 1): Promise<string[]> {
  const found: string[] = [];
  for await (const message of bus.readRange({ shard, feed: 'kraken', from_seq })) {
    found.push(message.subject.startsWith('ctl') ? 'ctl' : textOf(message.data));
  }
  return found;
}

const storedSeq = (outcome: PublishOutcome): number => {
  assert.equal(outcome.type, 'stored');
  return outcome.type === 'stored' ? outcome.seq : 0;
};
const reasonOf = (outcome: PublishOutcome): string =>
  outcome.type === 'refused' ? outcome.reason : outcome.type;

export const BUS_PROMISES: readonly BusPromise[] = [
  {
    name: 'keeps what is published in order, with its headers',
    async run({ bus }, shard) {
      const { publisher, put } = await openFor(bus, shard, 77);
      const puts = ['a', 'b', 'c'].map((text, at) =>
        put(eventMessage(shard, 'BTCUSD', text, { count: at + 1, late: at === 2 })),
      );
      const seqs = (await Promise.all(puts)).map(storedSeq);
      assert.deepEqual(
        seqs,
        [...seqs].sort((a, b) => a - b),
      );
      const headers: unknown[] = [];
      for await (const { header } of bus.readRange({ shard, feed: 'kraken', from_seq: 1 })) {
        headers.push([header('schema'), header('normalizer'), header('epoch'), header('count')]);
        headers.push(header('late'));
      }
      const fixed = ['md2', 'kraken@1', '77'];
      assert.deepEqual(headers, [
        [...fixed, '1'],
        null,
        [...fixed, '2'],
        null,
        [...fixed, '3'],
        '1',
      ]);
      assert.deepEqual(await readAll(bus, shard), ['a', 'b', 'c']);
      await publisher.close();
    },
  },
  {
    name: 'stores a message id once, and says so',
    async run({ bus }, shard) {
      const { publisher, put } = await openFor(bus, shard);
      const message = eventMessage(shard, 'BTCUSD', 'once', { id: `${shard}:1` });
      const first = await put(message);
      const second = await put(message);
      assert.deepEqual(second, { ...first, duplicate: true });
      assert.deepEqual(await readAll(bus, shard), ['once']);
      await publisher.close();
    },
  },
  {
    name: 'lets a position be claimed by one writer',
    async run({ bus }, shard) {
      const one = await openFor(bus, shard, 1);
      const two = await openFor(bus, shard, 2);
      assert.equal(await one.publisher.lastCtl(), null);
      const seq = storedSeq(await one.put(ctlMessage(shard, { epoch: 1 }, 0)));
      assert.equal(reasonOf(await two.put(ctlMessage(shard, { epoch: 2 }, 0))), 'wrong_last');
      const found = await two.publisher.lastCtl();
      assert.equal(found?.seq, seq);
      assert.equal(found.record.epoch, 1);
      storedSeq(await two.put(ctlMessage(shard, { epoch: 2 }, seq)));
      assert.equal(reasonOf(await one.put(ctlMessage(shard, { epoch: 1 }, seq))), 'wrong_last');
      assert.equal((await bus.lastCtl(shard, 'kraken'))?.record.epoch, 2);
      await Promise.all([one.publisher.close(), two.publisher.close()]);
    },
  },
  {
    name: 'stores a batch whole or not at all',
    async run({ bus }, shard) {
      const { publisher, put } = await openFor(bus, shard);
      const pack = ['x', 'y', 'z'].map((text) => eventMessage(shard, `S-${text}`, text));
      const first = await publisher.publishBatch([...pack, ctlMessage(shard, {}, 0)]);
      assert.equal((await publisher.lastCtl())?.seq, storedSeq(first));
      const stale = await publisher.publishBatch([...pack, ctlMessage(shard, {}, 0)]);
      assert.equal(reasonOf(stale), 'wrong_last');
      storedSeq(await put(eventMessage(shard, 'S-id', 'id', { id: `${shard}:b` })));
      const seq = storedSeq(first);
      const repeat = eventMessage(shard, 'S-id', 'id', { id: `${shard}:b` });
      const repeated = await publisher.publishBatch([repeat, ctlMessage(shard, {}, seq)]);
      assert.equal(reasonOf(repeated), 'repeated_id');
      assert.deepEqual(await readAll(bus, shard), ['x', 'y', 'z', 'ctl', 'id']);
      await publisher.close();
    },
  },
  {
    name: 'takes a batch of a thousand messages',
    async run({ bus }, shard) {
      const { publisher } = await openFor(bus, shard);
      const packs = Array.from({ length: 999 }, (_, at) =>
        eventMessage(shard, `S${at % 7}`, `${at}`),
      );
      storedSeq(await publisher.publishBatch([...packs, ctlMessage(shard, {}, 0)]));
      const found = await readAll(bus, shard);
      assert.deepEqual(found, [...packs.map((message) => textOf(message.data)), 'ctl']);
      await publisher.close();
    },
  },
  {
    name: 'refuses a message that is too large before sending it',
    async run({ bus }, shard) {
      const { publisher } = await openFor(bus, shard);
      const data = new Uint8Array(MESSAGE_BYTES_MAX + 1);
      assert.throws(() => publisher.publish(eventMessage(shard, 'BIG', '', { data })), {
        code: 'SSMD_LIMIT',
      });
      await publisher.close();
    },
  },
  {
    name: 'finds the last message of each subject',
    async run({ bus }, shard) {
      const { publisher, put } = await openFor(bus, shard);
      const pattern = `internal.${shard}.kraken.trade.*`;
      assert.deepEqual(await publisher.lastMessages(pattern), []);
      for (const [symbol, text] of [
        ['A', '1'],
        ['B', '2'],
        ['A', '3'],
      ] as const) {
        await put(eventMessage(shard, symbol, text));
      }
      const last = await publisher.lastMessages(pattern);
      const seen = last.map(({ subject, data }) => [subject.split('.').at(-1), textOf(data)]);
      assert.deepEqual(seen, [
        ['B', '2'],
        ['A', '3'],
      ]);
      await put(ctlMessage(shard, {}, 0));
      await put(eventMessage(`${shard}-other`, 'A', '4'));
      const newest = await publisher.lastMessage(`internal.${shard}.kraken.*.*`);
      assert.deepEqual(
        [newest?.seq, newest?.subject, textOf(newest?.data ?? new Uint8Array(0))],
        [last.at(-1)?.seq, `internal.${shard}.kraken.trade.A`, '3'],
      );
      assert.equal(newest?.header('epoch'), '1');
      assert.equal(await publisher.lastMessage(`internal.${shard}.none.*.*`), null);
      await publisher.close();
    },
  },
  {
    name: 'finds the last message of each of more subjects than one answer holds',
    async run({ bus }, shard) {
      const { publisher } = await openFor(bus, shard);
      const symbols = Array.from({ length: 1_500 }, (_, at) => `S${at}`);
      let expected = 0;
      for (const from of [0, 800]) {
        const puts = symbols
          .slice(from, from + 800)
          .map((symbol) => eventMessage(shard, symbol, symbol));
        const outcome = await publisher.publishBatch([...puts, ctlMessage(shard, {}, expected)]);
        expected = storedSeq(outcome);
      }
      const last = await publisher.lastMessages(`internal.${shard}.kraken.trade.*`);
      const seen = last.map(({ subject, data }) => `${subject.split('.').at(-1)} ${textOf(data)}`);
      assert.deepEqual(
        seen,
        symbols.map((symbol) => `${symbol} ${symbol}`),
      );
      await publisher.close();
    },
  },
  {
    name: 'reads one shard from a sequence to the end as it was at the call',
    async run({ bus }, shard) {
      const { publisher, put } = await openFor(bus, shard);
      const first = storedSeq(await put(eventMessage(shard, 'A', 'a')));
      await put(eventMessage(`${shard}-other`, 'A', 'other'));
      await put(eventMessage(shard, 'A', 'b'));
      assert.deepEqual(await readAll(bus, shard), ['a', 'b']);
      assert.deepEqual(await readAll(bus, shard, first + 1), ['b']);
      const { last_seq } = await bus.bounds();
      assert.deepEqual(await readAll(bus, shard, last_seq + 1), []);
      const cut: number[] = [];
      const request = { shard, feed: 'kraken', from_seq: 1, to_seq: first };
      for await (const { seq } of bus.readRange(request)) cut.push(seq);
      assert.deepEqual(cut, [first]);
      await publisher.close();
    },
  },
  {
    name: 'tells how full the stream is',
    async run({ bus }, shard) {
      await bus.ensureStreams({ ...DEFAULT_LIMITS, max_bytes: 64e6, dlq_max_bytes: 1e6 });
      const { publisher, put } = await openFor(bus, shard);
      const before = await bus.bounds();
      await put(eventMessage(shard, 'A', 'x'.repeat(10_000)));
      const after = await bus.bounds();
      assert.equal(after.max_bytes, 64e6);
      const grown = after.bytes - before.bytes;
      assert.ok(grown >= 10_000 && grown < 11_000, `${grown} bytes`);
      await publisher.close();
    },
  },
  {
    name: 'shows clients what was published, under md',
    async run({ bus }, shard) {
      const { publisher, put } = await openFor(bus, shard);
      const stop = new AbortController();
      const symbol = `S-${shard.toUpperCase()}`;
      const live = await bus.subscribe(`md.kraken.*.${symbol}`, { signal: stop.signal });
      await put(eventMessage(shard, symbol, 'single', { count: 3 }));
      const pack = eventMessage(shard, symbol, 'packed');
      await publisher.publishBatch([pack, ctlMessage(shard, {}, 0)]);
      const seen: unknown[] = [];
      for await (const { subject, data, header } of live) {
        seen.push([subject, textOf(data), header('count')]);
        if (seen.length === 2) stop.abort();
      }
      const subject = `md.kraken.trade.${symbol}`;
      assert.deepEqual(seen, [
        [subject, 'single', '3'],
        [subject, 'packed', '1'],
      ]);
      await publisher.close();
    },
  },
  {
    name: 'tells a publisher that its connection is gone, and keeps what it acknowledged',
    async run({ bus, bounce }, shard) {
      const { publisher, put } = await openFor(bus, shard);
      await put(eventMessage(shard, 'A', 'kept'));
      const seq = storedSeq(await put(ctlMessage(shard, { t: unixNs(5n) }, 0)));
      await bounce();
      assert.notEqual(await publisher.closed, '');
      const again = await openFor(bus, shard);
      assert.equal((await again.publisher.lastCtl())?.seq, seq);
      await again.put(eventMessage(shard, 'A', 'more'));
      assert.deepEqual(await readAll(bus, shard), ['kept', 'ctl', 'more']);
      await again.publisher.close();
    },
  },
];
