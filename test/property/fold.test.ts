/** The fold over random logs: a copy goes on alike, and a day rebuilt from its `_day` line is the day. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeEvents } from '../../codec/md2.ts';
import { partOf } from '../../dataset/parts.ts';
import { DayFold } from '../../fold/day-fold.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import type { ShardFold } from '../../fold/shard-fold.ts';
import type { MarketEvent } from '../../schema/events.ts';
import type { FactKey, Facts } from '../../schema/log.ts';
import { dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { hold } from '../support/property.ts';
import { tinyFeed } from '../support/tiny-feed.ts';

const DAY = '2026-03-01' as Day;
const NEXT = '2026-03-02' as Day;
const MIDNIGHT = dayStart(NEXT);

type Line =
  | { readonly t: bigint; readonly c: number; readonly frame: Uint8Array }
  | { readonly t: bigint; readonly key: FactKey; readonly fact: Facts[FactKey] };

const symbol = fc.constantFrom('BTC', 'ETH', 'XXX');
const frame = fc.oneof(
  fc.record({ k: fc.constant('snap'), s: symbol, u: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ k: fc.constant('delta'), s: symbol, u: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ k: fc.constant('quote'), s: symbol, px: fc.integer({ min: 1, max: 9 }) }),
  fc.record({
    k: fc.constant('trades'),
    s: symbol,
    ids: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 4 }),
    px: fc.constantFrom(1, 1, 1, 2),
    history: fc.boolean(),
  }),
  fc.record({ k: fc.constantFrom('refused', 'ack', 'odd'), s: symbol }),
);
const act = fc.oneof(
  { weight: 12, arbitrary: fc.record({ frame, c: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ open: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ close: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ drop: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ clock: fc.boolean() }) },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

const CONFIG = {
  feed: 'tiny',
  shard: 's',
  symbols: [
    { symbol: 'BTCUSD', external: 'BTC', depth: 'l2' as const },
    { symbol: 'ETHUSD', external: 'ETH', depth: 'l2' as const },
  ],
  channels: ['books'],
  book_depth: 10,
};

/** A whole log: the day's start, `before` acts, `_day`, `during`, midnight, `after`. */
function logOf(before: readonly Act[], during: readonly Act[], after: readonly Act[]): Line[] {
  const lines: Line[] = [];
  let t = MIDNIGHT - 700_000_000_000n;
  const fact = <K extends FactKey>(key: K, value: Facts[K], at?: bigint): void => {
    t = at ?? t + 1n;
    lines.push({ t, key, fact: value });
  };
  const day = (name: Day, taken: boolean): void => {
    fact('_day', { day: name, taken });
    fact('_config', { sha256: 'x', config: CONFIG });
  };
  const tell = (acts: readonly Act[], base: number, of: Day): void => {
    for (const it of acts) {
      if ('frame' in it) {
        t += 1n;
        const text = `${JSON.stringify(it.frame)}\n`;
        const c = of === NEXT && it.c === 3 ? 1 : it.c + base;
        lines.push({ t, c, frame: new TextEncoder().encode(text) });
      } else if ('open' in it) {
        fact('_open', { c: it.open + base, url: 'ws://x', day: of });
      } else if ('close' in it) {
        fact('_close', { c: it.close + base, code: null, reason: '', by: 'network' });
      } else if ('drop' in it) {
        fact('_drop', { c: it.drop + base, frames: 1, bytes: 1, from: String(t), reason: 'x' });
      } else {
        fact('_clock', { step_ns: '1', bad: it.clock, detail: '' });
      }
    }
  };
  day(DAY, false);
  fact('_open', { c: 1, url: 'ws://x', day: DAY });
  fact('_take', { prev: null, ids: {} });
  tell(before, 0, DAY);
  day(NEXT, true);
  fact('_open', { c: 11, url: 'ws://x', day: NEXT });
  tell(during, 10, NEXT);
  fact('_midnight', { day: NEXT }, MIDNIGHT);
  tell(after, 10, NEXT);
  return lines;
}

type Foldable = Pick<ShardFold, 'out' | 'frame' | 'fact'>;

function run(fold: Foldable, lines: readonly Line[]): MarketEvent[] {
  const events: MarketEvent[] = [];
  for (const line of lines) {
    if ('frame' in line) fold.frame(line.t, line.c, line.frame, 0, line.frame.length - 1);
    else fold.fact(line.t, line.key, line.fact);
    events.push(...decodeEvents(fold.out.bytes.subarray(0, fold.out.used)));
    fold.out.clear();
  }
  return events;
}

const acts = fc.array(act, { maxLength: 40 });

test('a copy taken at any line goes on as the original does', () => {
  hold(
    fc.property(acts, acts, acts, fc.nat(), (before, during, after, at) => {
      const lines = logOf(before, during, after);
      const cut = at % lines.length;
      const fold = createShardFold(tinyFeed, 's');
      run(fold, lines.slice(0, cut));
      const copy = fold.clone();
      assert.deepEqual(run(copy, lines.slice(cut)), run(fold, lines.slice(cut)));
    }),
    300,
  );
});

test('a day rebuilt from its _day line on is what the live fold spoke of it', () => {
  hold(
    fc.property(acts, acts, acts, (before, during, after) => {
      const lines = logOf(before, during, after);
      const live = run(createShardFold(tinyFeed, 's'), lines).filter((it) => it.t >= MIDNIGHT);
      const from = lines.findIndex(
        (it) => 'key' in it && it.key === '_day' && (it.fact as Facts['_day']).day === NEXT,
      );
      const opened = (lines[from] as Line).t;
      const day = new DayFold({ feed: tinyFeed, shard: 's', day: NEXT, opened, taken: true });
      assert.deepEqual(run(day, lines.slice(from)), live);
    }),
    300,
  );
});

test('events come in order of (t, index) by type and symbol, and are never identified twice', () => {
  hold(
    fc.property(acts, acts, acts, (before, during, after) => {
      const last = new Map<string, bigint>();
      for (const event of run(createShardFold(tinyFeed, 's'), logOf(before, during, after))) {
        const key = `${event.type} ${event.symbol}`;
        const position = event.t * 1_000_000n + BigInt(event.index);
        assert.ok((last.get(key) ?? -1n) < position, key);
        last.set(key, position);
      }
    }),
    300,
  );
});

test('folds of parts of a day say together what one fold of the whole says', () => {
  hold(
    fc.property(
      acts,
      acts,
      acts,
      fc.integer({ min: 1, max: 4 }),
      (before, during, after, parts) => {
        const lines = logOf(before, during, after);
        const from = lines.findIndex((it) => 'key' in it && it.key === '_day');
        const opened = (lines[from] as Line).t;
        const options = { feed: tinyFeed, shard: 's', day: DAY, opened, taken: false };
        const whole = run(new DayFold(options), lines.slice(from));
        const told = Array.from({ length: parts }, (_, part) => {
          const wanted = (symbol: string): boolean =>
            partOf({ parts, assigned: {} }, symbol) === part;
          return run(new DayFold({ ...options, wanted }), lines.slice(from));
        });
        const order = (event: MarketEvent): string =>
          `${event.t} ${event.type} ${event.symbol} ${String(event.index).padStart(4, '0')}`;
        const sorted = (events: readonly MarketEvent[]): MarketEvent[] =>
          events.toSorted((a, b) => (order(a) < order(b) ? -1 : 1));
        assert.deepEqual(sorted(told.flat()), sorted(whole));
      },
    ),
    300,
  );
});
