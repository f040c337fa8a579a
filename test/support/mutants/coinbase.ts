/** What a connector to Coinbase may get wrong, each broken in one place, and a test that has to say so. */
import type { RuleMutant } from './mutant.ts';
import { ENTRIES_SORTED, SIZE_0_STORED } from './shared.ts';

const BOOK = 'test/unit/coinbase-book.test.ts';
const DECODE = 'test/unit/coinbase-decode.test.ts';
const CAPTURE = 'test/unit/coinbase-capture.test.ts';
const NUMBERS = 'test/unit/fold-numbers.test.ts';
const RECOVERY = 'test/simulation/coinbase-recovery.test.ts';

export const COINBASE_MUTANTS: readonly RuleMutant[] = [
  {
    rule: 'numbers never go through a double',
    mistake: 'float round trip of numbers',
    file: 'connectors/coinbase/channels.ts',
    find: '  else if (isBid) out.level(hi, lo, exp, size_hi, size_lo, size_exp);',
    replace: '  else if (isBid) out.level(hi, lo, exp, size_hi, (size_lo >>> 8) << 8, size_exp);',
    by: { file: BOOK, test: 'digits beyond a double are kept' },
  },
  {
    ...SIZE_0_STORED,
    by: {
      file: BOOK,
      test: 'updates replace sizes; 0 deletes, however many zeros it has, and what is not held too',
    },
  },
  {
    ...ENTRIES_SORTED,
    by: {
      file: BOOK,
      test: 'the order within a side is the message’s: the last word on a price counts',
    },
  },
  {
    rule: 'bids are bids',
    mistake: 'bids and asks swapped',
    file: 'connectors/coinbase/rigid-frames.ts',
    find: 'if (isBid) out.level(',
    replace: 'if (!isBid) out.level(',
    by: {
      file: DECODE,
      test: 'l2_data: called level2, sides apart, the latest time, the frame’s number',
    },
  },
  {
    rule: 'a side of the Exchange’s changes is what it says',
    file: 'connectors/coinbase/exchange.ts',
    find: 'const isBid = isOneOf(reader, BUY, SELL);',
    replace: 'const isBid = isOneOf(reader, SELL, BUY);',
    by: {
      file: CAPTURE,
      test: 'ten books, never crossed at the end of 9,729 messages; none is called proven',
    },
  },
  {
    rule: 'the side is the taker’s',
    mistake: 'side not turned to the taker’s',
    file: 'connectors/coinbase/channels.ts',
    find: 'maker_bought ? 2 : 1',
    replace: 'maker_bought ? 1 : 2',
    by: {
      file: CAPTURE,
      test: 'the side of a match is the maker’s: opposite to the ticker of the same trade',
    },
  },
  {
    rule: 'an update before the snapshot is no book',
    mistake: 'update applied before the snapshot',
    file: 'connectors/coinbase/book.ts',
    find: "  else if (state.phase !== 'whole') return withoutSnapshot(state, 'update');\n",
    replace: '',
    by: {
      file: BOOK,
      test: 'an update before the snapshot is a fault, held, and the snapshot heals',
    },
  },
  {
    rule: 'a snapshot replaces the book',
    mistake: 'snapshot not clearing',
    file: 'connectors/coinbase/book.ts',
    find: '  if (isSnapshot) clearOrderBook(book);',
    replace: '  if (isSnapshot) state.failed += 0;',
    by: { file: BOOK, test: 'a snapshot replaces everything' },
  },
  {
    rule: 'a book is never crossed',
    file: 'connectors/coinbase/book.ts',
    find: '  if (isCrossed(book)) {',
    replace: '  if (isCrossed(book) && state.failed < 0) {',
    by: {
      file: BOOK,
      test: 'a book that is crossed at a message’s end is broken until its snapshot',
    },
  },
  {
    rule: 'without numbers nothing is proven',
    file: 'connectors/coinbase/book.ts',
    find: '  if (state.numbered) {',
    replace: '  if (state.numbered || state.failed === 0) {',
    by: { file: BOOK, test: 'without numbers on frames nothing is proven' },
  },
  {
    rule: 'a frame lost is a hole',
    mistake: 'one message dropped',
    file: 'fold/speech.ts',
    find: '    if (last < 0 || number === last + 1) return true;',
    replace: '    if (last < 0 || number > last) return true;',
    by: {
      file: RECOVERY,
      test: 'a lost frame is a gap of all on the connection, and each book is asked for again',
    },
  },
  {
    rule: 'frames swapped are a hole',
    mistake: 'two messages swapped',
    file: 'fold/speech.ts',
    find: '    if (last < 0 || number === last + 1) return true;',
    replace: '    if (last < 0 || number === last + 1 || number < last) return true;',
    by: { file: NUMBERS, test: 'a frame that comes late is a hole like any other' },
  },
  {
    rule: 'a frame twice in a row is one',
    mistake: 'one message duplicated',
    file: 'fold/speech.ts',
    find: '    if (number === last) return false;\n',
    replace: '',
    by: { file: NUMBERS, test: 'the same frame twice in a row is dropped whole, and is no gap' },
  },
  {
    rule: 'heartbeats are counted as frames',
    file: 'connectors/coinbase/decode.ts',
    find: '  out.frame_sequence = frame.number;\n',
    replace: "  out.frame_sequence = frame.name === 'heartbeats' ? -1 : frame.number;\n",
    by: { file: DECODE, test: 'heartbeats live, and count as frames' },
  },
  {
    rule: 'heartbeats are no data',
    mistake: 'heartbeat counted as data',
    file: 'connectors/coinbase/decode.ts',
    find: "    out.kind = 'heartbeat';",
    replace: "    out.kind = 'data';",
    by: { file: DECODE, test: 'heartbeats live, and count as frames' },
  },
  {
    rule: 'what is rejected is lost',
    file: 'codec/event-buffer.ts',
    find: '    this.at = at;\n    this.frame_sequence = -1;\n',
    replace: '    this.at = at;\n',
    by: {
      file: NUMBERS,
      test: 'a rejected frame has no number: what it held is a gap at the next',
    },
  },
  {
    rule: 'seconds are not milliseconds',
    mistake: 'milliseconds read as microseconds',
    file: 'connectors/coinbase/frame-reader.ts',
    find: '(reader.lo >>> 0)) * 1000;',
    replace: '(reader.lo >>> 0)) * 1;',
    by: { file: DECODE, test: 'candles: five minutes from start, never said to be closed' },
  },
  {
    rule: 'trades go in the order they were made',
    file: 'connectors/coinbase/rigid-frames.ts',
    find: '  if (isNewestFirst(out, 0)) out.reverse(0);\n',
    replace: '',
    by: {
      file: DECODE,
      test: 'market_trades: newest first becomes oldest first, by time and then by id',
    },
  },
  {
    rule: 'a refusal is heard',
    mistake: 'refusal taken for an acknowledgement',
    file: 'connectors/coinbase/reply.ts',
    find: "  out.kind = 'refused';",
    replace: "  out.kind = 'system';",
    by: {
      file: RECOVERY,
      test: 'a market that the venue has not is an alarm of its own, the others are live',
    },
  },
  {
    rule: 'a repeat is granted once the old subscription is gone',
    file: 'connectors/runtime/answers.ts',
    find: '(!it.again || it.gone)',
    replace: '(!it.again || !it.opened || it.gone)',
    by: {
      file: 'test/unit/runtime-answers.test.ts',
      test: 'what is asked for again is granted once it was gone, not while the old one is named',
    },
  },
  {
    rule: 'acknowledged and silent is an alarm',
    mistake: 'silence of a wrong path unseen',
    file: 'connectors/coinbase/protocol.ts',
    find: '  level2: 10_000,',
    replace: '  level2: null,',
    by: {
      file: 'test/simulation/venue-silence.test.ts',
      test: 'coinbase: acknowledged and silent is an alarm, and is asked for again',
    },
  },
];
