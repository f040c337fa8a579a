import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeFrame } from '../support/kraken-frames.ts';
import type { Decoded } from '../support/frames.ts';
import { meaningOf } from '../support/kraken-oracle.ts';
import { hold } from '../support/property.ts';

const MARKETS = { 'BTC/USD': 'BTCUSD', 'ETH/USDT': 'ETHUSDT' };

/** JSON whose numbers are texts and whose keys have an order. */
type Node =
  | { readonly raw: string }
  | { readonly text: string }
  | { readonly list: readonly Node[] }
  | { readonly keys: readonly (readonly [string, Node])[] };

/** A row of numbers that follows from its seed. */
function chooser(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return (state ^ (state >>> 13)) >>> 0;
  };
}

const text = (value: string): Node => ({ text: value });
const raw = (value: string): Node => ({ raw: value });

const digits = fc.stringMatching(/^(0|[1-9]\d{0,8})(\.\d{1,9})?$/);
const price = fc.oneof(
  { weight: 12, arbitrary: digits },
  { weight: 2, arbitrary: fc.stringMatching(/^(0|[1-9]\d{0,18})(\.\d{1,4})?$/) },
  { weight: 2, arbitrary: fc.stringMatching(/^[1-9](\.\d{1,3})?[eE][+-]?\d{1,2}$/) },
  { weight: 2, arbitrary: fc.constantFrom('0', '0.0', '0.00000000', '0e5') },
);
const whole = fc.stringMatching(/^(0|[1-9]\d{0,11})$/);
const time = fc.constantFrom(
  '2026-08-16T23:37:05.815233Z',
  '2023-07-30T15:29:58Z',
  '2026-08-12T19:28:44.084233010Z',
  '1970-01-01T00:00:00.000000Z',
);
const word = fc.oneof(
  fc.constantFrom('limit', 'market', 'online', 'BTC', 'sell/"buy"', 'größe', '', '\n\u0001\\'),
  fc.string({ unit: 'grapheme', maxLength: 6 }).filter((value) => !value.startsWith('#')),
);
const market = fc.constantFrom('BTC/USD', 'BTC/USD', 'ETH/USDT', 'DOGE/USD');

const numberNode = price.map(raw);
const countNode = whole.map(raw);
const timeNode = time.map(text);
const wordNode = word.map(text);

/** What no field expects, or only some do. */
const oddNode: fc.Arbitrary<Node> = fc.oneof(
  fc.constantFrom(
    raw('null'),
    raw('true'),
    raw('-1.5'),
    raw('9223372036854775807'),
    raw('9223372036854775808'),
    raw('1e64'),
    raw('1.0'),
    text('12'),
    { list: [] },
    { keys: [] },
  ),
  wordNode,
);

const unknownNode: fc.Arbitrary<Node> = fc.oneof(
  oddNode,
  fc.array(oddNode, { maxLength: 3 }).map((list): Node => ({ list })),
  oddNode.map((value): Node => ({ keys: [['data', value]] })),
);

type Fields = Readonly<Record<string, fc.Arbitrary<Node>>>;

/** An object in any order: fields now and then missing or odd, unknown keys among them. */
function objectOf(fields: Fields, oddity: number): fc.Arbitrary<Node> {
  const names = Object.keys(fields);
  const entry = (name: string): fc.Arbitrary<readonly (readonly [string, Node])[]> => {
    const field = fields[name] ?? oddNode;
    return fc.oneof(
      { weight: 400, arbitrary: field.map((node) => [[name, node] as const]) },
      { weight: oddity, arbitrary: fc.constant([]) },
      { weight: oddity, arbitrary: oddNode.map((node) => [[name, node] as const]) },
    );
  };
  const extras = fc.array(
    fc.tuple(fc.constantFrom('x', 'prices', 'bid_', 'unknown key', 'ü'), unknownNode),
    { maxLength: 1 },
  );
  return fc.tuple(fc.tuple(...names.map(entry)), extras, fc.nat()).map(([found, more, seed]) => {
    const choose = chooser(seed);
    const ranked = [...found.flat(), ...more].map((it) => ({ it, rank: choose() }));
    return { keys: ranked.sort((a, b) => a.rank - b.rank).map(({ it }) => it) };
  });
}

