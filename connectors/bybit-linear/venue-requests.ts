/**
 * What a client may ask of Bybit's public WebSocket v5, and how the venue words its answers. Source:
 * Bybit v5 documentation, "Connect", read 2026-11; errors as clients log them.
 */

export type Request =
  | { readonly op: 'ping'; readonly id: string }
  | {
      readonly op: 'subscribe' | 'unsubscribe';
      readonly id: string;
      readonly args: readonly string[];
    }
  | { readonly op: 'error'; readonly asked: string; readonly id: string; readonly msg: string };

/** Reads a client's text; what is wrong with it comes back in the venue's words. */
export function readRequest(text: string): Request {
  const message = asObject(parseJson(text));
  if (message === null) return { op: 'error', asked: '', id: '', msg: 'error:invalid json' };
  const { op, req_id, args } = message;
  const id = typeof req_id === 'string' ? req_id : '';
  if (op === 'ping') return { op, id };
  if (op !== 'subscribe' && op !== 'unsubscribe') {
    return { op: 'error', asked: '', id, msg: `error:unknown op ${String(op)}` };
  }
  const topics = Array.isArray(args) ? (args as unknown[]) : [];
  const known = topics.filter((topic) => typeof topic === 'string');
  if (known.length === 0 || known.length !== topics.length) {
    return { op: 'error', asked: op, id, msg: 'error:params error' };
  }
  return { op, id, args: known };
}

/** `{"success":true,"ret_msg":"","conn_id":"3cd84cb1-...","req_id":"7","op":"subscribe"}` */
export function answerText(
  success: boolean,
  msg: string,
  conn: string,
  { id, op }: { readonly id: string; readonly op: string },
): string {
  return `{"success":${success},"ret_msg":${JSON.stringify(msg)},"conn_id":"${conn}","req_id":${JSON.stringify(id)},"op":"${op}"}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}
