/**
 * What OKX says about requests and about itself: frames with an `event`.
 *
 *   {"id":"7","event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"bfcb4b8e"}
 *   {"event":"error","msg":"Wrong URL or channel:books,instId:NO-SUCH doesn't exist. ...","code":"60018",...}
 *   {"event":"notice","code":"64008","msg":"The connection will soon be closed ...","connId":"a4d3ae55"}
 *
 * A request for several channels is answered one by one, and an error names its channel and market only
 * in its words: they are read from there, so that one refused market does not refuse the others.
 * Source: OKX v5 documentation, "WebSocket / Subscribe, Notification", read 2026-11; error texts as
 * clients have logged them since 2023.
 */
import type { EventBuffer } from '../../codec/event-buffer.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';

export type Reply = {
  event: string | null;
  code: string;
  msg: string;
  /** Top-level `channel` of a frame that counts connections. */
  channel: string | null;
};

/** The notice of a connection that is about to be closed, for an upgrade of the service. */
const CLOSES_SOON = '64008';
/** Longest words of the venue that are kept. */
const WORDS_MAX = 512;
const NAMED = /channel:([A-Za-z0-9-]{1,48}),instId:([A-Za-z0-9-]{1,64}) doesn't exist/;
const utf8 = new TextEncoder();

/** Says what a frame with an `event` was. */
export function concludeReply(reply: Reply, symbols: SymbolTable, out: EventBuffer): void {
  switch (reply.event) {
    case 'subscribe':
      out.kind = 'ack';
      return;
    case 'unsubscribe':
      out.kind = 'ack';
      out.reason = 'unsubscribe';
      return;
    case 'error':
      refuse(reply, symbols, out);
      return;
    case 'channel-conn-count-error':
      out.kind = 'refused';
      out.channel = reply.channel;
      out.reason = 'too many connections of one channel';
      return;
    case 'notice':
      out.kind = 'system';
      out.reason = wordsOf(reply);
      out.ending = reply.code === CLOSES_SOON;
      return;
    default:
      out.ignore(`event_not_supported:${isName(reply.event ?? '') ? reply.event : 'other'}`);
  }
}

function refuse(reply: Reply, symbols: SymbolTable, out: EventBuffer): void {
  out.kind = 'refused';
  out.reason = wordsOf(reply);
  const [, channel, market] = NAMED.exec(reply.msg) ?? [];
  if (channel === undefined || market === undefined) return;
  const name = utf8.encode(market);
  out.channel = channel;
  out.frame_symbol = symbols.find(name, 0, name.length);
}

function wordsOf({ code, msg }: Reply): string {
  return [code, msg].filter(Boolean).join(': ').slice(0, WORDS_MAX);
}

/** Reasons become names of counters: a venue's word is one only where it looks like one. */
export function isName(name: string): boolean {
  return name.length <= 40 && /^[a-z][A-Za-z0-9-]*$/.test(name);
}
