/** Kraken's rows of `docs/faults.md`. */
import { FLAG } from '../../../schema/events.ts';
import assert from 'node:assert/strict';
import type { FaultTable } from './cell.ts';
import {
  asSent,
  both,
  changed,
  cut,
  field,
  gap,
  gapClosed,
  harmless,
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
import type { Claim } from './proof.ts';

const mark = (channel: string, type = 'update'): readonly string[] => [
  `"channel":"${channel}","type":"${type}"`,
  'BTC/USD',
];
const BOOK = mark('book');
const TRADE = mark('trade');
const TICKER = mark('ticker');
const OHLC = mark('ohlc');
const checksum = gap({ cause: 'checksum' });
const checksumLater = gap({ cause: 'checksum', when: 'later' });

/** The message is not proven, and says so. */
const unverified: Claim = (outcome) => {
  silent(outcome);
  assert.ok(outcome.come.length > 0);
  for (const { flags } of outcome.come) assert.notEqual(flags & FLAG.UNVERIFIED, 0);
};

export const KRAKEN_TABLES: readonly FaultTable[] = [
  {
    feed: 'kraken',
    headings: ['Kraken', 'book'],
    cells: [
      {
        row: 'message lost',
        proofs: [{ mark: BOOK, edit: lost, shows: checksumLater, places: 8, otherwise: harmless }],
      },
      {
        row: 'lost, then overwritten',
        proofs: [{ mark: BOOK, edit: lost, shows: harmless, places: 25, otherwise: checksumLater }],
      },
      { row: 'repeated at once', proofs: [{ mark: BOOK, edit: repeated, shows: twice }] },
      {
        row: 'repeated late',
        proofs: [
          {
            ...{ mark: BOOK, edit: repeatedLate(5), places: 8 },
            ...{ shows: checksumLater, otherwise: harmless },
          },
        ],
      },
      {
        row: 'order swapped',
        proofs: [
          { mark: BOOK, edit: swapped, shows: checksumLater, places: 8, otherwise: harmless },
        ],
      },
      {
        row: 'price or size changed',
        proofs: [
          { mark: BOOK, edit: changed(field('price', otherDigit)), shows: checksum },
          { mark: BOOK, edit: changed(field('qty', otherDigit)), shows: checksum },
        ],
      },
      {
        row: 'checksum changed',
        proofs: [{ mark: BOOK, edit: changed(field('checksum', otherDigit)), shows: checksum }],
      },
      {
        row: 'time changed',
        proofs: [
          {
            ...{
              mark: BOOK,
              edit: changed(field('timestamp', (it) => it.replace(/T\d\d/, 'T08'))),
            },
            shows: both(asSent, qa('timestamp-order')),
          },
        ],
      },
      {
        row: 'checksum absent or 0',
        proofs: [
          { mark: BOOK, edit: changed(field('checksum', () => '0')), shows: unverified },
          {
            mark: BOOK,
            edit: changed((it) =>
              it
                .replace(/"checksum":\d+/, '"checksum":0')
                .replace(/"bids":\[/, '"bids":[{"price":99999.9,"qty":1.00000000},')
                .replace('},]', '}]'),
            ),
            shows: gap({ cause: 'crossed' }),
          },
        ],
      },
      {
        row: 'fault below the ten',
        test: [
          'test/unit/kraken-book.test.ts',
          'depth 25: a deep loss shows only when the level surfaces into the ten that are proven',
        ],
      },
      {
        row: 'opening snapshot lost',
        proofs: [
          {
            ...{ mark: mark('book', 'snapshot'), from: 'opening', edit: lost },
            shows: openingGap('book'),
          },
        ],
      },
    ],
  },
  {
    feed: 'kraken',
    headings: ['Kraken', 'trade'],
    cells: [
      {
        row: 'lost',
        proofs: [
          {
            mark: TRADE,
            edit: lost,
            shows: gap({ cause: 'sequence', about: 'trade', when: 'later' }),
          },
        ],
      },
      { row: 'repeated', proofs: [{ mark: TRADE, edit: repeated, shows: held }] },
      {
        row: 'order swapped',
        proofs: [
          {
            ...{ mark: TRADE, edit: swapped },
            shows: both(
              gap({ cause: 'sequence', about: 'trade', when: 'later' }),
              ({ gone, come }) => {
                const ids = (all: typeof gone) =>
                  all.flatMap((it) => (it.type === 'trade' ? [it.trade_id] : [])).toSorted();
                assert.deepEqual(ids(come), ids(gone), 'the late trade is told');
              },
            ),
          },
        ],
      },
      {
        row: 'id changed',
        proofs: [
          {
            ...{ mark: TRADE, edit: changed(field('trade_id', plus(7))) },
            shows: gap({ cause: 'sequence', about: 'trade' }),
          },
          {
            ...{ mark: TRADE, edit: changed(field('trade_id', plus(-1))) },
            shows: ({ come }) =>
              assert.ok(
                come.some((it) => it.type === 'trade' && (it.flags & FLAG.ID_CONFLICT) !== 0),
              ),
          },
        ],
      },
      {
        row: 'ids begin anew',
        test: [
          'test/unit/fold-trade-ids.test.ts',
          'what lies between is not known; from there on ids prove what they did',
        ],
      },
      {
        row: 'price, size, side changed',
        proofs: [
          { mark: TRADE, edit: changed(field('price', otherDigit)), shows: asSent },
          { mark: TRADE, edit: changed(field('qty', otherDigit)), shows: asSent },
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
    feed: 'kraken',
    headings: ['Kraken', 'ticker, and the quotes made of it'],
    cells: [
      { row: 'lost', proofs: [{ mark: TICKER, edit: lost, shows: missing }] },
      { row: 'repeated', proofs: [{ mark: TICKER, edit: repeated, shows: twice }] },
      {
        row: 'order swapped',
        proofs: [{ mark: TICKER, edit: swapped, shows: both(silent, qa('timestamp-order')) }],
      },
      {
        row: 'a number changed',
        proofs: [
          { mark: TICKER, edit: changed(field('volume', otherDigit)), shows: asSent },
          {
            mark: TICKER,
            edit: changed(field('bid', (digits) => `9${digits}`)),
            shows: both(asSent, qa('not-crossed')),
          },
        ],
      },
    ],
  },
  {
    feed: 'kraken',
    headings: ['Kraken', 'ohlc'],
    cells: [
      { row: 'an update lost', proofs: [{ mark: OHLC, edit: lost, shows: missing }] },
      {
        row: 'an interval’s last lost',
        proofs: [
          {
            mark: OHLC,
            edit: (lines, { at, next }) => {
              const begins = (index: number): string =>
                /"interval_begin":"[^"]*"/.exec(
                  String((lines[index] as { frame?: string }).frame),
                )?.[0] ?? '';
              const last = [at, ...next].findLast((index) => begins(index) === begins(at)) ?? at;
              return lines.toSpliced(last, 1);
            },
            shows: ({ clean, faulty, gone, come }) => {
              silent({ clean, faulty, gone, come, place: { at: 0, next: [] } });
              assert.deepEqual([gone.map(({ type }) => type), come], [['ohlc'], []]);
            },
          },
        ],
      },
      {
        row: 'repeated, or changed',
        proofs: [
          { mark: OHLC, edit: repeated, shows: twice },
          { mark: OHLC, edit: changed(field('close', otherDigit)), shows: asSent },
        ],
      },
    ],
  },
  {
    feed: 'kraken',
    headings: ['Kraken', 'instrument'],
    cells: [
      {
        row: 'an update lost or changed',
        proofs: [
          {
            ...{ mark: ['"channel":"instrument","type":"snapshot"'], from: 'opening' },
            edit: changed((it) => it.replace(/"qty_min":[\d.e-]+/, '"qty_min":0.7')),
            shows: (outcome) => {
              silent(outcome);
              assert.deepEqual(
                outcome.come.map(({ type }) => type),
                ['instrument'],
              );
            },
          },
        ],
      },
    ],
  },
];
