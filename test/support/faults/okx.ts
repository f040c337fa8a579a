/** OKX's rows of `docs/faults.md`. */
import assert from 'node:assert/strict';
import type { FaultTable } from './cell.ts';
import {
  asSent,
  both,
  changed,
  cut,
  field,
  followedBy,
  gap,
  gapClosed,
  held,
  lost,
  missing,
  openingGap,
  otherDigit,
  plus,
  qa,
  repeated,
  repeatedLate,
  silent,
  swapped,
  twice,
} from './proof.ts';
import type { Edit } from './proof.ts';

const mark = (channel: string, more = ''): readonly string[] => [
  `{"arg":{"channel":"${channel}","instId":"BTC-USDT"}`,
  more,
];
const BOOK = mark('books', '"action":"update"');
const BIDS = [...BOOK, '"bids":[["'];
const TRADE = mark('trades', '"data"');
const QUOTE = mark('bbo-tbt', '"data"');
const TICKER = mark('tickers', '"data"');
const CANDLE = mark('candle1m', '"data"');
const HOUR_MS = 3_600_000;
const BOOK_TEST = 'test/unit/okx-book.test.ts';
const sequence = gap({ cause: 'sequence' });
const sequenceLater = gap({ cause: 'sequence', when: 'later' });

const bidSize: Edit = changed((it) =>
  it.replace(/("bids":\[\["[\d.]+","[\d.]*)(\d)"/, (_, before: string, digit: string) => {
    return `${before}${otherDigit(digit)}"`;
  }),
);

export const OKX_TABLES: readonly FaultTable[] = [
  {
    feed: 'okx',
    headings: ['OKX', 'books'],
    cells: [
      { row: 'message lost', proofs: [{ mark: BOOK, edit: lost, shows: sequenceLater }] },
      { row: 'repeated at once', proofs: [{ mark: BOOK, edit: repeated, shows: held }] },
      {
        row: 'repeated late, swapped',
        proofs: [
          { mark: BOOK, edit: repeatedLate(3), shows: sequenceLater },
          { mark: BOOK, edit: swapped, shows: sequenceLater },
        ],
      },
      {
        row: '`seqId` or `prevSeqId` changed',
        proofs: [
          { mark: BOOK, edit: changed(field('seqId', plus(1))), shows: sequenceLater },
          { mark: BOOK, edit: changed(field('prevSeqId', plus(1))), shows: sequence },
        ],
      },
      {
        row: 'level changed, crossing',
        proofs: [
          {
            ...{ mark: BIDS, shows: gap({ cause: 'crossed' }) },
            edit: changed((it) => it.replace('"bids":[', '"bids":[["99999","1","0","1"],')),
          },
        ],
      },
      {
        row: 'level changed otherwise',
        // One that should be gone, and stays, may cross the book later.
        proofs: [
          {
            ...{ mark: BIDS, edit: bidSize, places: 8 },
            ...{ shows: asSent, otherwise: gap({ cause: 'crossed', when: 'any' }) },
          },
        ],
      },
      {
        row: 'the same, before 2026',
        test: [BOOK_TEST, 'a mismatch breaks the book even where the ids chain'],
      },
      {
        row: 'opening snapshot lost',
        proofs: [
          {
            ...{ mark: mark('books', '"action":"snapshot"'), from: 'opening' },
            ...{ edit: lost, shows: openingGap('book') },
          },
        ],
      },
      {
        row: 'quiet for a minute',
        test: [BOOK_TEST, 'a quiet book is no gap: no levels, seqId equal to prevSeqId'],
      },
      {
        row: 'a quiet message lost',
        proofs: [
          {
            mark: BOOK,
            // One that is sent is an event without levels; where it is lost, all is as it was before.
            edit: followedBy((it) => {
              const id = /"seqId":(\d+)/.exec(it)?.[1] ?? '';
              return it
                .replace(/"asks":.*?,"ts"/, '"asks":[],"bids":[],"ts"')
                .replace(/"seqId":\d+,"prevSeqId":-?\d+/, `"seqId":${id},"prevSeqId":${id}`);
            }),
            shows: both(silent, ({ gone, come }) => {
              assert.deepEqual(gone, []);
              const levels = come.map((it) => (it.type === 'book' ? [it.bids, it.asks] : it.type));
              assert.deepEqual(levels, [[[], []]]);
            }),
          },
        ],
      },
      {
        row: 'ids begin anew',
        test: [BOOK_TEST, 'ids that begin anew after maintenance are no gap, where they chain'],
      },
      {
        row: 'time changed',
        proofs: [
          {
            ...{ mark: BOOK, edit: changed(field('ts', plus(-HOUR_MS))) },
            shows: both(asSent, qa('timestamp-order')),
          },
        ],
      },
      {
        row: 'no ids at all (before 2023)',
        test: [
          BOOK_TEST,
          'no chain: a change below the 25 best is unverified, and so is a deep book',
        ],
      },
    ],
  },
  {
    feed: 'okx',
    headings: ['OKX', 'trades'],
    cells: [
      { row: 'lost', proofs: [{ mark: TRADE, edit: lost, shows: missing }] },
      { row: 'repeated', proofs: [{ mark: TRADE, edit: repeated, shows: held }] },
      {
        row: 'price, size, side changed',
        proofs: [
          { mark: TRADE, edit: changed(field('px', otherDigit)), shows: asSent },
          { mark: TRADE, edit: changed(field('sz', otherDigit)), shows: asSent },
          {
            ...{ mark: [...TRADE, '"side":"buy"'], shows: asSent },
            edit: changed((it) => it.replace('"side":"buy"', '"side":"sell"')),
          },
        ],
      },
      {
        row: 'disconnect',
        proofs: [{ mark: TRADE, edit: cut, shows: gapClosed('disconnect', 'trade', 0) }],
      },
    ],
  },
  {
    feed: 'okx',
    headings: ['OKX', 'bbo-tbt, tickers, candles, funding-rate'],
    cells: [
      {
        row: 'lost',
        proofs: [QUOTE, TICKER, CANDLE].map((it) => ({ mark: it, edit: lost, shows: missing })),
      },
      {
        row: 'last of a candle lost',
        proofs: [{ mark: [...CANDLE, ',"1"]]}'], edit: lost, shows: missing }],
      },
      {
        row: 'repeated',
        proofs: [QUOTE, TICKER, CANDLE].map((it) => ({ mark: it, edit: repeated, shows: twice })),
      },
      {
        row: 'order swapped',
        proofs: [{ mark: QUOTE, edit: swapped, shows: both(silent, qa('timestamp-order')) }],
      },
      {
        row: 'a number changed',
        proofs: [
          { mark: TICKER, edit: changed(field('last', otherDigit)), shows: asSent },
          {
            mark: QUOTE,
            edit: changed((it) => it.replace('"bids":[["', '"bids":[["9')),
            shows: both(asSent, qa('not-crossed')),
          },
        ],
      },
    ],
  },
];
