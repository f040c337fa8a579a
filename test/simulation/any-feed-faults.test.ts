/**
 * The rows of `docs/faults.md` that are about any feed, for every feed there is: faults of the venue and
 * of the network through the connector on virtual time, faults of frames through the fold.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import type { Fault } from '../../connectors/simulator/faults.ts';
import { openHarness } from '../../connectors/simulator/harness.ts';
import { memoryVenue } from '../../connectors/simulator/memory-socket.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import { factsOf, instant, readLog, scratchDirectory, startRig } from '../support/runtime.ts';
import type { ReadLine } from '../support/runtime.ts';
import {
  asSent,
  both,
  changed,
  field,
  followedBy,
  missing,
  prove,
  qa,
} from '../support/faults/proof.ts';
import type { Claim, Edit } from '../support/faults/proof.ts';
import { cleanStory, statusOf, tell } from '../support/faults/story.ts';
import { VENUE_CARDS } from '../support/cards/venues.ts';

const AT = '2026-11-20T10:00:00Z';
const at_ns = instant('2026-11-20T10:00:20Z');

/** What a connector on virtual time came to. */
async function run(t: TestContext, feed: string, faults: readonly Fault[], seconds: number) {
  const rig = startRig({ dir: scratchDirectory(t), at: AT, feed, rate: 4, faults });
  await rig.pass(seconds);
  const status = rig.connector.status();
  await rig.finish();
  const lines = await readLog(rig.store);
  const { limits } = rig.feed.protocol;
  return { rig, status, lines, limits, ledger: rig.harness.ledger, told: tell(rig.feed, lines) };
}

/** Opened gaps as `about cause`. */
const opened = (told: ReturnType<typeof tell>): string[] =>
  statusOf(told.events)
    .filter(({ kind }) => kind === 'gap_opened')
    .map((it) => `${it.about} ${it.cause}`);

/** One rejection more than without the fault, and not a word else. */
const rejected: Claim = ({ come, gone, clean, faulty }) => {
  assert.deepEqual(gone, []);
  assert.deepEqual(
    statusOf(come).map(({ kind }) => kind),
    ['rejected'],
  );
  assert.equal(come.length, 1);
  assert.equal(faulty.counts.kinds.rejected, clean.counts.kinds.rejected + 1);
};

/** Ignored under a name, counted, and no event. */
const ignored =
  (name: RegExp): Claim =>
  (outcome) => {
    missing(outcome);
    const names = [...outcome.faulty.counts.ignored].filter(([reason]) => name.test(reason));
    assert.equal(names.length, 1, [...outcome.faulty.counts.ignored.keys()].join(' '));
    assert.equal(names[0]?.[1], 1 + (outcome.clean.counts.ignored.get(names[0]?.[0] ?? '') ?? 0));
  };

/** The venue sends none of a channel's frames any more; where it numbers frames, these got none. */
const unsent =
  (name: string): Edit =>
  (lines, { at }) => {
    const numbers = new Map<number, number>();
    return lines.flatMap((line, index): ReadLine[] => {
      if (line.type !== 'frame') return [line];
      if (index >= at && line.frame.includes(name)) return [];
      const number = /"sequence_num":(\d+)/.exec(line.frame)?.[1];
      if (number === undefined) return [line];
      const next = (numbers.get(line.c) ?? Number(number) - 1) + 1;
      numbers.set(line.c, next);
      return [{ ...line, frame: line.frame.replace(/("sequence_num":)\d+/, `$1${next}`) }];
    });
  };

