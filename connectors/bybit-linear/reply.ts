/**
 * What Bybit says about requests: frames with an `op`.
 *
 *   {"success":true,"ret_msg":"","conn_id":"3cd84cb1-...","req_id":"7","op":"subscribe"}
 *   {"success":false,"ret_msg":"error:handler not found,topic:orderbook.50.NO-SUCH",...,"op":"subscribe"}
 *   {"success":true,"ret_msg":"pong","conn_id":"465772b1-...","req_id":"8","op":"ping"}
 *
 * A request for several topics gets one answer that lists none of them, and an error names its topic in
 * its words only: so each topic is asked for by itself, and the words are read for the report.
 * Source: Bybit v5 documentation, "Connect", read 2026-11; error texts as clients have logged them.
 */
import type { EventBuffer } from '../../codec/event-buffer.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';

export type Reply = {
  op: string | null;
  success: boolean | null;
  msg: string;
};

/** Longest words of the venue that are kept. */
const WORDS_MAX = 512;
const NAMED = /topic:\s*([A-Za-z_]+(?:\.[A-Za-z0-9]+)?)\.([A-Za-z0-9-]{1,64})/i;
const utf8 = new TextEncoder();

/** The channel a topic without its market names: the four deep books are one channel. */
export function channelNamed(topic: string): string {
  return /^orderbook\.(50|200|500|1000)$/.test(topic) ? 'orderbook' : topic;
}

/** Says what a frame with an `op` was; false where it lacks what it needs. */
export function concludeReply(reply: Reply, symbols: SymbolTable, out: EventBuffer): boolean {
  const { op, success, msg } = reply;
  if (op === 'pong' || (op === 'ping' && success !== false)) {
    out.kind = 'pong';
    return true;
  }
  if (op !== '' && op !== 'subscribe' && op !== 'unsubscribe' && op !== 'ping') {
    out.ignore(`op_not_supported:${isName(op ?? '') ? op : 'other'}`);
    return true;
  }
  if (success === null) return false;
  if (!success) refuse(msg, symbols, out);
  else if (op === '') out.ignore('op_not_supported:other');
  else {
    out.kind = 'ack';
    if (op === 'unsubscribe') out.reason = 'unsubscribe';
  }
  return true;
}

function refuse(msg: string, symbols: SymbolTable, out: EventBuffer): void {
  out.kind = 'refused';
  out.reason = msg.slice(0, WORDS_MAX);
  const [, topic, market] = NAMED.exec(msg) ?? [];
  if (topic === undefined || market === undefined) return;
  const name = utf8.encode(market);
  out.channel = channelNamed(topic);
  out.frame_symbol = symbols.find(name, 0, name.length);
}

/** Reasons become names of counters: a venue's word is one only where it looks like one. */
export function isName(name: string): boolean {
  return name.length <= 40 && /^[A-Za-z][A-Za-z0-9_.-]*$/.test(name);
}
