/**
 * Kraken's answers to our requests: they have a `method` and no `channel` at the top.
 *
 *   {"method":"subscribe","result":{"channel":"book","symbol":"BTC/USD"},"success":true,...}
 *   {"error":"Subscription depth not supported","method":"subscribe","success":false,...}
 *   {"Error":"Exceeded msg rate"}
 *
 * One request for several markets is acknowledged once per market.
 * Source: docs.kraken.com, "Spot WebSocket API v2", read 2026-11.
 */
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { KEY_END, keyTable } from '../../codec/key-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import type { FrameReader } from './frame-reader.ts';

export type Reply = {
  method: string | null;
  success: boolean | null;
  error: string | null;
  channel: string | null;
  /** Index of the market, -1 where it is not ours, -2 where the reply names none. */
  market: number;
  /** The venue's warnings, joined by `; `. */
  warnings: string;
};

const RESULT_KEYS = keyTable('channel', 'symbol', 'warnings');
/** Longest words of the venue that are kept. */
const WORDS_MAX = 512;

/** Reads the value of top-level key `key` (4 method .. 10 symbol of `decode.ts`) into `reply`. */
export function readReply(
  reader: FrameReader,
  key: number,
  symbols: SymbolTable,
  out: EventBuffer,
  reply: Reply,
): void {
  if (key === 4) {
    if (reader.words()) reply.method = reader.text();
  } else if (key === 5) {
    if (!reader.isNull()) readResult(reader, symbols, reply);
  } else if (key === 6) {
    const literal = reader.literal();
    reply.success = literal === 0x74 ? true : literal === 0x66 ? false : null;
  } else if (key === 7 || key === 8) {
    if (!reader.isNull() && reader.words()) reply.error = reader.text().slice(0, WORDS_MAX);
  } else if (key === 9) {
    out.request_id = readRequestId(reader);
  } else {
    reply.market = reader.market(symbols);
  }
}

function readResult(reader: FrameReader, symbols: SymbolTable, reply: Reply): void {
  reader.beginObject();
  for (let key = reader.nextKey(RESULT_KEYS); key !== KEY_END; key = reader.nextKey(RESULT_KEYS)) {
    if (key === 0) {
      if (reader.words()) reply.channel = reader.text();
    } else if (key === 1) {
      reply.market = reader.market(symbols);
    } else if (key === 2) {
      if (!reader.isNull()) readWarnings(reader, reply);
    } else {
      reader.skip();
    }
  }
}

function readWarnings(reader: FrameReader, reply: Reply): void {
  const warnings: string[] = [];
  reader.beginArray();
  while (reader.nextElement()) {
    if (reader.words()) warnings.push(reader.text());
  }
  reply.warnings = warnings.join('; ').slice(0, WORDS_MAX);
}

/** A number or a text, as it was sent. */
function readRequestId(reader: FrameReader): string | null {
  if (reader.isNull()) return null;
  if (reader.peek() === 0x22) return reader.words() ? reader.text() : null;
  return reader.integer() ? reader.numberText() : null;
}
