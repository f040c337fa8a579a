/**
 * What Coinbase says about requests: a statement of all that the connection is subscribed to, after
 * each request, and errors in words. Neither names its request; both come in the order of requests.
 *
 *   {"channel":"subscriptions",...,"events":[{"subscriptions":{"level2":["BTC-USD"],"heartbeats":["heartbeats"]}}]}
 *   {"type":"subscriptions","channels":[{"name":"level2","product_ids":["BTC-USD"]}]}          (Exchange)
 *   {"type":"error","message":"Failed to subscribe","reason":"NO-SUCH is not a valid product"}
 *
 * Source: docs.cdp.coinbase.com, Advanced Trade and Exchange WebSocket, read 2026-11; frames recorded
 * in 2021 and 2024.
 */
import type { EventBuffer, SubscribedTo } from '../../codec/event-buffer.ts';
import { KEY_END, KEY_UNKNOWN, keyTable } from '../../codec/key-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import type { FrameReader } from './frame-reader.ts';

/** Longest words of the venue that are kept. */
const WORDS_MAX = 512;
const NAMED = /^([A-Z0-9-]{1,48}) is not a valid product/;
const NAMES = keyTable();
const EVENT_KEYS = keyTable('subscriptions');
const CHANNEL_KEYS = keyTable('name', 'product_ids');
/** Exchange channels by another name than they are asked for: the batched book was `level2_50`. */
const ALIASES: Readonly<Record<string, string>> = { level2_50: 'level2_batch' };
const utf8 = new TextEncoder();

/** `events` of a statement. A channel without markets lists itself; one without any is not there. */
export function readSubscriptions(reader: FrameReader, symbols: SymbolTable): SubscribedTo[] {
  const found: SubscribedTo[] = [];
  reader.beginArray();
  while (reader.nextElement()) {
    reader.beginObject();
    for (let key = reader.nextKey(EVENT_KEYS); key !== KEY_END; key = reader.nextKey(EVENT_KEYS)) {
      if (key === KEY_UNKNOWN) reader.skip();
      else readByChannel(reader, symbols, found);
    }
  }
  return found;
}

function readByChannel(reader: FrameReader, symbols: SymbolTable, found: SubscribedTo[]): void {
  reader.beginObject();
  while (reader.nextKey(NAMES) !== KEY_END) {
    // The key just read: its text is still the scanner's last string.
    readProducts(reader, symbols, reader.text(), found);
  }
}

/** `channels` of the Exchange's statement. */
export function readChannels(reader: FrameReader, symbols: SymbolTable): SubscribedTo[] {
  const found: SubscribedTo[] = [];
  reader.beginArray();
  while (reader.nextElement()) {
    let name = '';
    const own: SubscribedTo[] = [];
    reader.beginObject();
    for (
      let key = reader.nextKey(CHANNEL_KEYS);
      key !== KEY_END;
      key = reader.nextKey(CHANNEL_KEYS)
    ) {
      if (key < 0) reader.skip();
      else if (key === 1) readProducts(reader, symbols, '', own);
      else if (reader.words()) name = reader.text();
    }
    const channel = ALIASES[name] ?? name;
    found.push(...own.map(({ symbol }) => ({ channel, symbol })));
  }
  return found;
}

function readProducts(
  reader: FrameReader,
  symbols: SymbolTable,
  channel: string,
  found: SubscribedTo[],
): void {
  reader.beginArray();
  while (reader.nextElement()) found.push({ channel, symbol: reader.market(symbols) });
}

/** An error. Where it names a market of ours it is about that one. */
export function refuse(
  message: string,
  reason: string,
  symbols: SymbolTable,
  out: EventBuffer,
): void {
  out.kind = 'refused';
  out.reason = [message, reason].filter(Boolean).join(': ').slice(0, WORDS_MAX);
  const product = NAMED.exec(reason)?.[1];
  if (product === undefined) return;
  const name = utf8.encode(product);
  out.frame_symbol = symbols.find(name, 0, name.length);
}

/** Reasons become names of counters: a venue's word is one only where it looks like one. */
export function isName(name: string): boolean {
  return name.length <= 40 && /^[a-z][a-z0-9_]*$/.test(name);
}
