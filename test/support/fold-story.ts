/** A log told as a story, for tests of the fold alone, and what the fold says to it, in words. */
import { decodeEvents } from '../../codec/md2.ts';
import type { Feed } from '../../connectors/feed.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import type { ShardFold } from '../../fold/shard-fold.ts';
import { FLAG } from '../../schema/events.ts';
import type { MarketEvent } from '../../schema/events.ts';
import type { FactKey, Facts } from '../../schema/log.ts';
import { dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { tinyFeed } from './tiny-feed.ts';

export const DAY = '2026-03-01' as Day;
export const NEXT = '2026-03-02' as Day;
export const NOON = dayStart(DAY) + 43_200_000_000_000n;
export const CONFIG = {
  feed: 'tiny',
  shard: 's',
  symbols: [
    { symbol: 'BTCUSD', external: 'BTC', depth: 'l2' as const },
    { symbol: 'ETHUSD', external: 'ETH', depth: 'l2' as const },
  ],
  channels: ['all'],
  book_depth: 10,
};

/** A log as a story: each call is a line, `t` counts up by one unless it is given. */
export class Story {
  readonly fold: ShardFold;
  readonly events: MarketEvent[] = [];
  /** `books`: one whose state the venue sends by itself. */
  readonly channels: readonly string[];
  t = NOON;

  constructor(channels: readonly string[] = ['all'], feed: Feed = tinyFeed) {
    this.channels = channels;
    this.fold = createShardFold(feed, 's');
  }

  fact<K extends FactKey>(key: K, fact: Facts[K], t = this.t + 1n): this {
    this.t = t;
    this.fold.fact(t, key, fact);
    return this.#take();
  }

  frame(c: number, frame: object | string, t = this.t + 1n): this {
    this.t = t;
    const text = typeof frame === 'string' ? frame : JSON.stringify(frame);
    const bytes = new TextEncoder().encode(`${text}\n`);
    this.fold.frame(t, c, bytes, 0, bytes.length - 1);
    return this.#take();
  }

  start(day: Day = DAY, t = this.t + 1n): this {
    return this.day(day, false, t).open(1, day);
  }

  day(day: Day, taken: boolean, t = this.t + 1n): this {
    const config = { ...CONFIG, channels: this.channels };
    return this.fact('_day', { day, taken }, t).fact('_config', { sha256: 'x', config });
  }

  open(c: number, day: Day = DAY, url = 'ws://x'): this {
    return this.fact('_open', { c, url, day });
  }

  close(c: number, by: 'venue' | 'us' = 'venue'): this {
    return this.fact('_close', { c, code: 1006, reason: '', by });
  }

  take(prev: Facts['_take']['prev'] = null, ids: Facts['_take']['ids'] = {}): this {
    this.fact('_take', { prev, ids });
    // That nobody had the shard before says nothing of what a story is about.
    const said = this.events.findIndex((it) => it.type === 'status' && it.cause === 'take_over');
    if (prev === null) this.events.splice(said, 2);
    return this;
  }

  /** `type symbol detail` of each event since the last call, flags by letter. */
  told(): string[] {
    return this.events.splice(0).map(tell);
  }

  #take(): this {
    const { out } = this.fold;
    this.events.push(...decodeEvents(out.bytes.subarray(0, out.used)));
    out.clear();
    return this;
  }
}

function tell(event: MarketEvent): string {
  const flags = Object.entries(FLAG)
    .filter(([name, bit]) => name !== 'LAST' && (event.flags & bit) !== 0)
    .map(([name]) => ` ${name}`)
    .join('');
  if (event.type === 'book') return `book ${event.symbol} ${event.sequence}${flags}`;
  if (event.type === 'trade') return `trade ${event.symbol} ${event.trade_id}${flags}`;
  if (event.type === 'quote') return `quote ${event.symbol} ${event.bid_price?.mantissa}${flags}`;
  if (event.type !== 'status') return event.type;
  const values = event.expected === null ? '' : ` ${event.expected}/${event.received}`;
  const repaired = event.repaired === null ? '' : ` repaired=${event.repaired}`;
  return `${event.kind} ${event.symbol} ${event.cause} ${event.about ?? '-'}${values}${repaired}`;
}

export const snap = (u: number, s = 'BTC'): object => ({ k: 'snap', s, u });
export const delta = (u: number, s = 'BTC'): object => ({ k: 'delta', s, u });
export const trade = (id: number | string, px = 1): object => ({
  k: 'trade',
  s: 'BTC',
  id: String(id),
  px,
});
export const history = (...ids: number[]): object => ({
  k: 'trades',
  s: 'BTC',
  ids,
  history: true,
});
export const quote = (px: number): object => ({ k: 'quote', s: 'BTC', px });