function listOf(node: fc.Arbitrary<Node>, most = 3): fc.Arbitrary<Node> {
  return fc.array(node, { maxLength: most }).map((list): Node => ({ list }));
}

const symbol = market.map(text);

function elementOf(channel: string, oddity: number): fc.Arbitrary<Node> {
  const levels = listOf(objectOf({ price: numberNode, qty: numberNode }, oddity), 4);
  const elements: Readonly<Record<string, Fields>> = {
    book: { symbol, bids: levels, asks: levels, checksum: countNode, timestamp: timeNode },
    trade: {
      symbol,
      side: fc.constantFrom('buy', 'sell').map(text),
      price: numberNode,
      qty: numberNode,
      ord_type: wordNode,
      trade_id: countNode,
      timestamp: timeNode,
    },
    ticker: {
      symbol,
      bid: numberNode,
      bid_qty: numberNode,
      ask: numberNode,
      ask_qty: numberNode,
      last: numberNode,
      volume: numberNode,
      vwap: numberNode,
      low: numberNode,
      high: numberNode,
      change: price.map((it) => raw(`-${it}`)),
      change_pct: numberNode,
      trades: countNode,
      timestamp: timeNode,
    },
    ohlc: {
      symbol,
      open: numberNode,
      high: numberNode,
      low: numberNode,
      close: numberNode,
      trades: countNode,
      volume: numberNode,
      vwap: numberNode,
      interval_begin: timeNode,
      interval: fc.constantFrom('1', '60', '21600').map(raw),
      timestamp: timeNode,
    },
    instrument: {
      symbol,
      base: wordNode,
      quote: wordNode,
      status: wordNode,
      qty_precision: fc.constantFrom('5', '8').map(raw),
      qty_increment: numberNode,
      price_precision: fc.constantFrom('1', '6').map(raw),
      price_increment: numberNode,
      tick_size: numberNode,
      cost_min: numberNode,
      qty_min: numberNode,
    },
  };
  return objectOf(elements[channel] ?? {}, oddity);
}

function dataFrame(channel: string, oddity: number): fc.Arbitrary<Node> {
  const list = listOf(elementOf(channel, oddity));
  const data =
    channel === 'instrument' ? objectOf({ pairs: list, assets: listOf(oddNode) }, oddity) : list;
  const type = fc.constantFrom('snapshot', 'update').map(text);
  const fields: Fields = { channel: fc.constant(text(channel)), type, data };
  const timed: Fields = { ...fields, timestamp: timeNode };
  return objectOf(channel === 'ohlc' ? timed : fields, oddity);
}

const reply = objectOf(
  {
    method: fc.constantFrom('subscribe', 'unsubscribe', 'pong').map(text),
    result: objectOf(
      { channel: fc.constant(text('book')), symbol, warnings: listOf(wordNode) },
      20,
    ),
    success: fc.constantFrom('true', 'true', 'false').map(raw),
    req_id: countNode,
    time_in: timeNode,
  },
  20,
);
const refusal = objectOf(
  {
    method: fc.constant(text('subscribe')),
    error: wordNode,
    success: fc.constant(raw('false')),
    symbol,
  },
  20,
);
const status = objectOf(
  {
    channel: fc.constantFrom('status', 'heartbeat', 'level3').map(text),
    type: fc.constant(text('update')),
    data: listOf(objectOf({ system: wordNode, connection_id: fc.constant(raw('7694')) }, 20)),
  },
  20,
);

const CHANNELS = ['book', 'trade', 'ticker', 'ohlc', 'instrument'];

/** Valid JSON of the node, spaced and escaped in one of many ways. */
function write(node: Node, choose: () => number): string {
  const gap = (): string => ['', '', '', ' ', '\n\t', '\r\n  '][choose() % 6] ?? '';
  const wrap = (value: string): string => `${gap()}${value}${gap()}`;
  if ('raw' in node) return wrap(node.raw);
  if ('text' in node) return wrap(quote(node.text, choose));
  if ('list' in node)
    return wrap(`[${node.list.map((it) => write(it, choose)).join(',') || gap()}]`);
  const entries = node.keys.map(
    ([key, value]) => `${wrap(quote(key, choose))}:${write(value, choose)}`,
  );
  return wrap(`{${entries.join(',') || gap()}}`);
}

