/**
 * What a frame of the log is, in the venue's words: which channel, whether data, an answer or noise.
 * Reads it with the feed's own decoder under the configuration the log states. Pure.
 */
import { EventBuffer } from '../../codec/event-buffer.ts';
import type { FrameKind } from '../../codec/event-buffer.ts';
import { factOf } from '../../codec/log-line.ts';
import type { LogLine } from '../../codec/log-line.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { decoderOf } from '../../connectors/feed.ts';
import type { Decode, Feed } from '../../connectors/feed.ts';
import { dayOf } from '../../schema/time.ts';

export type FrameFacts = {
  readonly kind: FrameKind | 'unknown';
  /** The venue's word, `heartbeat`, `pong`, or what else names a frame without a channel. */
  readonly channel: string;
  /** Ours, where the frame is about one market that the configuration knows. */
  readonly symbol: string | null;
  /** The code of a rejection, the venue's words of a refusal. */
  readonly reason: string;
};

export type FrameReader = {
  /** Follows the log's own facts: `_config` names the symbols. */
  readonly follow: (line: LogLine) => void;
  readonly read: (line: LogLine) => FrameFacts;
  /** Whether a text of ours only keeps the connection alive. */
  readonly isPing: (text: string) => boolean;
};

/** `feed` null: a feed this version does not know; its frames are counted without a channel. */
export function createFrameReader(feed: Feed | null): FrameReader {
  let table: SymbolTable = createSymbolTable([]);
  const buffer = new EventBuffer();
  const decoder = decoderByDay(feed);
  const ping = feed?.protocol.ping ?? null;
  // Its id is the only thing that differs from ping to ping.
  const ping_text = ping === null ? null : withoutDigits(ping.text('1'));
  return {
    isPing: (text) => ping_text !== null && withoutDigits(text) === ping_text,
    follow(line) {
      const config = factOf(line, '_config');
      if (config !== null) table = createSymbolTable(config.config.symbols);
    },
    read(line) {
      const decode = decoder(line.t);
      if (decode === null) return { kind: 'unknown', channel: 'frame', symbol: null, reason: '' };
      decode(line.bytes, line.from, line.to, table, buffer);
      const { kind, reason } = buffer;
      const market = buffer.count > 0 ? (buffer.symbol[0] as number) : buffer.frame_symbol;
      // Data of a market whose configuration is not in what is read here is data all the same.
      const is_data = kind === 'data' || reason === 'symbol_not_configured';
      const plain = kind === 'ignored' && !is_data ? `ignored:${reason}` : kind;
      return {
        kind: is_data ? 'data' : kind,
        channel: buffer.channel ?? plain,
        symbol: market >= 0 ? (table.symbols[market]?.symbol ?? null) : null,
        reason,
      };
    },
  };
}

function withoutDigits(text: string): string {
  return text.replaceAll(/\d+/g, '#');
}

/** The decoder that holds at an instant; looked up once a day. */
function decoderByDay(feed: Feed | null): (t: bigint) => Decode | null {
  let day = -1n;
  let decode: Decode | null = null;
  return (t) => {
    if (feed === null) return null;
    const at = t / 86_400_000_000_000n;
    if (at !== day) {
      day = at;
      decode = decoderOf(feed, dayOf(t));
    }
    return decode;
  };
}
