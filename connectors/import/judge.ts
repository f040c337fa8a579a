/** Whether what a recording calls a frame is one: JSON over the socket, or a word of keep-alive. */
import { frameForm } from '../../codec/frame-form.ts';
import { KEY_END, keyTable } from '../../codec/key-table.ts';
import { QuotedReader } from '../../codec/quoted-reader.ts';
import { rejected, textOf } from './format.ts';
import type { RecordedLine } from './format.ts';

/**
 * How REST replies of a feed look, by their top-level keys: all of `all`, none of `none`. From the
 * venues' published REST shapes, from memory, and for Binance a recorded depth snapshot.
 */
const REST: readonly {
  readonly feed: string;
  readonly all: readonly string[];
  readonly none: readonly string[];
}[] = [
  { feed: 'binance-usdm', all: ['lastUpdateId'], none: ['e', 'stream'] },
  { feed: 'binance-usdm', all: ['serverTime'], none: ['e', 'stream', 'id'] },
  { feed: 'kraken', all: ['error', 'result'], none: ['channel', 'method'] },
  { feed: 'okx', all: ['code', 'msg', 'data'], none: ['arg', 'event', 'op'] },
  { feed: 'bybit-linear', all: ['retCode', 'result'], none: ['topic', 'op'] },
  { feed: 'coinbase', all: ['bids', 'asks', 'sequence'], none: ['type', 'channel'] },
];

const KEEP_ALIVE = /^(?:ping|pong)$/;
const KEEP_ALIVE_BYTES_MAX = 8;
const scanner = new QuotedReader<never>();
const NO_KEYS = keyTable();

/** Null where `bytes[from, to)` is a frame of `feed`, else the rejection. */
export function judgeFrame(
  feed: string,
  bytes: Uint8Array,
  from: number,
  to: number,
): RecordedLine | null {
  const form = frameForm(bytes, from, to);
  if (form === 'base64') return rejected('the frame is not UTF-8');
  if (form === 'text') {
    const short = to - from <= KEEP_ALIVE_BYTES_MAX;
    if (short && KEEP_ALIVE.test(textOf(bytes, from, to))) return null;
    scanner.reset(bytes, from, to);
    scanner.skip();
    return rejected(`the frame is not JSON: at byte ${scanner.at - from} of ${to - from}`);
  }
  scanner.reset(bytes, from, to);
  const first = scanner.peek();
  if (first === 0x5b) return null;
  if (first !== 0x7b) return rejected('the frame is no JSON object or array');
  const rules = REST.filter((rule) => rule.feed === feed);
  if (rules.length === 0) return null;
  const keys = topLevelKeys();
  const rest = rules.some(
    ({ all, none }) => all.every((key) => keys.has(key)) && !none.some((key) => keys.has(key)),
  );
  return rest ? rejected('a REST reply', 'rest_not_raw') : null;
}

function topLevelKeys(): ReadonlySet<string> {
  const keys = new Set<string>();
  scanner.beginObject();
  while (scanner.nextKey(NO_KEYS) !== KEY_END) {
    keys.add(scanner.text());
    scanner.skip();
  }
  return keys;
}