for (const { feed, paths, symbols, struck, prompt, trade, stated } of VENUE_CARDS) {
  describe(`${feed}: what befalls every feed`, () => {
    test('disconnect', async (t) => {
      const { told, status } = await run(t, feed, [{ kind: 'close', at_ns, connection: 1 }], 60);
      const gaps = opened(told).filter((it) => it.endsWith(' disconnect'));
      assert.ok(gaps.includes('null disconnect') || gaps.includes('book disconnect'), gaps.join());
      assert.ok(gaps.length >= 2, gaps.join());
      assert.deepEqual([status.state, status.reconnects], ['READY', 1]);
      const open = new Set<string>();
      for (const it of statusOf(told.events)) {
        if (it.cause !== 'disconnect') continue;
        const key = `${it.symbol} ${it.about}`;
        if (it.kind === 'gap_opened') open.add(key);
        else if (it.kind === 'gap_closed') open.delete(key);
      }
      const { connections } = status;
      assert.ok(connections.length > 0);
      assert.ok(open.size <= 4, `still open: ${[...open].join(', ')}`);
    });

    test('venue away at the start', async (t) => {
      const { told } = await run(t, feed, [{ kind: '429', duration_ms: 20_000 }], 60);
      assert.ok(opened(told).includes('null opening'), opened(told).join());
      const ends = statusOf(told.events).filter((it) => it.kind === 'gap_closed');
      assert.ok(ends.some((it) => it.about === null && it.cause === 'opening'));
    });

    test('whole connection silent', async (t) => {
      const silence = { kind: 'silence' as const, connection: 1, at_ns, duration_ms: 3_600_000 };
      const { lines, limits, told } = await run(t, feed, [silence], 260);
      const alarms = factsOf(lines, '_alarm').filter(({ kind }) => kind === 'stale');
      assert.equal(alarms.length, 1);
      const waited_ms = Number((alarms[0]?.at ?? 0n) - at_ns) / 1e6;
      assert.ok(Math.abs(waited_ms - limits.silence_ms) < 25_000, `${waited_ms} ms`);
      const [close] = factsOf(lines, '_close');
      assert.deepEqual([close?.c, close?.reason], [alarms[0]?.c, 'silent']);
      assert.ok(opened(told).some((it) => it.endsWith(' disconnect')));
    });

    test('a channel goes silent', async () => {
      await prove(feed, {
        ...{ mark: [stated.mark], edit: unsent(stated.mark) },
        shows: ({ come, gone, clean, place }) => {
          const from = clean.lines[place.at]?.t ?? 0n;
          assert.deepEqual(statusOf([...come, ...gone]), []);
          assert.ok(gone.length > 10 && gone.every((it) => it.t >= from));
        },
      });
    });

    test('no answer to a request', async (t) => {
      // Answers belong to no channel: they go first. Data would be one, too, so there is none.
      const list = Array.from({ length: 14 }, (): Fault => ({ kind: 'drop', channel: 'control' }));
      const { channel } = prompt;
      list.push({ kind: 'silence', channel, symbol: struck.symbol, duration_ms: 11_500 });
      const { lines } = await run(t, feed, list, 40);
      const alarms = factsOf(lines, '_alarm').filter(({ kind }) => kind === 'no_ack');
      assert.ok(alarms.length > 0, 'an alarm');
      const sent = factsOf(lines, '_sent');
      const first = sent.find(({ text }) => /subscribe/i.test(text))?.at ?? 0n;
      const waited_ms = Number((alarms[0]?.at ?? 0n) - first) / 1e6;
      assert.ok(waited_ms > 9_900 && waited_ms < 16_000, `${waited_ms} ms`);
      const after = sent.filter((it) => it.at > (alarms[0]?.at ?? 0n));
      assert.ok(
        after.some(({ text }) => /subscribe/i.test(text)),
        'asked again',
      );
    });

    test('refused', async (t) => {
      const { channel, symbol } = struck;
      const faults: Fault[] = [
        { kind: 'refuse', at_ns, channel, symbol },
        ...paths.map((_, at): Fault => ({ kind: 'close', at_ns, connection: at + 1 })),
      ];
      const { lines, told, status } = await run(t, feed, faults, 50);
      assert.ok((status.alarms['refused'] ?? 0) >= 1);
      assert.ok(statusOf(told.events).some(({ kind }) => kind === 'refused'));
      const opens = factsOf(lines, '_open').filter(({ at }) => at > at_ns);
      assert.ok(opens.length <= 2, 'no connection is opened for it');
    });

    test('HTTP 429 on connecting', async (t) => {
      const { lines, rig } = await run(t, feed, [{ kind: '429', duration_ms: 20_000 }], 40);
      const waits = rig.events.filter((it) => it.event === 'connection.waiting');
      const [open] = factsOf(lines, '_open');
      const waited_s = Number((open?.at ?? 0n) - instant(AT)) / 1e9;
      assert.ok(waited_s >= 20 && waited_s < 22, `${waited_s} s`);
      assert.ok(waits.length >= 1 && waits.length <= 2, 'once a socket');
    });

    test('garbage, cut JSON', () =>
      prove(feed, {
        ...{ mark: [stated.mark], shows: rejected },
        edit: followedBy(() => '{"channel":"book","type":"upd'),
      }));

    test('not UTF-8', () =>
      prove(feed, {
        ...{ mark: [stated.mark], shows: rejected },
        edit: followedBy(() => '{"\u00ff\u00fe\u00c3(}'),
      }));

    test('unknown channel', () =>
      prove(feed, {
        ...{ mark: [stated.mark], shows: ignored(/^channel_not_supported:/) },
        edit: changed((it) =>
          it.replace(stated.name, stated.name.replace(/\w+$|\w+(?=")/, 'nonsense')),
        ),
      }));

    test('a market not configured', () =>
      prove(feed, {
        ...{ mark: [stated.mark, 'BTC'], shows: ignored(/^symbol_not_configured$/) },
        edit: changed((it) => it.replaceAll('BTC', 'XXX').replaceAll('btc', 'xxx')),
      }));

    test('known key, other meaning', () =>
      prove(feed, {
        ...{ mark: [trade.mark], shows: both(asSent, qa('price-sanity')) },
        edit: changed(field(trade.price, () => '99999999999')),
      }));

    // A quarter of a million frames cost a second, and no feed has a say in it: one is enough.
    if (feed === VENUE_CARDS[0]?.feed)
      test('flood', async (t) => {
        const start_ns = instant(AT);
        const clock = virtualClock(start_ns);
        const create = VENUES.get(feed) ?? assert.fail();
        const harness = openHarness({ create, seed: 7, rate: 4, symbols, start_ns });
        const quiet = memoryVenue({ harness, clock, seed: 7 });
        const heard: ((bytes: Uint8Array) => void)[] = [];
        const rig = startRig({
          ...{ dir: scratchDirectory(t), at: AT, feed, clock, harness },
          deps: {
            openSocket: (url, handlers) => {
              heard.push(handlers.onFrame);
              return quiet(url, handlers);
            },
          },
        });
        await rig.pass(20);
        const frame = new TextEncoder().encode('[]');
        for (let sent = 0; sent < 250_001; sent++) heard[0]?.(frame);
        await rig.pass(20);
        const { alarms, state, reconnects } = rig.connector.status();
        await rig.finish();
        assert.deepEqual([alarms['flood'], reconnects], [1, 1]);
        assert.ok(state === 'READY' || state === 'DEGRADED', state);
      });

    test('nothing is told without a fault', async () => {
      const { counts, events } = await cleanStory(feed);
      assert.deepEqual([counts.kinds.rejected, counts.kinds.refused], [0, 0]);
      const causes = new Set(statusOf(events).map(({ cause }) => cause));
      assert.deepEqual(
        [...causes].filter((it) => it !== 'take_over' && it !== 'opening'),
        [],
      );
    });
  });
}
