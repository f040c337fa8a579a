/**
 * The recorded session of Coinbase's Exchange feed through decoder and books: every line accounted
 * for, no book crossed, and which ways of getting it wrong it tells.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EventBuffer, TYPE_BOOK } from '../../codec/event-buffer.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import { BOOK, decoderOf } from '../../connectors/feed.ts';
import type { FeedBook } from '../../connectors/feed.ts';
import { openCoinbaseBook } from '../../connectors/coinbase/book.ts';
import { decodeExchange } from '../../connectors/coinbase/exchange.ts';
import { coinbase } from '../../connectors/coinbase/feed.ts';
import { EVENT_TYPES, FLAG } from '../../schema/events.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { decodeFrame, decodeInto } from '../support/coinbase-frames.ts';

const skip = skipWithoutCaptures;
const MARKETS = [
  ...['SKL-USD', 'SKL-BTC', 'BAND-GBP', 'NMR-EUR', 'BAND-BTC'],
  ...['YFI-BTC', 'DASH-BTC', 'NU-GBP', 'CRV-EUR', 'SKL-GBP'],
];
const SYMBOLS = createSymbolTable(
  MARKETS.map((external) => ({ symbol: external.replaceAll('-', ''), external, depth: 'l2' })),
);

function lines(): string[] {
  const text = readFileSync(capturePath('coinbase-exchange/cryptofeed-20210417.txt'), 'utf8');
  return text.trimEnd().split('\n');
}

/** What was received, in order. */
function frames(): string[] {
  return lines().flatMap((line) => /^\d+\.\d+: (.*)$/.exec(line)?.[1] ?? []);
}

test('the day of the recording is read by the Exchange decoder', () => {
  assert.equal(decoderOf(coinbase, '2021-04-17'), decodeExchange);
  assert.notEqual(decoderOf(coinbase, '2026-11-20'), decodeExchange);
});

test('9,946 messages: 9,943 events, 3 acknowledgements, nothing else', { skip }, () => {
  const out = new EventBuffer();
  const tally: Record<string, number> = {};
  for (const line of lines()) {
    const text = /^\d+\.\d+: (.*)$/.exec(line)?.[1];
    let what = 'opened or sent';
    if (text !== undefined) {
      decodeInto(out, text, SYMBOLS, decodeExchange);
      const isData = out.kind === 'data' && out.count === 1;
      const flags = isData ? (out.flags[0] ?? 0) : 0;
      const said = flags === FLAG.SNAPSHOT ? ' whole' : flags === FLAG.HISTORY ? ' history' : '';
      const type = EVENT_TYPES[out.type[0] ?? -1] ?? '';
      what = isData ? type + said : `${out.kind}:${out.reason}`;
    } else assert.match(line, /^wss:\/\/ws-feed\.pro\.coinbase\.com (<-|<->) /);
    tally[what] = (tally[what] ?? 0) + 1;
  }
  assert.deepEqual(tally, {
    'opened or sent': 4,
    'ack:': 3,
    'book whole': 10,
    book: 9_719,
    'trade history': 10,
    trade: 97,
    ticker: 107,
  });
});

test('a market that is not ours is a named ignore, the rest stays', { skip }, () => {
  const one = createSymbolTable([{ symbol: 'SKLUSD', external: 'SKL-USD', depth: 'l2' }]);
  const kinds: Record<string, number> = {};
  for (const text of frames()) {
    const { kind, reason } = decodeFrame(text, decodeExchange, one);
    kinds[`${kind}:${reason}`] = (kinds[`${kind}:${reason}`] ?? 0) + 1;
  }
  const { 'data:': data, 'ack:': acks, 'ignored:symbol_not_configured': others, ...rest } = kinds;
  assert.deepEqual([acks, (data ?? 0) + (others ?? 0), rest], [3, 9_943, {}]);
  assert.ok((data ?? 0) > 500 && (others ?? 0) > 500);
});

type Sums = { verified: number; failed: number; unproven: number; broken: number };

/** The ten books of what `change` makes of the frames. */
function sums(change: (all: readonly string[]) => readonly string[] = (it) => it): Sums {
  const out = new EventBuffer();
  const books: FeedBook[] = MARKETS.map(() => openCoinbaseBook(0));
  const total: Sums = { verified: 0, failed: 0, unproven: 0, broken: 0 };
  for (const text of change(frames())) {
    decodeInto(out, text, SYMBOLS, decodeExchange);
    if (out.count === 0 || out.type[0] !== TYPE_BOOK) continue;
    const verdict = books[out.symbol[0] ?? -1]?.apply(out, 0) ?? 0;
    if ((verdict & BOOK.BROKEN) !== 0) total.broken++;
    else if ((verdict & BOOK.EMIT) !== 0) {
      assert.ok((verdict & BOOK.UNVERIFIED) !== 0, 'nothing numbers the frames of this feed');
    }
  }
  for (const book of books) {
    const { verified, failed, unproven } = book.counts();
    total.verified += verified;
    total.failed += failed;
    total.unproven += unproven;
  }
  return total;
}

test(
  'ten books, never crossed at the end of 9,729 messages; none is called proven',
  { skip },
  () => {
    assert.deepEqual(sums(), { verified: 0, failed: 0, unproven: 9_729, broken: 0 });
  },
);

test(
  'the side of a match is the maker’s: opposite to the ticker of the same trade',
  { skip },
  () => {
    const tickers = new Map<string, string>();
    const matches = new Map<string, unknown>();
    for (const text of frames()) {
      const message = JSON.parse(text) as Record<string, string>;
      const key = `${message['product_id']} ${message['trade_id']}`;
      if (message['type'] === 'ticker') tickers.set(key, message['side'] ?? '');
      const [event] = decodeFrame(text, decodeExchange, SYMBOLS).events;
      if (event?.type === 'trade') matches.set(key, event['side']);
    }
    const pairs = [...matches].filter(([key]) => tickers.has(key));
    assert.equal(pairs.length, 107);
    assert.deepEqual(
      pairs.filter(([key, side]) => side !== tickers.get(key)),
      [],
      'ours are the taker’s',
    );
  },
);

test('trade ids count by one in every market: 97 steps', { skip }, () => {
  const last = new Map<string, number>();
  let steps = 0;
  for (const text of frames()) {
    const [event] = decodeFrame(text, decodeExchange, SYMBOLS).events;
    if (event?.type !== 'trade') continue;
    const id = Number(event['trade_id']);
    const before = last.get(event.symbol);
    if (before !== undefined) {
      assert.equal(id, before + 1);
      steps++;
    }
    last.set(event.symbol, id);
  }
  assert.equal(steps, 97);
});

test(
  'the recording tells sides swapped, a stored size 0, a snapshot that comes late',
  { skip },
  () => {
    const swap = (text: string): string =>
      text.startsWith('{"type":"l2update"')
        ? text.replace(/\["(buy|sell)"/, (_, side) => (side === 'buy' ? '["sell"' : '["buy"'))
        : text;
    const stored = (text: string): string => text.replace(/,"0\.0+"\]/, ',"0.5"]');
    assert.equal(sums((all) => all.map(swap)).broken, 10);
    assert.equal(sums((all) => all.map(stored)).broken, 5);
    const late = sums((all) => {
      const snapshots = all.filter((text) => text.startsWith('{"type":"snapshot"'));
      const rest = all.filter((text) => !text.startsWith('{"type":"snapshot"'));
      return [...rest.slice(0, 400), ...snapshots, ...rest.slice(400)];
    });
    // Ten updates before their snapshot; and three books that lack what came before it.
    assert.deepEqual([late.broken, late.failed], [13, 3]);
  },
);
