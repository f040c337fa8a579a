/** The cards every simulated venue passes, by number. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FAULT_KINDS, type Fault } from '../../connectors/simulator/faults.ts';
import {
  BINANCE_CARD,
  BinanceBookChecker,
  KRAKEN_CARD,
  KrakenBookChecker,
  SECOND_NS,
  START_NS,
  VENUE_CARDS,
  dial,
  openFaulty,
  openVenue,
  subscribeAll,
  type Line,
} from '../support/venue-kit.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';

test('every registered venue has its card', () => {
  assert.deepEqual([...VENUES.keys()].sort(), VENUE_CARDS.map(({ feed }) => feed).sort());
});

for (const card of VENUE_CARDS) {
  const { feed, symbols } = card;
  describe(`${feed} passes`, () => {
    test('VENUE-01 connect: its own greeting, an unknown path refused', () => {
      const { venue, connect } = openVenue(feed, symbols);
      const client = connect(card.paths[0] as string);
      if (card.greeting === null) assert.deepEqual(client.heard, []);
      else assert.match(client.heard[0]?.text ?? '', card.greeting);
      const sink = { frame: () => {}, ping: () => {}, close: () => {} };
      assert.equal(venue.connect('/nowhere', START_NS, sink), null);
    });

    test('VENUE-02 subscribe: one ack for each it promises', () => {
      const { connect } = openVenue(feed, symbols);
      for (const path of card.paths) {
        const client = connect(path);
        subscribeAll(card, path, client.connection, START_NS + SECOND_NS);
        const acks = client.heard.filter(({ text }) => card.isAck(text));
        assert.equal(acks.length, card.acks(path, symbols));
        for (const { about } of acks) assert.equal(about, null);
      }
    });

    test('VENUE-03 a refusal: said in the venue’s words, the socket stays and serves', () => {
      const { venue, connect } = openVenue(feed, symbols);
      const path = card.paths[0] as string;
      const client = connect(path);
      for (const request of [card.badRequest, 'no JSON', '[]', '{"method":"nonsense","id":1}']) {
        const before = client.heard.length;
        client.connection.onMessage(request, START_NS + SECOND_NS);
        const answer = client.heard.slice(before).find(({ about }) => about === null);
        assert.match(answer?.text ?? 'no answer', /"error"|"success":false/, request);
      }
      assert.ok(client.heard.some(({ text }) => card.isRefusal(text)));
      assert.equal(client.closed, null);
      subscribeAll(card, path, client.connection, START_NS + 3n * SECOND_NS);
      venue.advance(START_NS + 30n * SECOND_NS);
      assert.ok(client.heard.some(({ about }) => about !== null));
    });

    test('VENUE-04 each market’s first data comes after its ack', () => {
      const { venue, connect } = openVenue(feed, symbols);
      for (const path of card.paths) {
        const client = connect(path);
        subscribeAll(card, path, client.connection, START_NS + SECOND_NS);
        venue.advance(START_NS + 60n * SECOND_NS);
        const first_ack = client.heard.findIndex(({ text }) => card.isAck(text));
        const first_data = client.heard.findIndex(({ about }) => about !== null);
        assert.ok(first_ack >= 0 && first_data > first_ack);
        for (let at = 1; at < client.heard.length; at++) {
          const [before, after] = [client.heard[at - 1], client.heard[at]];
          assert.ok(before && after && before.at_ns <= after.at_ns, 'time goes back');
        }
      }
    });

    test('VENUE-08 the same seed gives the same bytes, another one does not', () => {
      const run = (seed: number): string => {
        const { venue, connect } = openVenue(feed, symbols, { seed, rate: 20 });
        const lines: string[] = [];
        const clients = card.paths.map((path) => {
          const client = connect(path);
          subscribeAll(card, path, client.connection, START_NS + SECOND_NS);
          return client;
        });
        venue.advance(START_NS + 90n * SECOND_NS);
        for (const { heard } of clients) {
          lines.push(...heard.map(({ text, at_ns }) => `${at_ns} ${text}`));
        }
        return lines.join('\n');
      };
      assert.equal(run(1), run(1));
      assert.notEqual(run(1), run(2));
    });

    test('VENUE-08 who else listens, and since when, changes nothing', () => {
      const texts = (early: boolean): string[] => {
        const { venue, connect } = openVenue(feed, symbols);
        if (early) {
          for (const path of card.paths) {
            subscribeAll(card, path, connect(path).connection, START_NS);
          }
        }
        const at_ns = START_NS + 40n * SECOND_NS;
        const { path } = card.struck;
        const client = connect(path, at_ns);
        subscribeAll(card, path, client.connection, at_ns);
        venue.advance(at_ns + 30n * SECOND_NS);
        const data = client.heard.filter(({ about }) => about !== null);
        return data.map(({ text }) => text);
      };
      // The first message of a chain names what came before it, told or not.
      const chained = /"pu":\d+/;
      const early = texts(true).map((text) => text.replace(chained, ''));
      assert.deepEqual(
        early,
        texts(false).map((text) => text.replace(chained, '')),
      );
      assert.ok(early.length > 50);
    });
  });
}

describe('kraken', () => {
  test('VENUE-05 10,000 book messages a depth fit a plain reader’s checksum', () => {
    for (const depth of [10, 25, 100]) {
      const { venue, connect } = openVenue('kraken', ['BTC/USD'], { rate: 330, seed: depth });
      const client = connect('/v2');
      const params = { channel: 'book', symbol: ['BTC/USD'], depth };
      client.connection.onMessage(JSON.stringify({ method: 'subscribe', params }), START_NS);
      venue.advance(START_NS + 60n * SECOND_NS);
      const checker = new KrakenBookChecker(depth);
      for (const { text, about } of client.heard) if (about !== null) checker.hear(text);
      assert.ok(checker.checked >= 10_000, `${checker.checked} messages of depth ${depth}`);
      assert.ok(checker.fell_off > 100, `${checker.fell_off} levels fell off`);
      assert.ok(checker.came_back > 100, `${checker.came_back} levels came back`);
    }
  });

  test('VENUE-06 trade ids count by one from the history on', () => {
    const { venue, connect } = openVenue('kraken', ['BTC/USD'], { rate: 50 });
    const client = connect('/v2');
    const at_ns = START_NS + 20n * SECOND_NS;
    const params = { channel: 'trade', symbol: ['BTC/USD'] };
    client.connection.onMessage(JSON.stringify({ method: 'subscribe', params }), at_ns);
    venue.advance(at_ns + 30n * SECOND_NS);
    const messages = client.heard.filter(({ about }) => about !== null);
    const snapshot = JSON.parse(messages[0]?.text ?? '');
    assert.equal(snapshot.type, 'snapshot');
    assert.equal(snapshot.data.length, 50);
    const trades = messages.flatMap(({ text }) => JSON.parse(text).data);
    assert.ok(trades.length > 300);
    assert.ok(messages.some(({ text }, at) => at > 0 && JSON.parse(text).data.length > 1));
    for (let at = 1; at < trades.length; at++) {
      assert.equal(trades[at].trade_id, trades[at - 1].trade_id + 1);
      assert.ok(trades[at].timestamp >= trades[at - 1].timestamp);
    }
  });

  test('VENUE-07 a heartbeat a second while subscribed; idle is cut after a minute', () => {
    const { venue, connect } = openVenue('kraken', ['BTC/USD'], { rate: 0.01 });
    const idle = connect('/v2');
    const client = connect('/v2');
    subscribeAll({ ...KRAKEN_CARD, symbols: ['BTC/USD'] }, '/v2', client.connection, START_NS);
    venue.advance(START_NS + 90n * SECOND_NS);
    const beats = client.heard.filter(({ text }) => text === '{"channel":"heartbeat"}');
    assert.equal(beats.length, 90);
    assert.equal(idle.closed?.at_ns, START_NS + 60n * SECOND_NS);
    assert.equal(client.closed, null);
    client.connection.onMessage('{"method":"ping","req_id":42}', START_NS + 91n * SECOND_NS);
    assert.match(
      client.heard.at(-1)?.text ?? '',
      /^\{"method":"pong","req_id":42,"time_in":"2025-.*Z","time_out":"2025-.*Z"\}$/,
    );
  });

  test('refusals by name: unknown pair, subscribed already, never subscribed', () => {
    const { connect } = openVenue('kraken', ['BTC/USD']);
    const client = connect('/v2');
    const ask = (method: string, symbol: string): string => {
      const params = { channel: 'trade', symbol: [symbol], snapshot: false };
      client.connection.onMessage(JSON.stringify({ method, params, req_id: 5 }), START_NS);
      return client.heard.at(-1)?.text ?? '';
    };
    assert.match(ask('subscribe', 'NO/SUCH'), /"error":"Currency pair not supported NO\/SUCH"/);
    assert.match(ask('unsubscribe', 'BTC/USD'), /"error":"Subscription Not Found"/);
    assert.match(ask('subscribe', 'BTC/USD'), /"success":true.*"req_id":5/);
    assert.match(ask('subscribe', 'BTC/USD'), /"error":"Already subscribed"/);
    assert.match(ask('unsubscribe', 'BTC/USD'), /"method":"unsubscribe".*"success":true/);
  });

  test('a resubscribed book begins with a snapshot and goes on right', () => {
    const { venue, connect } = openVenue('kraken', ['BTC/USD'], { rate: 100 });
    const client = connect('/v2');
    const ask = (method: string, at_ns: bigint): void => {
      const params = { channel: 'book', symbol: ['BTC/USD'] };
      client.connection.onMessage(JSON.stringify({ method, params }), at_ns);
    };
    const checker = new KrakenBookChecker(10);
    ask('subscribe', START_NS);
    venue.advance(START_NS + 5n * SECOND_NS);
    ask('unsubscribe', START_NS + 6n * SECOND_NS);
    const told = client.heard.length;
    venue.advance(START_NS + 9n * SECOND_NS);
    assert.ok(client.heard.slice(told).every(({ about }) => about === null));
    ask('subscribe', START_NS + 10n * SECOND_NS);
    venue.advance(START_NS + 15n * SECOND_NS);
    for (const { text, about } of client.heard) if (about !== null) checker.hear(text);
    const snapshots = client.heard.filter(({ text }) => text.includes('"type":"snapshot"'));
    assert.equal(snapshots.length, 2);
  });

  test('VENUE-11 candles and trades agree', () => {
    const { venue, connect } = openVenue('kraken', ['ETH/USD'], { rate: 20 });
    const client = connect('/v2');
    const card = { ...KRAKEN_CARD, symbols: ['ETH/USD'] };
    subscribeAll(card, '/v2', client.connection, START_NS);
    venue.advance(START_NS + 180n * SECOND_NS);
    const data = (channel: string) =>
      client.heard
        .filter(({ about }) => about?.channel === channel)
        .flatMap(({ text }) => JSON.parse(text).data);
    const begin = new Date(Number((START_NS + 60n * SECOND_NS) / 1_000_000n)).toISOString();
    const candles = data('ohlc').filter((row) => row.interval_begin.startsWith(begin.slice(0, 16)));
    const trades = data('trade').filter((row) => row.timestamp.startsWith(begin.slice(0, 16)));
    const last = candles.at(-1);
    assert.ok(trades.length > 50);
    assert.equal(last.trades, trades.length);
    assert.equal(last.open, trades[0].price);
    assert.equal(last.close, trades.at(-1).price);
    assert.equal(last.high, Math.max(...trades.map(({ price }) => price)));
    assert.equal(last.low, Math.min(...trades.map(({ price }) => price)));
    const units = trades.reduce((sum, { qty }) => sum + BigInt(Math.round(qty * 1e8)), 0n);
    assert.equal(BigInt(Math.round(last.volume * 1e8)), units);
  });
});

describe('binance-usdm', () => {
  const collect = (symbols: readonly string[], seconds: bigint, rate: number) => {
    const { venue, connect } = openVenue('binance-usdm', symbols, { rate });
    const card = { ...BINANCE_CARD, symbols };
    const heard = BINANCE_CARD.paths.flatMap((path) => {
      const client = connect(path);
      subscribeAll(card, path, client.connection, START_NS);
      return [client.heard];
    });
    venue.advance(START_NS + seconds * SECOND_NS);
    const data = (channel: string) =>
      heard
        .flat()
        .filter(({ about }) => about?.channel === channel)
        .map(({ text }) => JSON.parse(text).data);
    return { data, heard };
  };

  test('VENUE-05 10,000 depth messages chain by pu, and build the stated top twenty', () => {
    const { heard } = collect(['BTCUSDT'], 640n, 60);
    const checker = new BinanceBookChecker();
    for (const { about, text } of heard.flat()) {
      if (about?.channel === 'depth@100ms') checker.diff(JSON.parse(text).data);
      if (about?.channel === 'depth20@100ms') checker.partial(JSON.parse(text).data);
    }
    assert.ok(checker.chained + checker.compared >= 10_000, `${checker.chained} chained`);
    assert.ok(checker.compared > 4_000, `${checker.compared} compared`);
  });

  test('VENUE-06 ids of trades and aggregates count by one, and tell the same trades', () => {
    const { data } = collect(['BTCUSDT'], 60n, 60);
    const trades = data('trade');
    const aggregates = data('aggTrade');
    assert.ok(trades.length > 300 && aggregates.length > 200);
    assert.ok(trades.length > aggregates.length);
    for (let at = 1; at < trades.length; at++) assert.equal(trades[at].t, trades[at - 1].t + 1);
    for (let at = 0; at < aggregates.length; at++) {
      const { a, f, l, q, m, p } = aggregates[at];
      if (at > 0) {
        assert.equal(a, aggregates[at - 1].a + 1);
        assert.equal(f, aggregates[at - 1].l + 1);
      }
      const parts = trades.filter(({ t }) => t >= f && t <= l);
      assert.equal(parts.length, l - f + 1);
      const units = parts.reduce((sum, part) => sum + Math.round(part.q * 1000), 0);
      assert.equal(Math.round(q * 1000), units);
      assert.ok(parts.every((part) => part.p === p && part.m === m));
    }
  });

  test('VENUE-07 a ping every three minutes, the end after 24 hours', () => {
    const { venue, connect } = openVenue('binance-usdm', ['BTCUSDT'], { rate: 0.01 });
    const client = connect('/market/stream');
    venue.advance(START_NS + 86_399n * SECOND_NS);
    assert.equal(client.pings.length, 479);
    assert.equal(client.pings[0], START_NS + 180n * SECOND_NS);
    assert.equal(client.closed === null, true);
    venue.advance(START_NS + 86_400n * SECOND_NS);
    assert.equal(client.closed?.at_ns, START_NS + 86_400n * SECOND_NS);
  });

  test('a stream on the wrong path, or of no market, is acked and silent', () => {
    const { venue, connect } = openVenue('binance-usdm', ['BTCUSDT'], { rate: 100 });
    const client = connect('/market/stream');
    const params = ['btcusdt@depth@100ms', 'nosuchusdt@aggTrade', 'BTCUSDT@aggTrade'];
    const request = { method: 'SUBSCRIBE', params, id: 99 };
    client.connection.onMessage(JSON.stringify(request), START_NS);
    venue.advance(START_NS + 20n * SECOND_NS);
    assert.deepEqual(
      client.heard.map(({ text }) => text),
      ['{"result":null,"id":99}'],
    );
    client.connection.onMessage(
      '{"method":"LIST_SUBSCRIPTIONS","id":3}',
      START_NS + 21n * SECOND_NS,
    );
    assert.equal(client.heard.at(-1)?.text, JSON.stringify({ result: params, id: 3 }));
  });

  test('one stream of a raw path comes bare, and stops when unsubscribed', () => {
    const { venue, connect } = openVenue('binance-usdm', ['BTCUSDT'], { rate: 100 });
    const client = connect('/public/ws/btcusdt@bookTicker');
    venue.advance(START_NS + 2n * SECOND_NS);
    assert.match(client.heard[0]?.text ?? '', /^\{"e":"bookTicker",/);
    client.connection.onMessage(
      '{"method":"UNSUBSCRIBE","params":["btcusdt@bookTicker"],"id":4}',
      START_NS + 2n * SECOND_NS,
    );
    const told = client.heard.length;
    venue.advance(START_NS + 4n * SECOND_NS);
    assert.equal(client.heard.length, told);
  });

  test('more than ten messages a second end the connection', () => {
    const { connect } = openVenue('binance-usdm', ['BTCUSDT']);
    const client = connect('/public/stream');
    for (let at = 0; at < 11; at++) {
      client.connection.onMessage('{"method":"LIST_SUBSCRIPTIONS","id":1}', START_NS);
    }
    assert.equal(client.closed?.code, 1008);
  });

  test('VENUE-11 candles, quotes and trades agree', () => {
    const { data } = collect(['BTCUSDT'], 180n, 30);
    const begin_ms = Number((START_NS + 60n * SECOND_NS) / 1_000_000n);
    const closed = data('kline_1m').filter(({ k }) => k.x && k.t === begin_ms);
    assert.equal(closed.length, 1);
    const { k } = closed[0];
    const trades = data('trade').filter(({ T }) => T >= k.t && T <= k.T);
    assert.equal(k.n, trades.length);
    assert.equal(k.f, trades[0].t);
    assert.equal(k.L, trades.at(-1).t);
    assert.equal(k.o, trades[0].p);
    assert.equal(k.c, trades.at(-1).p);
    const lots = (rows: { q: string }[]): number =>
      rows.reduce((sum, { q }) => sum + Math.round(Number(q) * 1000), 0);
    assert.equal(Math.round(k.v * 1000), lots(trades));
    assert.equal(Math.round(k.V * 1000), lots(trades.filter(({ m }) => !m)));
    for (const quote of data('bookTicker')) assert.ok(Number(quote.b) < Number(quote.a));
    const quotes = new Map(data('bookTicker').map((quote) => [quote.u, quote]));
    const met = data('depth20@100ms').filter(({ u }) => quotes.has(u));
    assert.ok(met.length > 100);
    for (const { u, b, a } of met) {
      const quote = quotes.get(u);
      assert.deepEqual([quote.b, quote.B, quote.a, quote.A], [...b[0], ...a[0]]);
    }
  });
});

for (const card of VENUE_CARDS) {
  const { feed, symbols, struck } = card;
  const at_ns = START_NS + 10n * SECOND_NS;
  const run = (faults: readonly Fault[], seconds = 40n) => {
    const opened = openFaulty(feed, symbols, { list: faults });
    const line = dial(opened.harness, struck.path, START_NS) as Line;
    subscribeAll(card, struck.path, line.connection, START_NS);
    opened.harness.advance(START_NS + seconds * SECOND_NS);
    const texts = line.frames.map(({ payload }) => String(payload));
    return { ...opened, line, texts };
  };
  const clean = run([]).texts;
  const about = { channel: struck.channel, symbol: struck.symbol };

  describe(`VENUE-09 faults on ${feed}`, () => {
    test('without a plan there is none', () => assert.deepEqual(run([]).ledger, []));

    test('drop: one frame of that channel is missing', () => {
      const { texts, ledger } = run([{ kind: 'drop', at_ns, ...about }]);
      assert.equal(ledger.length, 1);
      const [entry] = ledger;
      assert.ok(entry && entry.at_ns >= at_ns && entry.frame !== null);
      assert.deepEqual(texts, clean.toSpliced(entry.frame - 1, 1));
      assert.deepEqual([entry.channel, entry.symbol], [struck.channel, struck.symbol]);
    });

    test('duplicate: it is there twice', () => {
      const { texts, ledger } = run([{ kind: 'duplicate', at_ns, ...about }]);
      const frame = ledger[0]?.frame ?? 0;
      assert.deepEqual(texts, clean.toSpliced(frame, 0, clean[frame - 1] as string));
    });

    test('reorder: it comes after the next of its kind', () => {
      const { texts, ledger } = run([{ kind: 'reorder', at_ns, ...about }]);
      const frame = (ledger[0]?.frame ?? 0) - 1;
      const moved = clean[frame] as string;
      const without = clean.toSpliced(frame, 1);
      const now_at = texts.indexOf(moved);
      assert.ok(now_at > frame);
      assert.deepEqual(texts, without.toSpliced(now_at, 0, moved));
    });

    test('mutate: one digit differs, it is still JSON, the ledger says which', () => {
      const { texts, ledger } = run([{ kind: 'mutate', at_ns, ...about }]);
      const frame = (ledger[0]?.frame ?? 0) - 1;
      const [before, after] = [clean[frame] as string, texts[frame] as string];
      const places = [...before].filter((digit, at) => digit !== after[at]);
      assert.equal(before.length, after.length);
      assert.equal(places.length, 1);
      JSON.parse(after);
      assert.match(ledger[0]?.detail ?? '', /^\w+ \S+ -> \S+$/);
      assert.deepEqual(texts.toSpliced(frame, 1), clean.toSpliced(frame, 1));
    });

    test('silence of a channel: acknowledged, no data, then data again', () => {
      const { texts, ledger } = run([{ kind: 'silence', at_ns, ...about, duration_ms: 5000 }]);
      const missing = clean.filter((text) => !texts.includes(text));
      assert.equal(ledger[0]?.touched, missing.length);
      assert.ok(missing.length > 10 && texts.length === clean.length - missing.length);
      assert.equal(texts.at(-1), clean.at(-1));
    });

    test('silence of a connection: not even a heartbeat', () => {
      const { line } = run([{ kind: 'silence', at_ns, duration_ms: 5000 }]);
      const until_ns = at_ns + 5n * SECOND_NS;
      assert.ok(line.frames.every((sent) => sent.at_ns <= at_ns || sent.at_ns >= until_ns));
      assert.ok(line.frames.some((sent) => sent.at_ns > until_ns));
    });

    test('close: with a code, or cut', () => {
      for (const code of [1012, null]) {
        const { line, ledger } = run([{ kind: 'close', at_ns, code }]);
        assert.deepEqual(line.closed, { code, at_ns });
        assert.ok(line.frames.every((sent) => sent.at_ns <= at_ns));
        assert.equal(ledger[0]?.connection, 1);
      }
    });

    test('refuse: the subscription is refused once, then granted', () => {
      const { harness, ledger } = openFaulty(feed, symbols, {
        list: [{ kind: 'refuse', ...about }],
      });
      const line = dial(harness, struck.path, START_NS) as Line;
      const told = (): string[] => line.frames.splice(0).map(({ payload }) => String(payload));
      subscribeAll(card, struck.path, line.connection, START_NS);
      assert.equal(told().filter(card.isRefusal).length, 1);
      assert.equal(ledger.length, 1);
      assert.deepEqual(
        [ledger[0]?.kind, ledger[0]?.channel, ledger[0]?.symbol],
        ['refuse', struck.channel, struck.symbol],
      );
      subscribeAll(card, struck.path, line.connection, START_NS + 2n * SECOND_NS);
      harness.advance(START_NS + 20n * SECOND_NS);
      assert.equal(ledger.length, 1);
      assert.ok(line.frames.length > 20);
    });

    test('429: upgrades are refused for a while', () => {
      const { harness, ledger } = openFaulty(feed, symbols, {
        list: [{ kind: '429', at_ns, duration_ms: 2000 }],
      });
      const line = dial(harness, struck.path, START_NS) as Line;
      // One that asks for nothing may be cut before the fault is over.
      subscribeAll(card, struck.path, line.connection, START_NS);
      assert.equal(dial(harness, struck.path, at_ns + SECOND_NS), 429);
      assert.equal(dial(harness, struck.path, at_ns + 2n * SECOND_NS), 429);
      assert.equal(typeof dial(harness, struck.path, at_ns + 3n * SECOND_NS), 'object');
      assert.equal(ledger[0]?.touched, 2);
      assert.deepEqual(harness.counts(), { accepted: 2, open: 2 });
    });

    test('garbage: something no venue sends comes between', () => {
      const list = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].map((second): Fault => ({
        kind: 'garbage',
        at_ns: at_ns + second * SECOND_NS,
      }));
      const { line, ledger } = run(list);
      assert.equal(ledger.length, list.length);
      const known = new Set(clean);
      const strange = line.frames.filter(({ payload }) => !known.has(String(payload)));
      assert.equal(strange.length, list.length);
      assert.ok(new Set(ledger.map(({ detail }) => detail)).size > 2);
    });

    test('rates: every kind comes about as often as asked, and the same way each time', () => {
      // What keeps the others from striking is rarer: nothing befalls who is silent or not connected.
      const rare = new Set(['silence', 'refuse', '429']);
      const rates = Object.fromEntries(
        FAULT_KINDS.map((kind) => [kind, rare.has(kind) ? 20 : 120]),
      );
      const runRates = () => {
        const { harness, ledger } = openFaulty(feed, symbols, { rates });
        let line = dial(harness, struck.path, START_NS);
        for (let second = 0n; second < 1800n; second++) {
          const now_ns = START_NS + second * SECOND_NS;
          if (typeof line === 'number' || line.closed !== null) {
            line = dial(harness, struck.path, now_ns);
            if (typeof line !== 'number') subscribeAll(card, struck.path, line.connection, now_ns);
          }
          harness.advance(now_ns);
        }
        return ledger;
      };
      const ledger = runRates();
      for (const kind of FAULT_KINDS) {
        const times = ledger.filter((entry) => entry.kind === kind).length;
        const asked = rare.has(kind) ? 10 : 60;
        const words = `${kind} ${times} times in half an hour, ${asked} asked for`;
        assert.ok(times >= asked / 2 && times <= asked * 1.5, words);
      }
      const show = (entries: typeof ledger): string[] =>
        entries.map((entry) => `${entry.at_ns} ${entry.kind} ${entry.frame} ${entry.detail}`);
      assert.deepEqual(show(ledger), show(runRates()));
    });
  });
}
