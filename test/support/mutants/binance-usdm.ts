/**
 * What a connector to Binance USD-M may get wrong, each broken in one place, and a test that has to say
 * so.
 */
import type { RuleMutant } from './mutant.ts';
import { ENTRIES_SORTED, MS_AS_US, SIDES_SWAPPED, SIZE_0_STORED } from './shared.ts';

const BOOK_RULES = 'connectors/binance-usdm/book.ts';
const PAYLOADS = 'connectors/binance-usdm/payloads.ts';
const PROTOCOL = 'connectors/binance-usdm/protocol.ts';
const BOOK = 'test/unit/binance-book.test.ts';
const DECODE = 'test/unit/binance-decode.test.ts';
const SILENCE = 'test/simulation/venue-silence.test.ts';

export const BINANCE_MUTANTS: readonly RuleMutant[] = [
  {
    rule: 'levels are bounded',
    mistake: 'no truncation to depth',
    file: BOOK_RULES,
    find: '  truncateOrderBook(book, LEVELS_MAX);\n',
    replace: '',
    by: { file: BOOK, test: 'levels are bounded' },
  },
  {
    rule: 'numbers never go through a double',
    mistake: 'float round trip of numbers',
    file: PAYLOADS,
    find: '    out.level(hi, lo, exp, scanner.hi, scanner.lo, scanner.exp);',
    replace:
      '    const size = Number(scanner.hi * 4294967296 + (scanner.lo >>> 0)) * 10 ** scanner.exp;\n    out.level(hi, lo, exp, 0, Math.floor(size), 0);',
    by: { file: DECODE, test: 'a diff keeps its three ids, its zeros and its order' },
  },
  {
    ...SIZE_0_STORED,
    by: {
      file: BOOK,
      test: 'size zero removes, also a level that was never there; sides are not swapped',
    },
  },
  {
    rule: 'bids are bids',
    mistake: 'bids and asks swapped',
    file: 'connectors/binance-usdm/rigid-streams.ts',
    find: '  out.ask_to[event] = out.levels;\n',
    replace: '  out.ask_to[event] = out.levels;\n' + SIDES_SWAPPED,
    by: {
      file: BOOK,
      test: 'size zero removes, also a level that was never there; sides are not swapped',
    },
  },
  { ...ENTRIES_SORTED, by: { file: BOOK, test: 'the last word on a price counts' } },
  {
    rule: 'a message lost breaks the chain',
    mistake: 'one message dropped',
    file: BOOK_RULES,
    find: '  if (state.last >= 0n && pu !== state.last) {',
    replace: '  if (state.last >= 0n && pu < state.last) {',
    by: { file: BOOK, test: 'a message lost: a gap opens, and the next partial book closes it' },
  },
  {
    rule: 'a message twice is held',
    mistake: 'one message duplicated',
    file: BOOK_RULES,
    find: '  if (u <= state.last && ++state.stale <= STALE_MAX) return 0;\n',
    replace: '',
    by: { file: BOOK, test: 'a message twice is held; two swapped are a gap' },
  },
  {
    rule: 'messages swapped break the chain',
    mistake: 'two messages swapped',
    file: BOOK_RULES,
    find: '  if (state.last >= 0n && pu !== state.last) {',
    replace: '  if (state.last >= 0n && pu !== state.last && pu < u - 10n) {',
    by: { file: BOOK, test: 'a message twice is held; two swapped are a gap' },
  },
  {
    rule: 'before the first partial book nothing is proven',
    mistake: 'update applied before the snapshot',
    file: BOOK_RULES,
    find: '  if (state.base < 0n || !touches(buffer, event, state.reach)) {',
    replace: '  if (state.base >= 0n && !touches(buffer, event, state.reach)) {',
    by: {
      file: BOOK,
      test: 'without a partial book all is unverified, and whole from the first message',
    },
  },
  {
    rule: 'a partial book replaces the one before',
    mistake: 'snapshot not clearing',
    file: BOOK_RULES,
    find: '  clearOrderBook(state.partial);\n',
    replace: '',
    by: {
      file: BOOK,
      test: 'nothing of an earlier partial book, or of an old base, is left in the next',
    },
  },
  {
    rule: 'the chain is pu, not U',
    mistake: 'U == u + 1 demanded of futures',
    file: BOOK_RULES,
    find: '  const slot = (buffer.slot[event] as number) + FIELD.book.prev_sequence;\n  if (buffer.aux[slot] === ABSENT) return -1n;\n  return i64(buffer.hi[slot] as number, buffer.lo[slot] as number);',
    replace:
      '  const slot = (buffer.slot[event] as number) + FIELD.book.first_sequence;\n  if (buffer.aux[slot] === ABSENT) return -1n;\n  return i64(buffer.hi[slot] as number, buffer.lo[slot] as number) - 1n;',
    by: { file: BOOK, test: 'the chain is pu, not U: a U far beyond u + 1 is no gap' },
  },
  {
    rule: 'a partial book proves what it shows',
    file: BOOK_RULES,
    find: '  if (wrong !== null) {\n    const verdict',
    replace: '  if (wrong === undefined) {\n    const verdict',
    by: { file: BOOK, test: 'a partial book that disagrees is a fault and its cure' },
  },
  {
    rule: 'a crossed book is a fault',
    file: BOOK_RULES,
    find: '    if (isCrossed(state.book)) {\n      return broken',
    replace: '    if (state.failed < 0) {\n      return broken',
    by: { file: BOOK, test: 'crossed after a message: a fault, healed by a partial book' },
  },
  {
    rule: 'diffs that stop are a fault',
    file: BOOK_RULES,
    find: '  if (++state.ahead <= AHEAD_MAX) return 0;',
    replace: '  if (++state.ahead > 0) return 0;',
    by: { file: BOOK, test: 'diffs that never come, and ids that begin anew, are faults' },
  },
  {
    rule: 'where the buyer was the maker the aggressor sold',
    mistake: 'side not turned to the taker’s',
    file: PAYLOADS,
    find: 'reader.flag() ? 2 : 1);\n        break;\n      case 7:',
    replace: 'reader.flag() ? 1 : 2);\n        break;\n      case 7:',
    by: { file: DECODE, test: 'the buyer was the maker: the aggressor sold; otherwise it bought' },
  },
  {
    ...MS_AS_US,
    by: {
      file: DECODE,
      test: 'bookTicker: bid is b and B, ask a and A; times may be missing',
    },
  },
  {
    rule: 'a refusal is no acknowledgement',
    mistake: 'refusal taken for an acknowledgement',
    file: 'connectors/binance-usdm/decode.ts',
    find: "  out.kind = 'refused';",
    replace: "  out.kind = 'ack';",
    by: {
      file: DECODE,
      test: 'an error is a refusal, in both spellings, with the venue own words',
    },
  },
  {
    rule: 'a trade that met no book is none',
    file: PAYLOADS,
    find: "  return word === 'MARKET' ? '' :",
    replace: "  return word !== '' ? '' :",
    by: { file: DECODE, test: 'a trade that never met the book is ignored by name' },
  },
  {
    rule: 'the paths serve what they serve',
    file: PROTOCOL,
    find: "  aggTrade: { path: 'market',",
    replace: "  aggTrade: { path: 'public',",
    by: {
      file: 'test/unit/binance-protocol.test.ts',
      test: 'two sockets, each with the channels its path serves',
    },
  },
  {
    rule: 'a silent path is an alarm',
    mistake: 'silence of a wrong path unseen',
    file: PROTOCOL,
    find: "streams: () => ['markPrice@1s'], first_message_ms: 10_000 }",
    replace: "streams: () => ['markPrice@1s'], first_message_ms: null }",
    by: {
      file: SILENCE,
      test: 'binance-usdm: acknowledged and silent is an alarm, and is asked for again',
    },
  },
];