function quote(value: string, choose: () => number): string {
  if (choose() % 8 !== 0) return JSON.stringify(value);
  const escaped = value.replace(/[^]/g, (unit) => {
    if (unit === '/') return '\\/';
    const code = unit.charCodeAt(0).toString(16).padStart(4, '0');
    return choose() % 2 === 0 ? `\\u${code}` : JSON.stringify(unit).slice(1, -1);
  });
  return `"${escaped}"`;
}

const written = (node: fc.Arbitrary<Node>): fc.Arbitrary<string> =>
  fc.tuple(node, fc.nat()).map(([it, seed]) => write(it, chooser(seed)));

function agrees(frame: string): Decoded {
  const decoded = decodeFrame(frame);
  const expected = meaningOf(frame, MARKETS);
  assert.equal(decoded.kind, expected.kind, `${decoded.reason} in ${frame}`);
  assert.deepEqual(decoded.events, expected.events);
  if (decoded.kind !== 'rejected') assert.equal(decoded.reason, expected.reason);
  return decoded;
}

for (const channel of CHANNELS) {
  test(`${channel}: any order, spacing, escapes and extra keys mean the same`, () => {
    const kinds = new Set<string>();
    const frames = fc.oneof(
      { weight: 3, arbitrary: written(dataFrame(channel, 0)) },
      { weight: 2, arbitrary: written(dataFrame(channel, 5)) },
    );
    hold(
      fc.property(frames, (frame) => {
        kinds.add(agrees(frame).kind);
      }),
      250,
    );
    assert.ok(kinds.has('data') && kinds.has('rejected'), [...kinds].join());
  });
}

test('replies, refusals and the venue about itself mean the same in any form', () => {
  hold(
    fc.property(fc.oneof(written(reply), written(refusal), written(status)), (frame) => {
      agrees(frame);
    }),
    400,
  );
});

const anyFrame = fc.oneof(...CHANNELS.map((it) => written(dataFrame(it, 0))), written(reply));

/** One change of the bytes. */
const damage = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  remove: fc.nat({ max: 3 }),
  insert: fc.oneof(
    fc.uint8Array({ maxLength: 3 }),
    fc
      .constantFrom('"', '{', '}', '[', ']', ',', ':', '-', '0', 'e9')
      .map((it) => new TextEncoder().encode(it)),
  ),
});

test('damaged bytes are never a throw, and what stays valid JSON means what it says', () => {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  hold(
    fc.property(anyFrame, fc.array(damage, { minLength: 1, maxLength: 3 }), (frame, damages) => {
      let bytes: Uint8Array = new TextEncoder().encode(frame);
      for (const { at, remove, insert } of damages) {
        const from = Math.floor(at * bytes.length);
        bytes = Uint8Array.from([
          ...bytes.subarray(0, from),
          ...insert,
          ...bytes.subarray(from + remove),
        ]);
      }
      const decoded = decodeFrame(bytes);
      if (decoded.kind !== 'data') assert.equal(decoded.events.length, 0);
      if (decoded.kind === 'rejected') assert.ok(decoded.reason !== '' && decoded.at >= 0);
      let damaged: string;
      try {
        damaged = utf8.decode(bytes);
        JSON.parse(damaged);
      } catch {
        return;
      }
      if (!hasRepeatedKeys(damaged)) agrees(damaged);
    }),
    1500,
  );
});

/** A key twice is legal JSON without a meaning: which one counts is nobody's promise. */
function hasRepeatedKeys(frame: string): boolean {
  const objects: Set<string>[] = [];
  let repeated = false;
  for (const [token] of frame.matchAll(/"(?:[^"\\]|\\.)*"\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{') objects.push(new Set());
    else if (token === '}') objects.pop();
    else if (token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, -1).trim()) as string;
      if (objects.at(-1)?.has(key) === true) repeated = true;
      objects.at(-1)?.add(key);
    }
  }
  return repeated;
}
