/**
 * A Kraken on loopback with one deep book: it answers what a connector asks, then sends updates at a rate
 * it keeps whatever the machine does, with a heartbeat a second.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { ackText, errorText, readRequest } from '../connectors/kraken/venue-requests.ts';
import { isoMicros } from '../connectors/simulator/format.ts';
import { openLiveBook } from './deep-book.ts';

const TICK_MS = 5;
const HEARTBEAT_MS = 1_000;
const HEARTBEAT = '{"channel":"heartbeat"}';
const STATUS =
  '{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":1}]}';

export type DeepVenue = {
  readonly url: string;
  /** Updates sent so far, and snapshots; `told` of the checksums, in order. */
  readonly sent: () => Sent;
  /** Sends updates from here on, or none; heartbeats go on. */
  readonly speak: (speaks: boolean) => void;
  readonly close: () => Promise<void>;
};

export type Sent = { readonly updates: number; readonly snapshots: number; readonly told: number };

/** What was said so far and one checksum more, as one number: the same only of the same in the same order. */
export function toldMore(told: number, checksum: number): number {
  return (Math.imul(told, 0x01000193) ^ checksum) | 0;
}

export async function openDeepVenue(depth: number, rate: number): Promise<DeepVenue> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const book = openLiveBook(depth);
  let reader: WebSocket | null = null;
  let [updates, snapshots, told] = [0, 0, 0];
  /** Since when it speaks, and how much it has said since. */
  let [from_ms, due] = [Infinity, 0];
  server.on('connection', (socket) => {
    socket.send(STATUS);
    socket.on('message', (data: Buffer) => {
      for (const text of answersTo(data.toString())) socket.send(text);
      if (!data.includes('"channel":"book"')) return;
      socket.send(book.snapshot(nowText()));
      snapshots++;
      reader = socket;
    });
    socket.on('close', () => (reader = null));
  });
  const tick = setInterval(() => {
    const wanted = Math.floor(((performance.now() - from_ms) * rate) / 1_000);
    for (; reader !== null && due < wanted; due++, updates++) {
      const text = book.update(nowText());
      told = toldMore(told, Number(/"checksum":(\d+)/.exec(text)?.[1]));
      reader.send(text);
    }
  }, TICK_MS);
  const heartbeat = setInterval(() => {
    for (const socket of server.clients) socket.send(HEARTBEAT);
  }, HEARTBEAT_MS);
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: () => ({ updates, snapshots, told }),
    speak(speaks) {
      from_ms = speaks ? performance.now() : Infinity;
      due = 0;
    },
    async close() {
      clearInterval(tick);
      clearInterval(heartbeat);
      for (const socket of server.clients) socket.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}

function answersTo(text: string): string[] {
  const request = readRequest(text);
  const us = Date.now() * 1_000;
  if ('error' in request) {
    return [errorText(request.method, request.error, null, request.req_id, us)];
  }
  if (!('wanted' in request) || request.method !== 'subscribe') return [];
  return request.wanted.map((wanted) => ackText('subscribe', wanted, request.req_id, us));
}

function nowText(): string {
  return isoMicros(Date.now() * 1_000);
}
