/**
 * What a connector to Bybit may get wrong, each broken in one place, and a test that has to say so.
 */
import type { RuleMutant } from './mutant.ts';
import { ENTRIES_SORTED, SIDES_SWAPPED, SIZE_0_STORED, WHOLE_MS_AS_US } from './shared.ts';

const BOOK = 'connectors/bybit-linear/book.ts';
const CHANNELS = 'connectors/bybit-linear/channels.ts';
const BOOK_TEST = 'test/unit/bybit-linear-book.test.ts';
const DECODE_TEST = 'test/unit/bybit-linear-decode.test.ts';

export const BYBIT_MUTANTS: readonly RuleMutant[] = [
  {
    rule: 'sides are cut to the depth of the topic',
    mistake: 'no truncation to depth',
    file: BOOK,
    find: '  truncateOrderBook(book, state.depth);\n',
    replace: '',
    by: {
      file: BOOK_TEST,
      test: 'sides are cut to the depth of the topic, whatever was asked for',
    },
  },
  {
    rule: 'numbers never go through a double',
    mistake: 'float round trip of numbers',
    file: CHANNELS,
    find: '    out.level(hi, lo, exp, reader.hi, reader.lo, reader.exp);',
    replace:
      '    const size = reader.hi * 4294967296 + (reader.lo >>> 0);\n    out.level(hi, lo, exp, Math.floor(size / 4294967296), size | 0, reader.exp);',
    by: {
      file: BOOK_TEST,
      test: 'the wire’s digits are kept: trailing zeros, more than a double holds',
    },
  },
  {
    ...SIZE_0_STORED,
    by: { file: BOOK_TEST, test: 'size 0 deletes, a level that is not held too' },
  },
  {
    ...ENTRIES_SORTED,
    by: { file: BOOK_TEST, test: 'the last word on a price counts: entries keep their order' },
  },
  {
    rule: 'asks are asks',
    mistake: 'bids and asks swapped',
    file: 'connectors/bybit-linear/rigid-frames.ts',
    find: '  out.ask_to[event] = out.levels;\n',
    replace: '  out.ask_to[event] = out.levels;\n' + SIDES_SWAPPED,
    by: {
      file: DECODE_TEST,
      test: 'orderbook: levels with the wire’s digits, u, and the matching engine’s time',
    },
  },
  {
    rule: 'a message lost breaks the count',
    mistake: 'one message dropped',
    file: BOOK,
    find: '  if (id === state.last + 1n) return',
    replace: '  if (id > state.last) return',
    by: {
      file: BOOK_TEST,
      test: 'a message lost: both values are told, and all is held until a snapshot',
    },
  },
  {
    rule: 'a message twice is held',
    mistake: 'one message duplicated',
    file: BOOK,
    find: '  if (id === state.last && isSameTime(state, buffer, event)) return 0;\n',
    replace: '',
    by: { file: BOOK_TEST, test: 'a message twice in a row is held, a later repeat is a fault' },
  },
  {
    rule: 'nothing is applied before the snapshot',
    mistake: 'update applied before the snapshot',
    file: BOOK,
    find: "  if (state.phase !== 'whole') return withoutSnapshot(state, 'delta');\n",
    replace: "  if (state.phase !== 'whole') return update(state, buffer, event, id, 0);\n",
    by: {
      file: BOOK_TEST,
      test: 'a delta before the snapshot is a fault, held, and the snapshot heals',
    },
  },
  {
    rule: 'a snapshot clears',
    mistake: 'snapshot not clearing',
    file: BOOK,
    find: '    clearOrderBook(state.book);\n',
    replace: '',
    by: {
      file: BOOK_TEST,
      test: 'a snapshot comes at any time, with any u, and clears what was there',
    },
  },
  {
    rule: 'u 1 is no gap',
    mistake: 'u of 1 seen as a gap',
    file: 'connectors/bybit-linear/rigid-frames.ts',
    find: '  if (restarted) out.flags[event] = FLAG.SNAPSHOT;\n',
    replace: '',
    by: {
      file: BOOK_TEST,
      test: 'u 1 is a restart and no gap, whatever its type says; it counts on from there',
    },
  },
  {
    rule: 'the side of a liquidation is the position’s',
    file: CHANNELS,
    find: 'side === 1 ? 2 : 1);',
    replace: 'side);',
    by: {
      file: DECODE_TEST,
      test: 'allLiquidation: a long position (Buy) is closed by an order that sells',
    },
  },
  {
    rule: 'an answer to a ping is no data',
    mistake: 'heartbeat counted as data',
    file: 'connectors/bybit-linear/reply.ts',
    find: "    out.kind = 'pong';",
    replace: "    out.kind = 'data';",
    by: { file: DECODE_TEST, test: 'an answer to a ping is a pong and no data' },
  },
  {
    ...WHOLE_MS_AS_US,
    by: {
      file: DECODE_TEST,
      test: 'publicTrade: side is the taker’s as it stands, and no history',
    },
  },
  {
    rule: 'a refusal is no acknowledgement',
    mistake: 'refusal taken for an acknowledgement',
    file: 'connectors/bybit-linear/reply.ts',
    find: '  if (!success) refuse(msg, symbols, out);',
    replace: "  if (!success) out.kind = 'ack';",
    by: { file: DECODE_TEST, test: 'a refusal is one, and its words say of what' },
  },
  {
    rule: 'acknowledged and silent is an alarm',
    mistake: 'silence of a wrong path unseen',
    file: 'connectors/bybit-linear/protocol.ts',
    find: '  tickers: 10_000,',
    replace: '  tickers: null,',
    by: {
      file: 'test/simulation/bybit-linear-connector.test.ts',
      test: 'acknowledged and silent is found, and asked for again',
    },
  },
  {
    rule: 'what a ticker’s change leaves out holds on',
    file: 'fold/changes.ts',
    find: '    if (!isWhole && aux[slot] === ABSENT) {',
    replace: '    if (isWhole && aux[slot] === ABSENT) {',
    by: { file: 'test/unit/fold-changes.test.ts', test: 'what a delta leaves out holds on' },
  },
  {
    rule: 'messages swapped break the count',
    mistake: 'two messages swapped',
    file: BOOK,
    find: '  if (id === state.last + 1n) return',
    replace: '  if (id > state.last - 3n) return',
    by: { file: BOOK_TEST, test: 'two messages swapped break it at once' },
  },
  {
    rule: 'the side of a trade is the taker’s as it stands',
    mistake: 'side not turned to the taker’s',
    file: 'connectors/bybit-linear/rigid-frames.ts',
    find: 'out.setSide(event, FIELD.trade.side, bought ? 1 : 2);',
    replace: 'out.setSide(event, FIELD.trade.side, bought ? 2 : 1);',
    by: {
      file: DECODE_TEST,
      test: 'publicTrade: side is the taker’s as it stands, and no history',
    },
  },
];
