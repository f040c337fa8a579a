/** What becomes of events on their way to the bus: one message each while live, packs in backlog. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEvents } from '../../codec/md2.ts';
import { kraken } from '../../connectors/kraken/feed.ts';
import { PUBLISHER_LIMITS } from '../../connectors/runtime/publisher-limits.ts';
import { liveMessages, packedMessages } from '../../connectors/runtime/publisher-messages.ts';
import type { EventArena } from '../../codec/event-arena.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import type { Day } from '../../schema/time.ts';
import { instant } from '../support/runtime.ts';

const START = instant('2026-11-20T10:00:00Z');
const ORIGIN = { shard: 's', feed: 'kraken', epoch: 7 };

/** What 200 frames of one trade each yield, over two symbols. */
function traded(): EventArena {
  const fold = createShardFold(kraken, 's');
  const symbols = ['BTC', 'ETH'].map((name) => ({
    ...{ symbol: `${name}USD`, external: `${name}/USD` },
    depth: 'l1' as const,
  }));
  const config = { feed: 'kraken', shard: 's', symbols, channels: ['trade'], book_depth: 10 };
  const day = '2026-11-20' as Day;
  fold.fact(START, '_day', { day, taken: false });
  fold.fact(START + 1n, '_config', { sha256: '0'.repeat(64), config });
  fold.fact(START + 2n, '_open', { c: 1, url: 'wss://x', day });
  fold.fact(START + 3n, '_take', { prev: null, ids: {} });
  fold.out.clear();
  for (let id = 1; id <= 200; id++) {
    const text =
      `{"channel":"trade","type":"update","data":[{"symbol":"${id % 2 === 0 ? 'BTC' : 'ETH'}/USD",` +
      `"side":"buy","price":${id}.5,"qty":0.1,"ord_type":"limit","trade_id":${id},` +
      `"timestamp":"2026-11-20T10:00:00.000000Z"}]}`;
    const bytes = new TextEncoder().encode(`${text}\n`);
    fold.frame(START + 10n + BigInt(id), 1, bytes, 0, bytes.length - 1);
  }
  return fold.out;
}

test('live, every message carries an identity of its own; in a batch none does', () => {
  const live = liveMessages(ORIGIN, traded(), PUBLISHER_LIMITS);
  const ids = live.map(({ message }) => message.id);
  assert.equal(new Set(ids).size, live.length);
  assert.ok(!ids.includes(null));
  // The server refuses a whole batch over one id it has seen.
  const packs = packedMessages(ORIGIN, traded(), PUBLISHER_LIMITS);
  assert.ok(packs.length > 1);
  assert.deepEqual([...new Set(packs.map(({ id }) => id))], [null]);
});

test('packs hold the same events as single messages, each subject in its order', () => {
  const bySubject = (messages: readonly { subject: string; data: Uint8Array }[]) => {
    const found = new Map<string, bigint[]>();
    for (const { subject, data } of messages) {
      const known = found.get(subject) ?? [];
      known.push(...[...decodeEvents(data)].map(({ t }) => t));
      found.set(subject, known);
    }
    return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  const live = liveMessages(ORIGIN, traded(), PUBLISHER_LIMITS).map(({ message }) => message);
  const packs = packedMessages(ORIGIN, traded(), PUBLISHER_LIMITS);
  assert.deepEqual(bySubject(packs), bySubject(live));
  assert.ok(packs.every(({ count }) => count <= PUBLISHER_LIMITS.pack_events_max));
});
