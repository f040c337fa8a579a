/**
 * The Binance USD-M recording in three readings: ours, tardis' and the plain one, and the proof that they
 * say the same. Ours are exact decimals in Cap'n Proto structs; tardis' are objects with doubles.
 */
import { encodeParts, decodeEvents } from '../codec/md2.ts';
import { EventArena } from '../codec/event-arena.ts';
import { EventBuffer } from '../codec/event-buffer.ts';
import { eventsOf } from '../codec/event-object.ts';
import { decoderOf } from '../connectors/feed.ts';
import { formatDecimal } from '../schema/decimal.ts';
import type { MarketEvent } from '../schema/events.ts';
import { msFromNs, unixNs } from '../schema/time.ts';
import { feedOf, marketsOf, packFrames, recorded } from './frames.ts';
import type { Frames } from './frames.ts';
import { WrongAnswer, demandEqual } from './question.ts';
import { loadTardis } from './tardis.ts';
import type { TardisMapper, TardisMessage } from './tardis.ts';

export const RECORDING = 'binance-usdm/btcusdt-20240808.jsonl.gz';
const FEED = 'binance-usdm';
const DAY = '2024-08-08';
const SYMBOLS = marketsOf(['BTCUSDT']);
const SYMBOL = SYMBOLS.symbols[0]?.symbol ?? '';
const decode = decoderOf(feedOf(FEED), DAY);
const FIRST_T = 1_723_161_255_000_000_000n;

/** Structs are handed on in blocks of this size. */
const BLOCK_BYTES = 1024 * 1024;

/** Without the snapshot that a REST request brought: RAW holds what came over the socket. */
export function binanceFrames(): Frames {
  return packFrames(recorded(RECORDING).filter((text) => text.startsWith('{"stream"')));
}

/** Bytes to structs: each block of them is given to `take`, which must not keep it. */
export function normalize(
  frames: Frames,
  loops: number,
  take: (block: Uint8Array) => number,
): string {
  const out = new EventBuffer();
  const arena = new EventArena(BLOCK_BYTES * 2);
  const header = { t: FIRST_T, index: 0, shard: 'bench', feed: FEED, symbol: SYMBOL };
  let events = 0;
  let bytes = 0;
  for (let loop = 0; loop < loops; loop++) {
    for (let frame = 0; frame < frames.count; frame++) {
      decode(frames.bytes, frames.starts[frame] ?? 0, frames.ends[frame] ?? 0, SYMBOLS, out);
      header.t += 1_000n;
      for (let event = 0; event < out.count; event++) encodeParts(out, event, header, arena);
      if (arena.used >= BLOCK_BYTES) {
        events += arena.count;
        bytes += take(arena.bytes.subarray(0, arena.used));
        arena.clear();
      }
    }
  }
  events += arena.count;
  bytes += take(arena.bytes.subarray(0, arena.used));
  return `${events} events, ${bytes} bytes`;
}

/** Every mapper tardis has for what was recorded, past the snapshot it waits for. */
export async function tardisMappers(frames: Frames): Promise<readonly TardisMapper[]> {
  const tardis = await loadTardis();
  const first = new Date(msFromNs(unixNs(FIRST_T)));
  const mappers = [
    tardis.normalizeTrades,
    tardis.normalizeBookChanges,
    tardis.normalizeBookTickers,
  ].map((normalizer) => normalizer('binance-futures', first));
  const depth = frames.texts.find((text) => text.includes('@depth')) ?? '{}';
  const { data } = JSON.parse(depth) as { readonly data: { readonly U: number } };
  const snapshot = { lastUpdateId: data.U, bids: [], asks: [] };
  for (const mapper of mappers) {
    const message = { stream: 'btcusdt@depthSnapshot', data: snapshot };
    if (mapper.canHandle(message)) for (const _ of mapper.map(message, first) ?? []);
  }
  return mappers;
}

/** Text to tardis' messages, as its `replayNormalized` does it; each is given to `take`. */
export function mapAll(
  frames: Frames,
  loops: number,
  mappers: readonly TardisMapper[],
  take: (message: TardisMessage) => number,
): string {
  const received = new Date(msFromNs(unixNs(FIRST_T)));
  let messages = 0;
  let bytes = 0;
  for (let loop = 0; loop < loops; loop++) {
    for (const text of frames.texts) {
      const message: unknown = JSON.parse(text);
      for (const mapper of mappers) {
        if (!mapper.canHandle(message)) continue;
        for (const mapped of mapper.map(message, received) ?? []) {
          messages++;
          bytes += take(mapped);
        }
      }
    }
  }
  return `${messages} messages, ${bytes} bytes`;
}

