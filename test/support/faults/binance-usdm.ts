/** The rows of Binance USD-M in `docs/faults.md`. */
import assert from 'node:assert/strict';
import type { FaultTable } from './cell.ts';
import {
  asSent,
  both,
  changed,
  field,
  followedBy,
  gap,
  held,
  lost,
  lostForGood,
  missing,
  otherDigit,
  plus,
  qa,
  repeated,
  silent,
  swapped,
  twice,
} from './proof.ts';
import type { Edit } from './proof.ts';

const DIFF = ['@depth@100ms"', '"b":[["'];
const PARTIAL = ['@depth20@100ms"'];
const QUOTE = ['@bookTicker"'];
const CANDLE = ['@kline_1m"'];
const MARK = ['@markPrice@1s"'];
const sequence = gap({ cause: 'sequence' });
const sequenceLater = gap({ cause: 'sequence', when: 'later' });

/** Another bid before the others of the diff. */
const withBid = (price: string): Edit =>
  changed((it) => it.replace('"b":[', `"b":[["${price}","1.000"],`));

const FORCED =
  '{"stream":"btcusdt@forceOrder","data":{"e":"forceOrder","E":1795168790000,"o":{"s":"BTCUSDT",' +
  '"S":"SELL","o":"LIMIT","f":"IOC","q":"0.014","p":"61700.00","ap":"61790.00","X":"FILLED",' +
  '"l":"0.014","z":"0.014","T":1795168789999}}}';

export const BINANCE_TABLES: readonly FaultTable[] = [
  {
    feed: 'binance-usdm',
    headings: ['Binance USD-M', 'depth'],
    cells: [
      { row: 'diff lost', proofs: [{ mark: DIFF, edit: lost, shows: sequenceLater }] },
      { row: 'diff repeated', proofs: [{ mark: DIFF, edit: repeated, shows: held }] },
      { row: 'diffs swapped', proofs: [{ mark: DIFF, edit: swapped, shows: sequenceLater }] },
      {
        row: '`u` or `pu` changed',
        proofs: [
          { mark: DIFF, edit: changed(field('u', plus(1))), shows: sequenceLater },
          { mark: DIFF, edit: changed(field('pu', plus(1))), shows: sequence },
        ],
      },
      {
        row: 'level changed, top 20',
        proofs: [
          {
            mark: DIFF,
            edit: (lines, place) => {
              // A level that the next partial book shows, with another size.
              const best = /"b":\[\["([\d.]+)"/.exec(frameOf(lines[place.at]))?.[1] ?? '';
              return changed((it) => it.replace(`["${best}","`, `["${best}","7`))(lines, place);
            },
            shows: gap({ cause: 'book', when: 'any' }),
          },
        ],
      },
      {
        row: 'level changed, crossing',
        proofs: [{ mark: DIFF, edit: withBid('70000.00'), shows: gap({ cause: 'crossed' }) }],
      },
      {
        row: 'level changed below the 20',
        proofs: [{ mark: DIFF, edit: withBid('100.00'), shows: asSent }],
      },
      {
        row: 'partial book lost, repeated',
        proofs: [
          { mark: PARTIAL, edit: lost, shows: silent },
          { mark: PARTIAL, edit: repeated, shows: held },
        ],
      },
      {
        row: 'diffs stop, partials go on',
        proofs: [
          {
            ...{ mark: ['@depth@100ms"'], edit: lostForGood },
            shows: (outcome) => {
              const { clean, come, place } = outcome;
              const [opened] = come.filter(
                (it) => it.type === 'status' && it.kind === 'gap_opened',
              );
              assert.ok(opened?.type === 'status' && opened.cause === 'sequence');
              const waited_ms = Number(opened.t - (clean.lines[place.at]?.t ?? 0n)) / 1e6;
              assert.ok(waited_ms > 4_500 && waited_ms < 8_000, `${waited_ms} ms`);
            },
          },
        ],
      },
      {
        row: 'before the first partial',
        test: [
          'test/unit/binance-book.test.ts',
          'without a partial book all is unverified, and whole from the first message',
        ],
      },
    ],
  },
  {
    feed: 'binance-usdm',
    headings: ['Binance USD-M', 'bookTicker, markPrice, kline, forceOrder'],
    cells: [
      {
        row: 'lost',
        proofs: [QUOTE, CANDLE, MARK].map((mark) => ({ mark, edit: lost, shows: missing })),
      },
      {
        row: 'last of a candle lost',
        proofs: [{ mark: [...CANDLE, '"x":true'], edit: lost, shows: missing }],
      },
      {
        row: 'repeated',
        proofs: [QUOTE, CANDLE, MARK].map((mark) => ({ mark, edit: repeated, shows: twice })),
      },
      {
        row: 'order swapped',
        proofs: [{ mark: QUOTE, edit: swapped, shows: both(silent, qa('timestamp-order')) }],
      },
      {
        row: 'a number changed',
        proofs: [
          { mark: QUOTE, edit: changed(field('B', otherDigit)), shows: asSent },
          { mark: MARK, edit: changed(field('p', otherDigit)), shows: asSent },
          {
            mark: QUOTE,
            edit: changed(field('b', (digits) => `9${digits}`)),
            shows: both(asSent, qa('not-crossed')),
          },
        ],
      },
      {
        row: 'a forced order not sent',
        proofs: [
          {
            ...{ mark: QUOTE, edit: followedBy(() => FORCED) },
            // One that is sent is an event; where it is not, nothing is told, as everywhere else here.
            shows: (outcome) => {
              silent(outcome);
              assert.deepEqual(
                outcome.come.map(({ type }) => type),
                ['liquidation'],
              );
            },
          },
        ],
      },
    ],
  },
];

function frameOf(line: unknown): string {
  return (line as { readonly frame?: string } | undefined)?.frame ?? '';
}
