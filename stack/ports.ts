/** The ports the stack listens on: the usual ones, or free ones where those are taken. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { SsmdError } from '../schema/errors.ts';
import { portOwner } from './processes.ts';

export const LOOPBACK = '127.0.0.1';

export type StackPorts = {
  readonly nats: number;
  readonly s3: number;
  readonly temporal: number;
  readonly temporal_ui: number;
};

export const DEFAULT_PORTS: StackPorts = {
  nats: 4222,
  s3: 7070,
  temporal: 7233,
  temporal_ui: 8233,
};

/** Environments with usual ports of their own, so that they run beside the others. */
const OWN_PORTS: Readonly<Record<string, StackPorts>> = {
  demo: { nats: 4232, s3: 7080, temporal: 7243, temporal_ui: 8243 },
};

/** The ports an environment's stack tries first. */
export function usualPorts(environment: string): StackPorts {
  return OWN_PORTS[environment] ?? DEFAULT_PORTS;
}

/** Below the range the kernel gives to outgoing connections, so nothing takes one by chance. */
const FREE_FROM = 20_000;
const FREE_TO = 32_000;
const TRIES = 200;

/** Whether loopback would let us listen there now. */
export async function isPortFree(port: number): Promise<boolean> {
  return await new Promise((settle) => {
    const server = createServer();
    server.once('error', () => settle(false));
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      server.close(() => settle(true));
    });
  });
}

/** A free port between 20,000 and 32,000. @throws SSMD_UNAVAILABLE when 200 tries found none. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const port = randomInt(FREE_FROM, FREE_TO);
    if (await isPortFree(port)) return port;
  }
  throw new SsmdError(
    'SSMD_UNAVAILABLE',
    `no free port on ${LOOPBACK} between ${FREE_FROM} and ${FREE_TO} after ${TRIES} tries`,
    { facts: { from: FREE_FROM, to: FREE_TO } },
  );
}

export type ChosenPort = { readonly port: number; readonly note: string | null };

/** `wanted` if free, else another one with a note that names who has it. */
export async function choosePort(wanted: number): Promise<ChosenPort> {
  if (await isPortFree(wanted)) return { port: wanted, note: null };
  const owner = await portOwner(wanted);
  const port = await freePort();
  const by = owner === null ? 'by another process' : `by ${owner.name} (process ${owner.pid})`;
  return { port, note: `port ${wanted} is taken ${by}, using ${port}` };
}