/** Fails unless all three readings of every frame agree. */
export async function checkReadings(frames: Frames): Promise<void> {
  const mappers = await tardisMappers(frames);
  const out = new EventBuffer();
  const arena = new EventArena();
  const header = { t: unixNs(FIRST_T), shard: 'bench', feed: FEED, symbolOf: () => SYMBOL };
  for (let frame = 0; frame < frames.count; frame++) {
    const text = frames.texts[frame] ?? '';
    decode(frames.bytes, frames.starts[frame] ?? 0, frames.ends[frame] ?? 0, SYMBOLS, out);
    const events = eventsOf(out, header);
    arena.clear();
    for (let event = 0; event < out.count; event++) {
      const { t, shard, feed } = header;
      encodeParts(out, event, { t, shard, feed, symbol: SYMBOL, index: 0 }, arena);
    }
    const written = [...decodeEvents(arena.bytes.subarray(0, arena.used))];
    demandEqual(written, events, `structs of ${text.slice(0, 200)}`);
    const plain = plainReading(text);
    demandEqual(events.map(readingOf), plain, text.slice(0, 200));
    const mapped = mapped1(text, mappers);
    demandEqual(mapped.map(tardisReading), plain.map(inDoubles), `tardis, ${text.slice(0, 200)}`);
  }
}

function mapped1(text: string, mappers: readonly TardisMapper[]): TardisMessage[] {
  const message: unknown = JSON.parse(text);
  const received = new Date(0);
  return mappers
    .filter((mapper) => mapper.canHandle(message))
    .flatMap((mapper) => [...(mapper.map(message, received) ?? [])]);
}

/** What a message says: its digits, and what tells it from others. */
type Reading = { readonly type: string; readonly digits: readonly string[]; readonly id: string };

type Payload = {
  readonly e: string;
  readonly p: string;
  readonly q: string;
  readonly m: boolean;
  readonly t: number;
  readonly T: number;
  readonly B: string;
  readonly A: string;
  readonly b: string | readonly (readonly [string, string])[];
  readonly a: string | readonly (readonly [string, string])[];
};

export function plainReading(text: string): readonly Reading[] {
  const { data } = JSON.parse(text) as { readonly data: Payload };
  const { e, p, q, m, t, T, b, B, a, A } = data;
  if (e === 'trade')
    return [{ type: 'trade', digits: [p, q], id: `${t} ${m ? 'sell' : 'buy'} ${T}` }];
  if (typeof b === 'string' && typeof a === 'string') {
    return [{ type: 'quote', digits: [b, B, a, A], id: '' }];
  }
  if (e !== 'depthUpdate') throw new WrongAnswer(`the recording holds ${e}`);
  return [{ type: 'book', digits: [...b, 'asks', ...a].flat(), id: '' }];
}

export function readingOf(event: MarketEvent): Reading {
  const text = (value: Parameters<typeof formatDecimal>[0] | null): string =>
    value === null ? 'absent' : formatDecimal(value);
  switch (event.type) {
    case 'trade': {
      const { price, size, trade_id, side, ts_event } = event;
      const ms = ts_event === null ? 'absent' : msFromNs(ts_event);
      const id = `${trade_id ?? 'absent'} ${side ?? 'absent'} ${ms}`;
      return { type: 'trade', digits: [text(price), text(size)], id };
    }
    case 'quote': {
      const { bid_price, bid_size, ask_price, ask_size } = event;
      return {
        type: 'quote',
        digits: [bid_price, bid_size, ask_price, ask_size].map(text),
        id: '',
      };
    }
    case 'book': {
      const side = (levels: typeof event.bids): string[] =>
        levels.flatMap(({ price, size }) => [text(price), text(size)]);
      return { type: 'book', digits: [...side(event.bids), 'asks', ...side(event.asks)], id: '' };
    }
    default:
      throw new WrongAnswer(`a recording of trades, quotes and books yields a ${event.type}`);
  }
}

type Doubles = { readonly type: string; readonly values: readonly number[]; readonly id: string };

/** Doubles are all that tardis keeps: of exact digits, the nearest ones. */
function inDoubles({ type, digits, id }: Reading): Doubles {
  return { type, values: digits.map((it) => (it === 'asks' ? -1 : Number(it))), id };
}

function tardisReading(message: TardisMessage): Doubles {
  switch (message.type) {
    case 'trade': {
      const { price, amount, id, side, timestamp } = message;
      return { type: 'trade', values: [price, amount], id: `${id} ${side} ${timestamp.getTime()}` };
    }
    case 'book_ticker': {
      const { bidPrice, bidAmount, askPrice, askAmount } = message;
      return { type: 'quote', values: [bidPrice, bidAmount, askPrice, askAmount], id: '' };
    }
    case 'book_change': {
      const values = [...message.bids, { price: -1, amount: -1 }, ...message.asks];
      const flat = values.flatMap(({ price, amount }) => (price < 0 ? [-1] : [price, amount]));
      return { type: 'book', values: flat, id: '' };
    }
    default:
      throw new WrongAnswer('tardis made a message of another kind');
  }
}
