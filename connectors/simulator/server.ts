/** A simulated venue over real WebSockets, in real time, on loopback unless told otherwise. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { invalidInput } from '../../schema/errors.ts';
import { systemClock, type Clock, type TimerHandle } from '../runtime/clock.ts';
import type { Fault, FaultPlan, LedgerEntry } from './faults.ts';
import { openHarness, type Harness, type Wire } from './harness.ts';
import { VENUES } from './registry.ts';
import type { VenueConnection } from './venue.ts';

export type SimulatorOptions = {
  readonly feed: string;
  /** External names: `BTC/USD`, `BTCUSDT`. */
  readonly symbols: readonly string[];
  readonly seed?: number;
  /** Market events a second and symbol. */
  readonly rate?: number;
  readonly faults?: FaultPlan;
  /** 0 (the default): any free one. */
  readonly port?: number;
  readonly host?: string;
};

export type Simulator = {
  /** Base URL, `ws://127.0.0.1:41234/v2`: to be given to a connector in place of the venue's own. */
  readonly url: string;
  readonly ledger: readonly LedgerEntry[];
  readonly counts: Harness['counts'];
  /** Does a fault now, or at its instant. */
  readonly inject: (fault: Fault) => void;
  readonly stop: () => Promise<void>;
};

/** What a simulated venue answers to a plain request: a connector can tell it from a real one. */
export const SIMULATOR_HEADER = 'x-ssmd-simulator';

/** Timers are never finer; the venue's own instants are exact all the same. */
const TICK_MS_MIN = 1;
const TICK_MS_MAX = 1000;
/** A client this far behind is cut, as venues do. */
const BUFFERED_BYTES_MAX = 64 * 1024 * 1024;
const MESSAGE_BYTES_MAX = 1024 * 1024;

/** Starts a venue of `feed`. Errors: `SSMD_INVALID_INPUT` for a feed without a simulated side. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const create = VENUES.get(options.feed);
  if (create === undefined) {
    const known = [...VENUES.keys()].join(', ');
    const what = `no simulated venue ${JSON.stringify(options.feed)}; there are ${known}`;
    throw invalidInput('simulator', [{ where: 'feed', what }], { feed: 'kraken' });
  }
  const clock = steadyClock(systemClock());
  const harness = openHarness({
    create,
    symbols: options.symbols,
    seed: options.seed ?? 1,
    rate: options.rate ?? 5,
    start_ns: clock.wallNs(),
    ...(options.faults === undefined ? {} : { faults: options.faults }),
  });
  const host = options.host ?? '127.0.0.1';
  const server = createServer((_, response) =>
    response.writeHead(426, { [SIMULATOR_HEADER]: options.feed }).end(),
  );
  const run = new ServerRun(harness, clock, server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://${host}:${port}${harness.base_path}`,
    ledger: harness.ledger,
    counts: () => harness.counts(),
    inject: (fault) => {
      harness.inject(fault);
      run.tick();
    },
    stop: () => run.stop(),
  };
}

/** A wall clock that never steps: the venue's time must not go back. */
function steadyClock(clock: Clock): Clock {
  const offset = clock.wallNs() - clock.monoNs();
  return { ...clock, wallNs: () => clock.monoNs() + offset };
}

class ServerRun {
  readonly #harness: Harness;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
  });
  #timer: TimerHandle | null = null;
  #stopped = false;

  constructor(harness: Harness, clock: Clock, server: Server) {
    this.#harness = harness;
    this.#clock = clock;
    this.#server = server;
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
  }

  /** Lets the venue do what is due and sets the timer to what comes next. */
  tick(): void {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#stopped) return;
    const now_ns = this.#clock.wallNs();
    this.#harness.advance(now_ns);
    if (this.#harness.counts().open === 0) return;
    const wait_ms = Number((this.#harness.nextEventNs() - now_ns) / 1_000_000n);
    const bounded_ms = Math.min(TICK_MS_MAX, Math.max(TICK_MS_MIN, wait_ms));
    this.#timer = this.#clock.setTimeout(() => this.tick(), bounded_ms);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    for (const ws of this.#sockets.clients) ws.terminate();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** The venue decides before the handshake; what it says meanwhile waits for the socket. */
  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const late = new LateWire();
    const result = this.#harness.connect(request.url ?? '/', this.#clock.wallNs(), late);
    if ('status' in result) {
      const lines = Object.entries(result.headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const head_text = `HTTP/1.1 ${result.status} Refused\r\nconnection: close\r\ncontent-length: 0\r\n`;
      socket.end(`${head_text}${lines.join('')}\r\n`);
      return;
    }
    socket.once('close', () => result.onClosed());
    this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#onOpen(ws, result, late));
    this.tick();
  }

  #onOpen(ws: WebSocket, connection: VenueConnection, late: LateWire): void {
    ws.on('error', () => ws.terminate());
    ws.on('message', (payload: Buffer) => {
      connection.onMessage(payload.toString('utf8'), this.#clock.wallNs());
      this.tick();
    });
    ws.on('close', () => connection.onClosed());
    late.attach({
      frame(payload) {
        if (ws.bufferedAmount > BUFFERED_BYTES_MAX) ws.terminate();
        else ws.send(payload, { binary: false });
      },
      ping: () => ws.ping(),
      close(code, reason) {
        if (code === null) ws.terminate();
        else ws.close(code, reason);
      },
    });
  }
}

/** Keeps what is sent before the socket is there. */
class LateWire implements Wire {
  #wire: Wire | null = null;
  #waiting: ((wire: Wire) => void)[] = [];

  attach(wire: Wire): void {
    this.#wire = wire;
    for (const act of this.#waiting) act(wire);
    this.#waiting = [];
  }

  frame(payload: string | Uint8Array, at_ns: bigint): void {
    this.#act((wire) => wire.frame(payload, at_ns));
  }

  ping(at_ns: bigint): void {
    this.#act((wire) => wire.ping(at_ns));
  }

  close(code: number | null, reason: string, at_ns: bigint): void {
    this.#act((wire) => wire.close(code, reason, at_ns));
  }

  #act(act: (wire: Wire) => void): void {
    if (this.#wire === null) this.#waiting.push(act);
    else act(this.#wire);
  }
}
