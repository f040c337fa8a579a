/**
 * The venue of the model: books that count by one, trades with ids and a history on subscribing, quotes.
 * It knows what it sent on each connection and what of it reached a process, whatever became of it
 * there.
 */
import type { Socket, SocketHandlers } from '../../../connectors/runtime/socket.ts';
import type { VirtualClock } from '../../../connectors/simulator/clock.ts';
import type { Random } from '../../../connectors/simulator/random.ts';
import { SYMBOLS } from './feed.ts';
import type { ModelProcess } from './process.ts';

/** Trades a subscription is told of that were before it. */
const HISTORY_TRADES = 4;
const encoder = new TextEncoder();

/** A frame as a process was handed it. */
export type Handed = { readonly at_ns: bigint; readonly text: string };

export type VenueConnection = {
  /** Frames in the order in which the process was handed them. */
  readonly handed: Handed[];
  open: boolean;
};

export type VenueTrade = {
  readonly symbol: string;
  readonly id: number;
  readonly sent_ns: bigint;
};

export type ModelVenue = {
  readonly open: (
    process: ModelProcess,
    handlers: SocketHandlers,
    record: VenueConnection,
  ) => Socket;
  /** One thing happens in a market; what, `kind` in [0, 1) says. */
  readonly tick: (symbol: number, kind: number) => void;
  /** Ends all connections there are, or the newest only. */
  readonly cut: (which: 'all' | 'newest') => void;
  /** Answers nobody until told otherwise. */
  readonly refuse: (refusing: boolean) => void;
  /** Loses the next book update on its way to one connection. */
  readonly loseDelta: () => void;
  readonly trades: readonly VenueTrade[];
};

type Market = {
  readonly external: string;
  readonly symbol: string;
  u: number;
  id: number;
  px: number;
};

export function createModelVenue(options: {
  readonly world: VirtualClock;
  readonly random: Random;
  /** Of a new connection: its way through the network. */
  readonly latency_ms: () => { readonly base: number; readonly jitter: number };
}): ModelVenue {
  const { world, random } = options;
  const markets: Market[] = SYMBOLS.map(({ external, symbol }) => ({
    ...{ external, symbol, u: 100, px: 100 },
    id: external === 'BTC' ? 1000 : 5000,
  }));
  const links = new Set<Link>();
  const trades: VenueTrade[] = [];
  let refusing = false;
  let losing = 0;

  class Link implements Socket {
    readonly subscribed = new Set<string>();
    readonly #process: ModelProcess;
    readonly #handlers: SocketHandlers;
    readonly #record: VenueConnection;
    readonly #way = options.latency_ms();
    #last_ns = 0n;
    /** As the process sees it. */
    #state: 'opening' | 'open' | 'closed' = 'opening';
    /** As the venue sees it. */
    #there = true;

    constructor(process: ModelProcess, handlers: SocketHandlers, record: VenueConnection) {
      this.#process = process;
      this.#handlers = handlers;
      this.#record = record;
      process.onDeath(() => this.leave());
      this.#travel(() => {
        if (refusing) {
          this.#there = false;
          this.#arrive(() => this.#end(() => handlers.onUpgradeRefused(503, {})));
          return;
        }
        links.add(this);
        this.#arrive(() => {
          if (this.#state !== 'opening') return;
          this.#state = 'open';
          record.open = true;
          handlers.onOpen();
        });
      });
    }

    frame(body: object): void {
      if (!this.#there) return;
      const text = JSON.stringify(body);
      this.#arrive(() => {
        if (this.#state !== 'open') return;
        this.#record.handed.push({ at_ns: world.nowNs(), text });
        this.#handlers.onFrame(encoder.encode(text));
      });
    }

    cut(): void {
      if (!this.#there) return;
      this.leave();
      this.#arrive(() => this.#end(() => this.#handlers.onClose(1006, 'cut', 'venue')));
    }

    leave(): void {
      this.#there = false;
      links.delete(this);
    }

    send(text: string): void {
      if (this.#state !== 'open' || !this.#process.acts()) return;
      this.#travel(() => {
        if (this.#there) answer(this, text);
      });
    }

    close(): void {
      if (this.#state === 'closed') return;
      this.#travel(() => {
        this.leave();
        this.#arrive(() => this.#end(() => this.#handlers.onClose(1000, 'bye', 'us')));
      });
    }

    terminate(): void {
      if (this.#state === 'closed') return;
      this.#state = 'closed';
      this.leave();
      this.#process.clock.setTimeout(() => this.#handlers.onClose(null, '', 'us'), 0);
    }

    #end(tell: () => void): void {
      if (this.#state === 'closed') return;
      this.#state = 'closed';
      tell();
    }

    #travel(act: () => void): void {
      world.setTimer(act, world.nowNs() + this.#delay());
    }

    /** Nothing on a connection overtakes what was sent before it. */
    #arrive(act: () => void): void {
      const at_ns = world.nowNs() + this.#delay();
      this.#last_ns = at_ns > this.#last_ns ? at_ns : this.#last_ns;
      world.setTimer(() => this.#process.deliver(act), this.#last_ns);
    }

    #delay(): bigint {
      const { base, jitter } = this.#way;
      return BigInt(Math.round((base + jitter * random.unit()) * 1e6));
    }
  }

  function answer(link: Link, text: string): void {
    const { op, id, asked } = JSON.parse(text) as {
      readonly op: string;
      readonly id: string;
      readonly asked: readonly (readonly [string, string])[];
    };
    for (const [channel, external] of asked) {
      if (op === 'sub') link.subscribed.add(`${channel} ${external}`);
      else link.subscribed.delete(`${channel} ${external}`);
    }
    if (op !== 'sub') return;
    link.frame({ k: 'ack', id });
    for (const [channel, external] of asked) {
      const market = markets.find((it) => it.external === external) as Market;
      if (channel === 'books') link.frame({ k: 'snap', s: external, u: market.u });
      if (channel !== 'trades') continue;
      const known = Math.min(
        HISTORY_TRADES,
        trades.filter((it) => it.symbol === market.symbol).length,
      );
      if (known === 0) continue;
      const ids = Array.from({ length: known }, (_, at) => market.id - known + 1 + at);
      link.frame({ k: 'trades', s: external, ids, history: true });
    }
  }

  function tell(channel: string, external: string, body: object): void {
    for (const link of [...links]) {
      if (!link.subscribed.has(`${channel} ${external}`)) continue;
      if (channel === 'books' && losing > 0) losing -= 1;
      else link.frame(body);
    }
  }

  return {
    trades,
    open: (process, handlers, record) => new Link(process, handlers, record),
    tick(symbol, kind) {
      const market = markets[symbol] as Market;
      const s = market.external;
      if (kind < 0.5) {
        market.id += 1;
        trades.push({ symbol: market.symbol, id: market.id, sent_ns: world.nowNs() });
        tell('trades', s, { k: 'trade', s, id: `${market.id}` });
      } else if (kind < 0.75) {
        market.u += 1;
        tell('books', s, { k: 'delta', s, u: market.u });
      } else {
        market.px += 1;
        tell('quotes', s, { k: 'quote', s, px: market.px });
      }
    },
    cut(which) {
      const there = [...links];
      for (const link of which === 'all' ? there : there.slice(-1)) link.cut();
    },
    refuse: (on) => void (refusing = on),
    loseDelta: () => void (losing += 1),
  };
}
