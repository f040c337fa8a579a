import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import { openBinanceUsdmBook } from '../../connectors/binance-usdm/book.ts';
import { decodeBinanceUsdm } from '../../connectors/binance-usdm/decode.ts';
import { BOOK } from '../../connectors/feed.ts';
import type { FeedBook } from '../../connectors/feed.ts';
import { EVENT_TYPES, TYPE_CODE } from '../../schema/events.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { SYMBOLS } from '../support/binance-frames.ts';

type Tally = { lines: number; readonly counts: Record<string, number> };

function count(tally: Tally, key: string): void {
  tally.counts[key] = (tally.counts[key] ?? 0) + 1;
}

/** What one frame came to, under one name: `quote`, `ignored:...`, `rejected:...`. */
function outcome(out: EventBuffer): string {
  if (out.kind !== 'data') return `${out.kind}:${out.reason}`;
  assert.equal(out.count, 1);
  return EVENT_TYPES[out.type[0] ?? -1] ?? 'none';
}

test(
  'btcusdt-20240808: every line is an event, but for one REST reply',
  { skip: skipWithoutCaptures },
  () => {
    const bytes = gunzipSync(readFileSync(capturePath('binance-usdm/btcusdt-20240808.jsonl.gz')));
    const out = new EventBuffer();
    const book = openBinanceUsdmBook(20);
    const tally: Tally = { lines: 0, counts: {} };
    let broken = 0;
    let quotes_crossed = 0;
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(0x0a, at);
      const start = bytes.indexOf(0x20, at) + 1;
      decodeBinanceUsdm(bytes, start, end, SYMBOLS, out);
      tally.lines++;
      count(tally, outcome(out));
      if (out.kind === 'data' && out.type[0] === TYPE_CODE.book) {
        if ((book.apply(out, 0) & BOOK.BROKEN) !== 0) broken++;
      } else if (out.kind === 'data' && out.type[0] === TYPE_CODE.quote) {
        const slot = out.slot[0] ?? 0;
        if ((out.lo[slot] ?? 0) >= (out.lo[slot + 2] ?? 0)) quotes_crossed++;
      }
      at = end + 1;
    }
    assert.deepEqual(tally, {
      lines: 93_954,
      counts: { quote: 66_089, trade: 21_313, book: 6_551, 'rejected:unknown_message': 1 },
    });
    assert.equal(broken, 0, 'the chain of pu holds');
    assert.equal(quotes_crossed, 0, 'bids and asks are not swapped');
    // No partial book in it: nothing proves the levels, and the book says so.
    assert.deepEqual(book.counts(), { verified: 0, failed: 0, unproven: 6_551 });
  },
);

test(
  'cryptofeed-20210722: every frame is an event, every chain holds',
  { skip: skipWithoutCaptures },
  () => {
    const text = readFileSync(capturePath('binance-usdm/cryptofeed-20210722.txt'), 'utf8');
    const out = new EventBuffer();
    const encoder = new TextEncoder();
    const books = new Map<number, FeedBook>();
    const tally: Tally = { lines: 0, counts: {} };
    let broken = 0;
    for (const line of text.split('\n').filter(Boolean)) {
      tally.lines++;
      const frame = /^\d+\.\d+: (.*)$/.exec(line)?.[1];
      if (frame === undefined) {
        assert.match(line, /^wss:\/\/\S+ <-> \d+\.\d+$/);
        count(tally, 'connect line');
        continue;
      }
      const bytes = encoder.encode(`${frame}\n`);
      decodeBinanceUsdm(bytes, 0, bytes.length - 1, SYMBOLS, out);
      count(tally, outcome(out));
      if (out.type[0] !== TYPE_CODE.book) continue;
      const symbol = out.symbol[0] ?? -1;
      const book = books.get(symbol) ?? openBinanceUsdmBook(20);
      books.set(symbol, book);
      if ((book.apply(out, 0) & BOOK.BROKEN) !== 0) broken++;
    }
    assert.deepEqual(tally, {
      lines: 1_536,
      counts: { 'connect line': 1, quote: 613, book: 764, trade: 91, ohlc: 67 },
    });
    assert.equal(broken, 0);
    assert.equal(books.size, 4);
  },
);

test(
  'with one market of four configured, the others are ignored by name',
  { skip: skipWithoutCaptures },
  () => {
    const text = readFileSync(capturePath('binance-usdm/cryptofeed-20210722.txt'), 'utf8');
    const one = createSymbolTable([
      { symbol: 'SUSHIUSDT-PERP', external: 'SUSHIUSDT', depth: 'l2' },
    ]);
    const out = new EventBuffer();
    const tally: Tally = { lines: 0, counts: {} };
    for (const line of text.split('\n').filter(Boolean).slice(1)) {
      const bytes = new TextEncoder().encode(`${line.replace(/^\d+\.\d+: /, '')}\n`);
      decodeBinanceUsdm(bytes, 0, bytes.length - 1, one, out);
      tally.lines++;
      count(tally, outcome(out));
    }
    assert.deepEqual(tally, {
      lines: 1_535,
      counts: { quote: 305, book: 255, trade: 40, ohlc: 22, 'ignored:symbol_not_configured': 913 },
    });
  },
);
