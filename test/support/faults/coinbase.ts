/** Coinbase's rows of `docs/faults.md`. */
import assert from 'node:assert/strict';
import { statusOf } from './story.ts';
import type { FaultTable } from './cell.ts';
import {
  asSent,
  changed,
  cut,
  field,
  gap,
  gapOfAll,
  held,
  lost,
  openingGap,
  otherDigit,
  plus,
  repeated,
  repeatedLate,
  swapped,
} from './proof.ts';

const mark = (channel: string, type = 'update'): readonly string[] => [
  `{"channel":"${channel}"`,
  `"events":[{"type":"${type}"`,
];
const BOOK = [...mark('l2_data'), '"product_id":"BTC-USD"', '"side":"bid"'];
const TRADE = mark('market_trades');
const TICKER = mark('ticker');
const CANDLE = mark('candles');

export const COINBASE_TABLES: readonly FaultTable[] = [
  {
    feed: 'coinbase',
    headings: ['Coinbase', 'level2, market_trades, ticker, candles, status'],
    cells: [
      {
        row: 'any frame lost',
        proofs: [BOOK, TRADE, TICKER, CANDLE, ['{"channel":"heartbeats"']].map((it) => {
          return { mark: it, edit: lost, shows: gapOfAll };
        }),
      },
      {
        row: 'the last frame lost',
        proofs: [
          {
            mark: BOOK,
            edit: (lines, place) => lost(cut(lines, place), place),
            shows: ({ come }) => {
              const opened = statusOf(come).filter(({ kind }) => kind === 'gap_opened');
              assert.ok(opened.length > 0);
              for (const { cause } of opened) assert.equal(cause, 'disconnect');
            },
          },
        ],
      },
      {
        row: 'the first frames lost',
        proofs: [
          {
            ...{ mark: [...mark('l2_data', 'snapshot'), 'BTC-USD'], from: 'opening' },
            ...{ edit: lost, shows: openingGap('book') },
          },
        ],
      },
      { row: 'repeated at once', proofs: [{ mark: BOOK, edit: repeated, shows: held }] },
      {
        row: 'repeated late, swapped',
        proofs: [
          { mark: BOOK, edit: repeatedLate(3), shows: gapOfAll },
          { mark: BOOK, edit: swapped, shows: gapOfAll },
        ],
      },
      {
        row: 'its number changed',
        proofs: [{ mark: BOOK, edit: changed(field('sequence_num', plus(7))), shows: gapOfAll }],
      },
      {
        row: 'rejected, cut',
        proofs: [
          {
            ...{ mark: TICKER, edit: changed((it) => it.slice(0, -9)) },
            shows: (outcome) => {
              const [first, ...more] = statusOf(outcome.come);
              assert.equal(first?.kind, 'rejected');
              gapOfAll({ ...outcome, come: more });
            },
          },
        ],
      },
      {
        row: 'level changed, crossing',
        proofs: [
          {
            mark: BOOK,
            edit: changed((it) => {
              const time = '"event_time":"2026-11-20T09:59:50Z"';
              const bid = `{"side":"bid",${time},"price_level":"99999.00","new_quantity":"1"}`;
              return it.replace('"updates":[', `"updates":[${bid},`);
            }),
            shows: gap({ cause: 'crossed' }),
          },
        ],
      },
      {
        row: 'level changed otherwise',
        proofs: [
          {
            ...{ mark: BOOK, edit: changed(field('new_quantity', otherDigit)), places: 8 },
            ...{ shows: asSent, otherwise: gap({ cause: 'crossed', when: 'any' }) },
          },
        ],
      },
      {
        row: 'trade changed',
        proofs: [
          { mark: TRADE, edit: changed(field('price', otherDigit)), shows: asSent },
          { mark: TRADE, edit: changed(field('size', otherDigit)), shows: asSent },
        ],
      },
      {
        row: 'ticker, candle changed',
        proofs: [
          { mark: TICKER, edit: changed(field('price', otherDigit)), shows: asSent },
          { mark: CANDLE, edit: changed(field('close', otherDigit)), shows: asSent },
        ],
      },
      {
        row: 'last of a candle',
        proofs: [
          {
            ...{ mark: CANDLE, edit: (lines) => lines },
            shows: ({ clean }) => {
              const candles = clean.events.filter((it) => it.type === 'ohlc');
              assert.ok(candles.length > 10);
              for (const { closed } of candles) assert.equal(closed, null);
            },
          },
        ],
      },
    ],
  },
];
