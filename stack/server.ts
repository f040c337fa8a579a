/** What it takes to run one of the stack's servers, and how to tell that it is ready. */
import { connect } from 'node:net';
import type { Binary } from './binaries.ts';

export type PartName = 'nats' | 's3' | 'temporal';

export const PART_NAMES: readonly PartName[] = ['nats', 's3', 'temporal'];

export type ServerSpec = {
  readonly part: PartName;
  readonly binary: Binary;
  readonly args: readonly string[];
  /** Added to a minimal environment; secrets travel here, never in `args`. */
  readonly env: Readonly<Record<string, string>>;
  readonly log_file: string;
  readonly ready_timeout_ms: number;
  /** Where it can be reached, as shown to people. */
  readonly url: string;
  /** Asks the server itself; true when it answers as one that serves. Never throws. */
  readonly probe: () => Promise<boolean>;
};

const PROBE_TIMEOUT_MS = 1_000;

/** Whether a GET answers with a status below 300. */
export async function probeHttp(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}

/** Whether a NATS server with JetStream answers a PING there. */
export async function probeNats(port: number, host: string): Promise<boolean> {
  return await new Promise((settle) => {
    const socket = connect({ port, host });
    let heard = '';
    const end = (served: boolean): void => {
      socket.destroy();
      settle(served);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => end(false));
    socket.on('error', () => end(false));
    socket.on('close', () => settle(false));
    socket.on('data', (chunk: Buffer) => {
      const before = heard.length;
      heard += chunk.toString('latin1');
      if (before === 0) socket.write('CONNECT {"verbose":false}\r\nPING\r\n');
      if (heard.includes('PONG\r\n')) end(/^INFO .*"jetstream":\s*true/m.test(heard));
      else if (heard.includes('-ERR')) end(false);
    });
  });
}
