/** What holds of every venue alike: quiet is no fault, silence on the wrong path is, a refusal is a gap. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeEvents } from '../../codec/md2.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import type { EventOf } from '../../schema/events.ts';
import { typesOf } from '../../connectors/feed.ts';
import type { SymbolConfig } from '../../schema/symbols.ts';
import { factsOf, readLog, scratchDirectory, startRig } from '../support/runtime.ts';
import type { ReadLine } from '../support/runtime.ts';

const AT = '2026-11-20T10:00:00Z';
/** A market next to nothing happens in: less than one event a day. */
const QUIET_RATE = 1e-6;

/** A channel that always opens with a message, ours and the venue's word; a market it has not. */
const VENUES = {
  kraken: { channel: 'book', wire: 'book', unknown: 'NOPE/USD' },
  'binance-usdm': { channel: 'markPrice', wire: 'markPrice@1s', unknown: 'NOPEUSDT' },
  'bybit-linear': { channel: 'orderbook', wire: 'orderbook', unknown: 'NOPEUSDT' },
  okx: { channel: 'books', wire: 'books', unknown: 'NOPE-USDT' },
  coinbase: { channel: 'level2', wire: 'level2', unknown: 'NOPE-USD' },
} as const;

function statusOf(feed: string, lines: readonly ReadLine[]): EventOf<'status'>[] {
  const fold = createShardFold(FEEDS.get(feed) ?? assert.fail(feed), 'tier1');
  for (const line of lines) {
    if (line.type === 'fact') fold.fact(line.t, line.key, line.fact);
    else {
      const bytes = Buffer.from(`${line.frame}\n`, 'latin1');
      fold.frame(line.t, line.c, bytes, 0, bytes.length - 1);
    }
  }
  const events = decodeEvents(fold.out.bytes.subarray(0, fold.out.used));
  return [...events].flatMap((it) => (it.type === 'status' ? [it] : []));
}

for (const [feed, { channel, wire, unknown }] of Object.entries(VENUES)) {
  describe(feed, () => {
    test('ten quiet minutes with heartbeats cause no reconnect and no alarm of silence', async (t) => {
      const rig = startRig({ dir: scratchDirectory(t), at: AT, feed, rate: QUIET_RATE });
      await rig.pass(600);
      const { reconnects, state, alarms } = rig.connector.status();
      await rig.finish();
      assert.deepEqual([reconnects, state], [0, 'READY']);
      const { silent = 0, ...others } = alarms;
      assert.deepEqual(others, {});
      // Binance states no book or quote of a market in which nothing moves: its first message is awaited.
      assert.equal(silent > 0, feed === 'binance-usdm');
      const lines = await readLog(rig.store);
      assert.equal(factsOf(lines, '_close').filter((it) => it.by !== 'us').length, 0);
    });

    test('acknowledged on the wrong path and silent: an alarm, and it is asked for again', async (t) => {
      const list = [{ kind: 'silence' as const, channel: wire, duration_ms: 3_600_000 }];
      const rig = startRig({ dir: scratchDirectory(t), at: AT, feed, faults: list });
      await rig.pass(60);
      await rig.finish();
      const alarms = factsOf(await readLog(rig.store), '_alarm').filter(
        (it) => it.kind === 'silent',
      );
      assert.ok(alarms.length > 0);
      assert.deepEqual([...new Set(alarms.map((it) => it.channel))], [channel]);
    });

    test('a market the venue has not: alarm, gaps, and the others as if it were not there', async (t) => {
      const nope: SymbolConfig = { symbol: 'NOPE', external: unknown, depth: 'l2' };
      const rig = startRig({ dir: scratchDirectory(t), at: AT, feed, unknown: nope });
      await rig.pass(90);
      const { alarms, connections, reconnects } = rig.connector.status();
      const metrics = await rig.connector.metrics();
      await rig.finish();
      assert.equal(reconnects, 0);
      const own = rig.feed.protocol.channels.filter((it) =>
        JSON.stringify(connections).includes(`"channel":"${it}","symbol":"NOPE"`),
      );
      const lines = await readLog(rig.store);
      const status = statusOf(feed, lines);
      const gapsOf = (symbol: string): string[] =>
        status
          .filter((it) => it.symbol === symbol && it.kind === 'gap_opened')
          .filter((it) => it.cause === 'refused')
          .map((it) => it.about ?? '');
      for (const { symbol } of factsOf(lines, '_config')[0]?.config.symbols ?? []) {
        if (symbol !== 'NOPE') assert.deepEqual(gapsOf(symbol), [], symbol);
      }
      const kind = feed === 'binance-usdm' ? 'silent' : 'refused';
      assert.ok((alarms[kind] ?? 0) > 0, JSON.stringify(alarms));
      assert.match(metrics, new RegExp(`alarms_total\\{[^}]*kind="${kind}"\\} [1-9]`));
      // Binance takes a stream that does not exist: what opens with a message waits for it.
      if (kind === 'silent') {
        const open = status.filter((it) => it.symbol === 'NOPE' && it.kind === 'gap_opened');
        assert.deepEqual(open.map((it) => `${it.cause} ${it.about}`).toSorted(), [
          'opening book',
          'opening mark',
        ]);
        return;
      }
      assert.equal(alarms['refused'], own.length);
      const types = own.flatMap((it) => typesOf(rig.feed, it));
      assert.deepEqual(gapsOf('NOPE').toSorted(), [...new Set(types)].toSorted());
      const closed = status.filter((it) => it.symbol === 'NOPE' && it.cause === 'refused');
      assert.ok(closed.every((it) => it.kind !== 'gap_closed'));
    });
  });
}
