/** What a connector to OKX may get wrong, each broken in one place, and a test that has to say so. */
import type { RuleMutant } from './mutant.ts';
import { ENTRIES_SORTED, SIDES_SWAPPED, SIZE_0_STORED, WHOLE_MS_AS_US } from './shared.ts';

export const OKX_MUTANTS: readonly RuleMutant[] = [
  {
    rule: 'sides are cut to the depth sent',
    mistake: 'no truncation to depth',
    file: 'connectors/okx/book.ts',
    find: '  truncateOrderBook(book, LEVELS);\n',
    replace: '',
    by: {
      file: 'test/unit/okx-book.test.ts',
      test: 'sides are cut to 400, whatever depth was asked for',
    },
  },
  {
    rule: 'numbers never go through a double',
    mistake: 'float round trip of numbers',
    file: 'connectors/okx/channels.ts',
    find: '    out.level(hi, lo, exp, reader.hi, reader.lo, reader.exp);',
    replace:
      '    const size = reader.hi * 4294967296 + (reader.lo >>> 0);\n    out.level(hi, lo, exp, Math.floor(size / 4294967296), size | 0, reader.exp);',
    by: {
      file: 'test/unit/okx-book.test.ts',
      test: 'the wire’s digits count: trailing zeros, zeros before, more than a double holds',
    },
  },
  {
    ...SIZE_0_STORED,
    by: {
      file: 'test/unit/okx-book.test.ts',
      test: 'size 0 deletes, a level that is not held too',
    },
  },
  {
    ...ENTRIES_SORTED,
    by: { file: 'test/unit/okx-book.test.ts', test: 'the last word on a price counts' },
  },
  {
    rule: 'asks are asks',
    mistake: 'bids and asks swapped',
    file: 'connectors/okx/rigid-frames.ts',
    find: '  out.bid_to[event] = out.levels;\n',
    replace: '  out.bid_to[event] = out.levels;\n' + SIDES_SWAPPED,
    by: {
      file: 'test/unit/okx-decode.test.ts',
      test: 'books: levels with the wire’s digits, both ids, signed checksum',
    },
  },
  {
    rule: 'a message lost breaks the chain',
    mistake: 'one message dropped',
    file: 'connectors/okx/book.ts',
    find: '  if (id === null || previous !== state.last) {',
    replace: '  if (id === null) {',
    by: {
      file: 'test/unit/okx-book.test.ts',
      test: 'a message lost: both values are told, and all is held until a snapshot',
    },
  },
  {
    rule: 'messages swapped break the chain',
    mistake: 'two messages swapped',
    file: 'connectors/okx/book.ts',
    find: '  if (id === null || previous !== state.last) {',
    replace: '  if (id === null || previous === null || previous < state.last) {',
    by: { file: 'test/unit/okx-book.test.ts', test: 'two messages swapped break it at once' },
  },
  {
    rule: 'a repeat is held',
    mistake: 'one message duplicated',
    file: 'connectors/okx/book.ts',
    find: '    if (isRepeat(state, id, previous)) return 0;\n',
    replace: '',
    by: {
      file: 'test/unit/okx-book.test.ts',
      test: 'a message twice in a row is held, a later repeat is a fault',
    },
  },
  {
    rule: 'a quiet book is no gap',
    mistake: 'keep-alive seen as a gap',
    file: 'connectors/okx/book.ts',
    find: '  if (id === null || previous !== state.last) {',
    replace: '  if (id === null || previous !== state.last || id === previous) {',
    by: {
      file: 'test/unit/okx-book.test.ts',
      test: 'a quiet book is no gap: no levels, seqId equal to prevSeqId',
    },
  },
  {
    rule: 'ids may begin anew',
    file: 'connectors/okx/book.ts',
    find: '  if (id === null || previous !== state.last) {',
    replace: '  if (id === null || previous !== state.last || id < state.last) {',
    by: {
      file: 'test/unit/okx-book.test.ts',
      test: 'ids that begin anew after maintenance are no gap, where they chain',
    },
  },
  {
    rule: 'an update before the snapshot is held',
    mistake: 'update applied before the snapshot',
    file: 'connectors/okx/book.ts',
    find: "  if (state.phase !== 'whole') return withoutSnapshot(state, 'update');\n",
    replace: '',
    by: {
      file: 'test/unit/okx-book.test.ts',
      test: 'an update before the snapshot is a fault, held, and the snapshot heals',
    },
  },
  {
    rule: 'a snapshot replaces the book',
    mistake: 'snapshot not clearing',
    file: 'connectors/okx/book.ts',
    find: '    clearOrderBook(state.book);\n',
    replace: '',
    by: {
      file: 'test/unit/okx-book.test.ts',
      test: 'a message lost: both values are told, and all is held until a snapshot',
    },
  },
  {
    rule: 'a checksum of 0 is none',
    mistake: 'checksum 0 seen as a mismatch',
    file: 'connectors/okx/rigid-frames.ts',
    find: 'if (reader.lo !== 0) out.setU32(event, FIELD.book.checksum',
    replace: 'out.setU32(event, FIELD.book.checksum',
    by: {
      file: 'test/unit/okx-book.test.ts',
      test: '0 and absent are "not provided", never a mismatch',
    },
  },
  {
    rule: 'the checksum is of 25 levels a side',
    file: 'connectors/okx/checksum.ts',
    find: 'export const CHECKSUM_LEVELS = 25;',
    replace: 'export const CHECKSUM_LEVELS = 10;',
    by: { file: 'test/unit/okx-book.test.ts', test: 'against zlib on books of any shape' },
  },
  {
    rule: 'a mismatch breaks the book',
    file: 'connectors/okx/book.ts',
    find: '    if (received !== expected) {',
    replace: '    if (received === 1 - expected) {',
    by: {
      file: 'test/unit/okx-book.test.ts',
      test: 'a mismatch breaks the book even where the ids chain',
    },
  },
  {
    rule: 'a crossed book is a fault',
    file: 'connectors/okx/book.ts',
    find: '  } else if (isCrossed(book)) {',
    replace: '  } else if (book.bids.count < 0) {',
    by: {
      file: 'test/unit/okx-book.test.ts',
      test: 'a crossed book is a fault where nothing else proves it',
    },
  },
  {
    rule: 'what nothing proves is unverified',
    file: 'connectors/okx/book.ts',
    find: '  return isSnapshot || touchesTop(state.book, buffer, event);',
    replace: '  return isSnapshot || touchesTop(state.book, buffer, event) || true;',
    by: {
      file: 'test/unit/okx-book.test.ts',
      test: 'no chain: a change below the 25 best is unverified, and so is a deep book',
    },
  },
  {
    rule: 'the side is the taker’s',
    mistake: 'side not turned to the taker’s',
    file: 'connectors/okx/rigid-frames.ts',
    find: 'out.setSide(event, FIELD.trade.side, bought ? 1 : 2);',
    replace: 'out.setSide(event, FIELD.trade.side, bought ? 2 : 1);',
    by: {
      file: 'test/unit/okx-decode.test.ts',
      test: 'trades: side is the taker’s as it stands, not turned round',
    },
  },
  {
    ...WHOLE_MS_AS_US,
    by: {
      file: 'test/unit/okx-decode.test.ts',
      test: 'bbo-tbt: a quote; a side that is empty is absent',
    },
  },
  {
    rule: 'a pong is no data',
    mistake: 'heartbeat counted as data',
    file: 'connectors/okx/decode.ts',
    find: "    out.kind = 'pong';",
    replace: "    out.kind = 'data';",
    by: {
      file: 'test/unit/okx-decode.test.ts',
      test: 'the word pong is a pong and no data; other words are not',
    },
  },
  {
    rule: 'a refusal is no acknowledgement',
    mistake: 'refusal taken for an acknowledgement',
    file: 'connectors/okx/reply.ts',
    find: "  out.kind = 'refused';\n  out.reason = wordsOf(reply);",
    replace: "  out.kind = 'ack';\n  out.reason = wordsOf(reply);",
    by: {
      file: 'test/simulation/okx-recovery.test.ts',
      test: 'a market that the venue has not is an alarm of its own, the others are live',
    },
  },
  {
    rule: 'a refusal is one market’s',
    file: 'connectors/okx/reply.ts',
    find: '  if (channel === undefined || market === undefined) return;',
    replace: "  if (channel === undefined || market === undefined || channel !== '') return;",
    by: {
      file: 'test/simulation/okx-recovery.test.ts',
      test: 'a market that the venue has not is an alarm of its own, the others are live',
    },
  },
  {
    rule: 'candles are served on a path of their own',
    mistake: 'silence of a wrong path unseen',
    file: 'connectors/okx/protocol.ts',
    find: "{ path: 'business', swaps_only: false",
    replace: "{ path: 'public', swaps_only: false",
    by: {
      file: 'test/unit/okx-protocol.test.ts',
      test: 'candles on the business socket, the rest on the public one',
    },
  },
  {
    rule: 'a silent connection is given up',
    file: 'connectors/okx/protocol.ts',
    find: '    silence_ms: 25_000,',
    replace: '    silence_ms: 250_000,',
    by: {
      file: 'test/simulation/okx-recovery.test.ts',
      test: 'a connection that falls silent is given up after 25 s and opened anew',
    },
  },
  {
    rule: 'trade ids only grow',
    file: 'connectors/okx/feed.ts',
    find: "  trade_ids: 'increasing',",
    replace: "  trade_ids: 'contiguous',",
    by: {
      file: 'test/simulation/okx-recovery.test.ts',
      test: 'a trade of several executions is no gap in the ids',
    },
  },
];
