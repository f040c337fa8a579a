/**
 * A Kraken book of any depth, since no recording and no simulated market is a thousand levels deep: a
 * snapshot and updates as the venue writes them, with checksums computed over text by Node's own CRC.
 * Updates change one level, two or three as often as in the recording; how far from the best they are
 * falls off exponentially, as orders do.
 */
import { crc32 } from 'node:zlib';
import { Random } from '../connectors/simulator/random.ts';

type Side = { readonly ticks: number[]; readonly lots: number[]; readonly step: 1 | -1 };

/** Levels of an update, by how often the recording has them. */
const SHARES = [0.73, 0.95, 1] as const;
const SHARE_NEW = 0.15;
const SHARE_GONE = 0.3;
const GAP_MAX = 4;
const TICK_START = 837_259;
/** Mean distance from the best, as a share of the depth. */
const REACH = 0.1;
const CHECKSUM_LEVELS = 10;

/** Frames, and the levels they leave, best first, as `price size`. */
export type BookStory = {
  readonly texts: readonly string[];
  readonly bids: readonly string[];
  readonly asks: readonly string[];
};

/** A book that goes on as long as it is asked to. */
export type LiveBook = {
  /** The book as it is; `time` is RFC 3339 with six decimals, as of all frames. */
  readonly snapshot: (time: string) => string;
  /** Changes it, and says how. */
  readonly update: (time: string) => string;
  /** Best first, as in `BookStory`. */
  readonly state: () => Pick<BookStory, 'bids' | 'asks'>;
};

export function openLiveBook(depth: number): LiveBook {
  const random = new Random(7, `book ${depth}`);
  const bids = openSide(random, depth, -1);
  const asks = openSide(random, depth, 1);
  return {
    snapshot: (time) =>
      frameText('snapshot', levelsText(bids), levelsText(asks), sumOf(asks, bids), time),
    update(time) {
      const side = random.unit() < 0.5 ? bids : asks;
      const share = random.unit();
      const changes = 1 + SHARES.findIndex((limit) => share <= limit);
      let said = '';
      for (let change = 0; change < changes; change++) {
        // Only the first one moves levels: within a message nothing is cut yet.
        const kind = change === 0 ? random.unit() : 1;
        said += `${said === '' ? '' : ','}${changeText(random, side, depth, kind)}`;
      }
      const [b, a] = side === bids ? [said, ''] : ['', said];
      return frameText('update', b, a, sumOf(asks, bids), time);
    },
    state: () => ({ bids: statesOf(bids), asks: statesOf(asks) }),
  };
}

/** A snapshot, then updates: `frames` of them in all. */
export function deepBook(depth: number, frames: number): BookStory {
  const book = openLiveBook(depth);
  const texts = [book.snapshot(timeOf(0))];
  for (let frame = 1; frame < frames; frame++) texts.push(book.update(timeOf(frame)));
  return { texts, ...book.state() };
}

function statesOf({ ticks, lots }: Side): string[] {
  return ticks.map((tick, at) => `${fixed(tick, 1)} ${fixed(lots[at] ?? 0, 8)}`);
}

function openSide(random: Random, depth: number, step: 1 | -1): Side {
  const side: Side = { ticks: [], lots: [], step };
  let tick = TICK_START + step;
  for (let level = 0; level < depth; level++) {
    side.ticks.push(tick);
    side.lots.push(lotsOf(random));
    tick += step * (1 + random.below(GAP_MAX));
  }
  return side;
}

/** One change of a level; where one goes, the one that comes into view from below is told as well. */
function changeText(
  random: Random,
  { ticks, lots, step }: Side,
  depth: number,
  kind: number,
): string {
  const far = Math.floor(-Math.log(1 - random.unit()) * depth * REACH);
  const at = Math.min(far, ticks.length - 2);
  const [tick = 0, worse = 0] = [ticks[at], ticks[at + 1]];
  if (kind < SHARE_NEW && Math.abs(worse - tick) > 1) {
    ticks.splice(at + 1, 0, tick + step);
    lots.splice(at + 1, 0, lotsOf(random));
    ticks.length = depth;
    lots.length = depth;
    return levelText(tick + step, lots[at + 1] ?? 0);
  }
  if (kind >= SHARE_NEW && kind < SHARE_GONE) {
    ticks.splice(at, 1);
    lots.splice(at, 1);
    const below = (ticks.at(-1) ?? 0) + step * (1 + random.below(GAP_MAX));
    ticks.push(below);
    lots.push(lotsOf(random));
    return `${levelText(tick, 0)},${levelText(below, lots.at(-1) ?? 0)}`;
  }
  lots[at] = lotsOf(random);
  return levelText(tick, lots[at]);
}

/** Between a thousandth and some ten, with eight decimals. */
function lotsOf(random: Random): number {
  return 100_000 + Math.floor(random.unit() ** 4 * 1e9);
}

function levelText(tick: number, lots: number): string {
  return `{"price":${fixed(tick, 1)},"qty":${fixed(lots, 8)}}`;
}

function levelsText({ ticks, lots }: Side): string {
  return ticks.map((tick, at) => levelText(tick, lots[at] ?? 0)).join(',');
}

function fixed(units: number, decimals: number): string {
  const digits = String(units).padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

function sumOf(asks: Side, bids: Side): number {
  const text = [asks, bids].flatMap(({ ticks, lots }) =>
    ticks.slice(0, CHECKSUM_LEVELS).map((tick, at) => `${tick}${lots[at] ?? 0}`),
  );
  return crc32(text.join(''));
}

function timeOf(frame: number): string {
  const second = String(Math.floor(frame / 1000) % 60).padStart(2, '0');
  const minute = String(Math.floor(frame / 60_000) % 60).padStart(2, '0');
  const micros = String((frame % 1000) * 1000 + 233).padStart(6, '0');
  return `2026-11-21T12:${minute}:${second}.${micros}Z`;
}

function frameText(type: string, bids: string, asks: string, sum: number, time: string): string {
  return `{"channel":"book","type":"${type}","data":[{"symbol":"BTC/USD","bids":[${bids}],"asks":[${asks}],"checksum":${sum},"timestamp":"${time}"}]}`;
}
