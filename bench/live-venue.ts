/**
 * A process with a simulated venue behind real sockets that sends at exactly the rate it is told: its
 * market runs ahead as far as it must. It says how many frames it has sent.
 */
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { VENUES } from '../connectors/simulator/registry.ts';
import { systemClock } from '../connectors/runtime/clock.ts';
import { invariant } from '../schema/errors.ts';

export type VenueOrder = { readonly rate: number } | 'counts';
export type VenueWord =
  | { readonly word: 'open'; readonly url: string }
  | { readonly word: 'counts'; readonly sent: number; readonly waiting: number };

const STEP_NS = 1_000_000n;
/** Of the market, looked through for a frame. */
const STEPS_MAX = 100;
const TICK_MS = 1;
/** Frames of one tick at most: a process that stood still does not make up for all of it at once. */
const FRAMES_A_TICK_MAX = 2_000;

const [, , feed = '', ...symbols] = process.argv;
const create = VENUES.get(feed);
invariant(create !== undefined, `no simulated venue ${feed}`);
let now_ns = systemClock().wallNs();
const venue = create({ seed: 7, symbols, start_ns: now_ns, rate: 400 });
const waiting: { readonly socket: WebSocket; readonly text: string }[] = [];
let next = 0;
let sent = 0;
let rate = 100;
let due = 0;
let last_ms = performance.now();

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
server.on('connection', (socket, request) => {
  const line = venue.connect(request.url ?? '', now_ns, {
    frame: (text) => void waiting.push({ socket, text }),
    ping: () => undefined,
    close: () => socket.close(),
  });
  if (line === null) return socket.close();
  socket.on('message', (data: Buffer) => line.onMessage(data.toString(), now_ns));
});
server.on('listening', () => {
  const { port } = server.address() as AddressInfo;
  say({ word: 'open', url: `ws://127.0.0.1:${port}${venue.base_path}` });
});

function tick(): void {
  const at_ms = performance.now();
  due = Math.min(FRAMES_A_TICK_MAX, due + ((at_ms - last_ms) * rate) / 1_000);
  last_ms = at_ms;
  for (; due >= 1 && server.clients.size > 0; due--) {
    // Nothing comes of it where nobody has subscribed.
    for (let step = 0; next === waiting.length && step < STEPS_MAX; step++) {
      waiting.length = 0;
      next = 0;
      venue.advance((now_ns += STEP_NS));
    }
    if (next === waiting.length) return;
    const { socket, text } = waiting[next++] as (typeof waiting)[number];
    if (socket.readyState !== socket.OPEN) continue;
    socket.send(text);
    sent++;
  }
}

function say(word: VenueWord): void {
  process.send?.(word);
}

process.on('message', (order: VenueOrder) => {
  if (order === 'counts') say({ word: 'counts', sent, waiting: waiting.length - next });
  else rate = order.rate;
});
process.on('disconnect', () => process.exit());
setInterval(tick, TICK_MS);
