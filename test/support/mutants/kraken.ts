/** What a connector to Kraken may get wrong, each broken in one place, and a test that has to say so. */
import type { RuleMutant } from './mutant.ts';
import { ENTRIES_SORTED, SIZE_0_STORED } from './shared.ts';

const BOOK_RULES = 'connectors/kraken/book.ts';
const CHANNELS = 'connectors/kraken/channels.ts';
const BOOK = 'test/unit/kraken-book.test.ts';
const DECODE = 'test/unit/kraken-decode.test.ts';
const SILENCE = 'test/simulation/venue-silence.test.ts';

export const KRAKEN_MUTANTS: readonly RuleMutant[] = [
  {
    rule: 'both sides are cut to the depth subscribed to',
    mistake: 'no truncation to depth',
    file: BOOK_RULES,
    find: '  truncateOrderBook(state.book, state.depth);\n',
    replace: '',
    by: {
      file: BOOK,
      test: 'both sides are cut to the subscribed depth after each message, not before its end',
    },
  },
  {
    rule: 'numbers never go through a double',
    mistake: 'float round trip of numbers',
    file: CHANNELS,
    find: '    out.level(price_hi, price_lo, price_exp, size_hi, size_lo, size_exp);',
    replace:
      '    for (; size_exp < 0 && size_lo !== 0 && size_lo % 10 === 0; size_exp++) size_lo /= 10;\n    out.level(price_hi, price_lo, price_exp, size_hi, size_lo, size_exp);',
    by: { file: BOOK, test: 'the worked example of the documentation has the checksum it prints' },
  },
  { ...SIZE_0_STORED, by: { file: BOOK, test: 'entries are applied in the order given' } },
  {
    rule: 'bids are bids',
    mistake: 'bids and asks swapped',
    file: CHANNELS,
    find: "const BOOK_KEYS = keyTable('symbol', 'bids', 'asks',",
    replace: "const BOOK_KEYS = keyTable('symbol', 'asks', 'bids',",
    by: { file: BOOK, test: 'the worked example of the documentation has the checksum it prints' },
  },
  { ...ENTRIES_SORTED, by: { file: BOOK, test: 'entries are applied in the order given' } },
  {
    rule: 'a mismatch breaks the book',
    mistake: 'one message dropped',
    file: BOOK_RULES,
    find: '  if (received === state.checksum) {',
    replace: '  if (received >= 0) {',
    by: { file: BOOK, test: 'a message lost breaks the checksum of the next' },
  },
  {
    rule: 'a stale message is proven like any other',
    mistake: 'two messages swapped',
    file: BOOK_RULES,
    find: '  if (received === state.checksum) {',
    replace: '  if (received === state.checksum || state.verified > 1) {',
    by: {
      file: BOOK,
      test: 'two messages swapped break the checksum, at once or where the stale one comes',
    },
  },
  {
    rule: 'a trade that comes twice is one',
    mistake: 'one message duplicated',
    file: 'fold/trade-memory.ts',
    find: "  if (known === content) return 'repeat';\n",
    replace: "  if (known === content) return 'new';\n",
    by: {
      file: 'test/unit/fold.test.ts',
      test: 'a repeat is dropped, a conflict is told, history adds only what lies beyond',
    },
  },
  {
    rule: 'an update before the snapshot is held',
    mistake: 'update applied before the snapshot',
    file: BOOK_RULES,
    find: "  if (!isSnapshot && state.phase !== 'whole') return withoutSnapshot(state, 'update');\n",
    replace: '',
    by: {
      file: BOOK,
      test: 'an update before the snapshot is held and leaves no trace, but the lost snapshot is a fault',
    },
  },
  {
    rule: 'a snapshot replaces the book',
    mistake: 'snapshot not clearing',
    file: BOOK_RULES,
    find: '  if (isSnapshot) clearOrderBook(state.book);\n',
    replace: '',
    by: { file: BOOK, test: 'a snapshot replaces the book' },
  },
  {
    rule: 'a checksum of 0 is none',
    mistake: 'checksum 0 seen as a mismatch',
    file: BOOK_RULES,
    find: '  if (state.checksum === 0) {',
    replace: '  if (state.checksum < 0) {',
    by: { file: BOOK, test: 'without a checksum nothing is proven, and 0 is no checksum' },
  },
  {
    rule: 'without a checksum a crossed book is broken',
    file: BOOK_RULES,
    find: '    if (isCrossed(state.book)) {',
    replace: '    if (state.failed < 0) {',
    by: { file: BOOK, test: 'without a checksum a crossed book is a broken one' },
  },
  {
    rule: 'a snapshot that is wrong heals nothing',
    file: 'connectors/streamed-book.ts',
    find: "  state.phase = 'broken';",
    replace: "  state.phase = 'whole';",
    by: {
      file: BOOK,
      test: 'a broken book is not whole, and a snapshot that is wrong itself does not heal it',
    },
  },
  {
    rule: 'the side is the taker’s as it stands',
    mistake: 'side not turned to the taker’s',
    file: 'connectors/kraken/rigid-channels.ts',
    find: 'out.setSide(event, FIELD.trade.side, bought ? 1 : 2);',
    replace: 'out.setSide(event, FIELD.trade.side, bought ? 2 : 1);',
    by: { file: DECODE, test: 'a trade, with the digits of the wire' },
  },
  {
    rule: 'a heartbeat is no data',
    mistake: 'heartbeat counted as data',
    file: 'connectors/kraken/decode.ts',
    find: "if (name === 'heartbeat') out.kind = 'heartbeat';",
    replace: "if (name === 'heartbeat') out.kind = 'data';",
    by: { file: DECODE, test: 'heartbeats, pongs and the state of the system are not data' },
  },
  {
    rule: 'a fraction of a second has as many digits as it has',
    mistake: 'milliseconds read as microseconds',
    file: 'codec/instant.ts',
    find: '      fraction *= POWERS[9 - digits] as number;',
    replace: '      fraction *= 1e6;',
    by: { file: DECODE, test: 'a trade, with the digits of the wire' },
  },
  {
    rule: 'a refusal is no acknowledgement',
    mistake: 'refusal taken for an acknowledgement',
    file: 'connectors/kraken/decode.ts',
    find: "    out.kind = 'refused';",
    replace: "    out.kind = 'ack';",
    by: { file: DECODE, test: 'a refusal says why, and is no acknowledgement' },
  },
  {
    rule: 'acknowledged and silent is an alarm',
    mistake: 'silence of a wrong path unseen',
    file: 'connectors/kraken/protocol.ts',
    find: '  ticker: 10_000,',
    replace: '',
    by: {
      file: SILENCE,
      test: 'kraken: acknowledged and silent is an alarm, and is asked for again',
    },
  },
];
