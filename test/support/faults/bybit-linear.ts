/** Bybit's rows of `docs/faults.md`. */
import assert from 'node:assert/strict';
import { formatDecimal } from '../../../schema/decimal.ts';
import type { FaultTable } from './cell.ts';
import {
  allChanged,
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
import type { Claim } from './proof.ts';

const BOOK = ['"topic":"orderbook.200.BTCUSDT","type":"delta"'];
const BIDS = [...BOOK, '"b":[["'];
const QUOTE = ['"topic":"orderbook.1.BTCUSDT"'];
const TRADE = ['"topic":"publicTrade.BTCUSDT"'];
const TICKER = ['"topic":"tickers.BTCUSDT","type":"delta"'];
const CANDLE = ['"topic":"kline.1.BTCUSDT"'];
/** Nothing but the forced orders that were sent is told: those that were not, are nowhere. */
const liquidations =
  (count: number, price: string): Claim =>
  (outcome) => {
    silent(outcome);
    const prices = outcome.come.map((it) => {
      return it.type === 'liquidation' && it.price !== null ? formatDecimal(it.price) : it.type;
    });
    assert.deepEqual(
      prices,
      Array.from({ length: count }, () => price),
    );
  };
const liquidation = (price: string): string =>
  '{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1795168790000,"data":[{"T":1795168789990,' +
  `"s":"BTCUSDT","S":"Sell","v":"0.360","p":"${price}"}]}`;
const liquidated = followedBy(() => liquidation('83725.70'));
const HOUR_MS = 3_600_000;
const BOOK_TEST = 'test/unit/bybit-linear-book.test.ts';
const sequenceLater = gap({ cause: 'sequence', when: 'later' });

export const BYBIT_TABLES: readonly FaultTable[] = [
  {
    feed: 'bybit-linear',
    headings: ['Bybit', 'orderbook'],
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
        row: '`u` changed',
        proofs: [
          {
            ...{ mark: BOOK, edit: changed(field('u', plus(1))) },
            shows: gap({ cause: 'sequence', when: 'any' }),
          },
        ],
      },
      {
        row: 'level changed, crossing',
        proofs: [
          {
            ...{ mark: BIDS, shows: gap({ cause: 'crossed' }) },
            edit: changed((it) => it.replace('"b":[', '"b":[["99999.00","1.000"],')),
          },
        ],
      },
      {
        row: 'level changed otherwise',
        proofs: [
          {
            ...{ mark: BIDS, places: 8 },
            edit: changed((it) => it.replace(/("b":\[\["[\d.]+",")/, '$17')),
            ...{ shows: asSent, otherwise: gap({ cause: 'crossed', when: 'any' }) },
          },
        ],
      },
      {
        row: 'opening snapshot lost',
        proofs: [
          {
            ...{ mark: ['"topic":"orderbook.200.BTCUSDT","type":"snapshot"'], from: 'opening' },
            ...{ edit: lost, shows: openingGap('book') },
          },
        ],
      },
      {
        row: 'restart: `u` is 1',
        test: [
          BOOK_TEST,
          'u 1 is a restart and no gap, whatever its type says; it counts on from there',
        ],
      },
      {
        row: 'a restart’s snapshot lost',
        proofs: [
          {
            mark: BOOK,
            edit: (lines, place) => {
              const line = lines[place.at];
              const text = line?.type === 'frame' ? line.frame : '';
              const first = Number(/"u":(\d+)/.exec(text)?.[1]);
              return allChanged(field('u', plus(2 - first)))(lines, place);
            },
            shows: gap({ cause: 'sequence' }),
          },
        ],
      },
      {
        row: 'time changed',
        proofs: [
          {
            ...{ mark: BOOK, edit: changed(field('cts', plus(-HOUR_MS))) },
            shows: both(asSent, qa('timestamp-order')),
          },
        ],
      },
    ],
  },
  {
    feed: 'bybit-linear',
    headings: ['Bybit', 'publicTrade, allLiquidation'],
    cells: [
      {
        row: 'lost',
        proofs: [
          { mark: TRADE, edit: lost, shows: missing },
          { mark: TRADE, edit: liquidated, shows: liquidations(1, '83725.70') },
        ],
      },
      { row: 'a trade repeated', proofs: [{ mark: TRADE, edit: repeated, shows: held }] },
      {
        row: 'a liquidation repeated',
        proofs: [
          {
            ...{ mark: TRADE, shows: liquidations(2, '83725.70') },
            edit: (lines, place) => {
              const once = liquidated(lines, place);
              return repeated(once, { at: place.at + 1, next: [] });
            },
          },
        ],
      },
      {
        row: 'price, size, side changed',
        proofs: [
          { mark: TRADE, edit: changed(field('p', otherDigit)), shows: asSent },
          { mark: TRADE, edit: changed(field('v', otherDigit)), shows: asSent },
          {
            ...{ mark: [...TRADE, '"S":"Buy"'], shows: asSent },
            edit: changed((it) => it.replace('"S":"Buy"', '"S":"Sell"')),
          },
          {
            ...{ mark: TRADE, shows: liquidations(1, '93725.70') },
            edit: followedBy(() => liquidation('93725.70')),
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
    feed: 'bybit-linear',
    headings: ['Bybit', 'orderbook.1, tickers, kline'],
    cells: [
      {
        row: 'a quote or candle lost',
        proofs: [QUOTE, CANDLE].map((mark) => ({ mark, edit: lost, shows: missing })),
      },
      {
        row: 'a ticker’s snapshot lost',
        proofs: [
          {
            ...{ mark: ['"topic":"tickers.BTCUSDT","type":"snapshot"'], from: 'opening' },
            edit: lost,
            shows: both(openingGap('ticker'), ({ faulty }) => {
              const told = faulty.events.filter(({ type }) => type === 'ticker' || type === 'mark');
              assert.deepEqual(told, [], 'changes of nothing are held');
            }),
          },
        ],
      },
      {
        row: 'a ticker’s change lost',
        proofs: [
          {
            ...{ mark: [...TICKER, '"lastPrice"'], edit: lost },
            shows: (outcome) => {
              silent(outcome);
              // The event of the frame, and those after it that still say the value before.
              assert.ok(outcome.gone.length > outcome.come.length);
              for (const { type } of outcome.come) assert.match(type, /^(ticker|mark)$/);
            },
          },
        ],
      },
      {
        row: 'last of a candle lost',
        proofs: [{ mark: [...CANDLE, '"confirm":true'], edit: lost, shows: missing }],
      },
      {
        row: 'repeated',
        proofs: [QUOTE, TICKER, CANDLE].map((mark) => ({ mark, edit: repeated, shows: twice })),
      },
      {
        row: 'a number changed',
        proofs: [
          { mark: CANDLE, edit: changed(field('close', otherDigit)), shows: asSent },
          {
            mark: [...QUOTE, '"b":[["'],
            edit: changed((it) => it.replace('"b":[["', '"b":[["9')),
            shows: both(asSent, qa('not-crossed')),
          },
        ],
      },
    ],
  },
];
