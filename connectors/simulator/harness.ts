/**
 * A simulated venue with its faults: it stands between the venue, which knows only its protocol, and
 * whatever carries the frames (`server.ts`: real sockets; `memory-socket.ts`: a virtual clock). It
 * owns neither clock nor socket: time comes in.
 */
import {
  FaultSchedule,
  garbage,
  LEDGER_MAX,
  mutateDigit,
  type Armed,
  type Fault,
  type FaultPlan,
  type LedgerEntry,
} from './faults.ts';
import { Random } from './random.ts';
import type { About, CreateVenue, Venue, VenueConnection, VenueOptions } from './venue.ts';

/** Where a connection's frames go. A string is sent as it is, bytes as a text message's payload. */
export type Wire = {
  readonly frame: (payload: string | Uint8Array, at_ns: bigint) => void;
  readonly ping: (at_ns: bigint) => void;
  /** `code` null: the connection breaks without a close frame. */
  readonly close: (code: number | null, reason: string, at_ns: bigint) => void;
};

/** An upgrade answered with plain HTTP. */
export type Refusal = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
};

export type Harness = {
  readonly feed: string;
  /** What a URL of this venue needs after host and port to be its base URL. */
  readonly base_path: string;
  readonly ledger: readonly LedgerEntry[];
  /** Connections accepted since the start, and open now. */
  readonly counts: () => { readonly accepted: number; readonly open: number };
  readonly connect: (path: string, now_ns: bigint, wire: Wire) => VenueConnection | Refusal;
  readonly nextEventNs: () => bigint;
  readonly advance: (now_ns: bigint) => void;
  /** Adds a fault to the plan. */
  readonly inject: (fault: Fault) => void;
};

export type HarnessOptions = Omit<VenueOptions, 'refuses'> & {
  readonly create: CreateVenue;
  readonly faults?: FaultPlan;
};

const NS_PER_MS = 1_000_000n;
const SILENCE_MS = 60_000;
const TOO_MANY_MS = 3_000;
/** Characters of a frame that is not sent, or late, in the ledger. */
const DETAIL_MAX = 200;

/** One client's connection as the harness keeps it. */
type Connection = {
  readonly id: number;
  readonly wire: Wire;
  venue: VenueConnection | null;
  open: boolean;
  /** Frames the venue sent, faults or not. */
  frames: number;
  /** A frame held back by `reorder`. */
  held: { readonly text: string; readonly about: About | null; readonly entry: LedgerEntry } | null;
};

type Silence = {
  readonly until_ns: bigint;
  readonly connection: number | null;
  readonly channel: string | null;
  readonly symbol: string | null;
  readonly entry: LedgerEntry;
};

export function openHarness(options: HarnessOptions): Harness {
  return new FaultyVenue(options);
}

class FaultyVenue implements Harness {
  readonly feed: string;
  readonly base_path: string;
  readonly ledger: LedgerEntry[] = [];
  readonly #venue: Venue;
  readonly #schedule: FaultSchedule;
  readonly #random: Random;
  readonly #connections = new Map<number, Connection>();
  /** Faults whose instant has come, waiting for their chance. */
  #armed: Armed[] = [];
  #silences: Silence[] = [];
  #too_many: { readonly until_ns: bigint; readonly entry: LedgerEntry } | null = null;
  #accepted = 0;
  #now_ns: bigint;

  constructor({ create, faults = {}, ...options }: HarnessOptions) {
    this.#schedule = new FaultSchedule(faults, options.seed, options.start_ns);
    this.#random = new Random(options.seed, 'faults');
    this.#now_ns = options.start_ns;
    this.#venue = create({
      ...options,
      refuses: (about, now_ns) => this.#refuses(about, now_ns),
    });
    this.feed = this.#venue.feed;
    this.base_path = this.#venue.base_path;
  }

  counts(): { readonly accepted: number; readonly open: number } {
    return { accepted: this.#accepted, open: this.#connections.size };
  }

  inject(fault: Fault): void {
    this.#schedule.add(fault);
  }

  nextEventNs(): bigint {
    const event = this.#venue.nextEventNs();
    const fault = this.#schedule.nextNs();
    return fault !== null && fault < event ? fault : event;
  }

  advance(now_ns: bigint): void {
    const schedule = this.#schedule;
    for (let next = schedule.nextNs(); next !== null && next <= now_ns; next = schedule.nextNs()) {
      const at_ns = next > this.#now_ns ? next : this.#now_ns;
      this.#now_ns = at_ns;
      this.#venue.advance(at_ns);
      for (const fault of schedule.take(at_ns)) this.#arm(fault, at_ns);
    }
    if (now_ns > this.#now_ns) this.#now_ns = now_ns;
    this.#venue.advance(now_ns);
  }

  connect(path: string, now_ns: bigint, wire: Wire): VenueConnection | Refusal {
    this.advance(now_ns);
    const refused = this.#tooMany(now_ns);
    if (refused !== null) return refused;
    const id = this.#accepted + 1;
    const connection: Connection = { id, wire, venue: null, open: true, frames: 0, held: null };
    this.#connections.set(id, connection);
    const venue = this.#venue.connect(path, now_ns, {
      frame: (text, about, at_ns) => this.#send(connection, text, about, at_ns),
      ping: (at_ns) => {
        if (connection.open && !this.#isSilent(connection, null, at_ns)) wire.ping(at_ns);
      },
      close: (code, reason, at_ns) => this.#end(connection, code, reason, at_ns),
    });
    if (venue === null) {
      this.#connections.delete(id);
      return { status: 404, headers: {} };
    }
    this.#accepted++;
    connection.venue = venue;
    return {
      onMessage: (text, at_ns) => {
        this.advance(at_ns);
        if (connection.open) venue.onMessage(text, at_ns);
      },
      onClosed: () => this.#forget(connection),
    };
  }

  /**
   * Of the faults that come at a rate, one of a kind waits at a time; one that comes while nobody is
   * connected befalls nobody. It would otherwise hit each new connection at its first frame, and a
   * client that waits longer after each failure would never get beyond it.
   */
  #arm(fault: Armed, at_ns: bigint): void {
    const { kind, scheduled } = fault;
    if (scheduled && this.#armed.some((one) => one.scheduled && one.kind === kind)) return;
    const alone = this.#connections.size === 0 && kind !== 'refuse' && kind !== '429';
    if (scheduled && alone) return;
    this.#armed.push(fault);
    if (!isOfFrames(fault)) this.#trigger(fault, at_ns);
  }

  #forget(connection: Connection): void {
    if (!connection.open) return;
    connection.open = false;
    this.#connections.delete(connection.id);
    if (connection.held !== null) connection.held.entry.detail = 'held, never sent';
    connection.venue?.onClosed();
  }

  #end(connection: Connection, code: number | null, reason: string, at_ns: bigint): void {
    if (!connection.open) return;
    this.#forget(connection);
    connection.wire.close(code, reason, at_ns);
  }

  /** Takes a fault off the list and writes it down; null where the ledger is full. */
  #note(fault: Armed, at_ns: bigint, what: Partial<LedgerEntry>): LedgerEntry | null {
    this.#armed = this.#armed.filter((other) => other !== fault);
    if (this.ledger.length >= LEDGER_MAX) return null;
    const none = { connection: null, channel: null, symbol: null, frame: null };
    const entry = { at_ns, kind: fault.kind, ...none, touched: 1, detail: '', ...what };
    this.ledger.push(entry);
    return entry;
  }

  #refuses(about: About, now_ns: bigint): boolean {
    const fault = this.#armed.find((one) => one.kind === 'refuse' && isAbout(one, about));
    return fault !== undefined && this.#note(fault, now_ns, about) !== null;
  }

  #tooMany(now_ns: bigint): Refusal | null {
    if (this.#too_many !== null && this.#too_many.until_ns <= now_ns) this.#too_many = null;
    if (this.#too_many !== null) this.#too_many.entry.touched++;
    const fault = this.#armed.find(({ kind }) => kind === '429');
    if (this.#too_many === null && fault !== undefined) {
      const duration_ms = fault.duration_ms ?? TOO_MANY_MS;
      const entry = this.#note(fault, now_ns, { detail: `${duration_ms} ms` });
      const until_ns = now_ns + BigInt(duration_ms) * NS_PER_MS;
      if (entry !== null) this.#too_many = { until_ns, entry };
    }
    if (this.#too_many === null) return null;
    const wait_s = (this.#too_many.until_ns - now_ns + 999_999_999n) / 1_000_000_000n;
    return { status: 429, headers: { 'retry-after': wait_s.toString() } };
  }

  /** Does a fault that needs no frame, on a connection of its choice; none open: it goes on waiting. */
  #trigger(fault: Armed, at_ns: bigint): void {
    const { channel, symbol } = fault;
    if (fault.kind === 'silence' && (channel ?? symbol) !== undefined) {
      this.#silence(fault, at_ns, { channel, symbol, connection: fault.connection });
      return;
    }
    const open = [...this.#connections.values()].filter(
      ({ id }) => fault.connection === undefined || fault.connection === id,
    );
    const chosen = open[open.length > 1 ? this.#random.below(open.length) : 0];
    if (chosen === undefined) return;
    const connection = chosen.id;
    if (fault.kind === 'silence') this.#silence(fault, at_ns, { connection });
    if (fault.kind === 'close') {
      const code = fault.code ?? null;
      const detail = code === null ? 'cut' : `code ${code}`;
      if (this.#note(fault, at_ns, { connection, detail }) === null) return;
      this.#end(chosen, code, code === null ? '' : 'simulated fault', at_ns);
    }
    if (fault.kind === 'garbage') {
      const { payload, name } = garbage(this.#random);
      const what = { connection, frame: chosen.frames, detail: name };
      if (this.#note(fault, at_ns, what) !== null) chosen.wire.frame(payload, at_ns);
    }
  }

  #silence(
    fault: Armed,
    at_ns: bigint,
    of: {
      connection?: number | undefined;
      channel?: string | undefined;
      symbol?: string | undefined;
    },
  ): void {
    const duration_ms = fault.duration_ms ?? SILENCE_MS;
    const { connection = null, channel = null, symbol = null } = of;
    const what = { connection, channel, symbol, touched: 0, detail: `${duration_ms} ms` };
    const entry = this.#note(fault, at_ns, what);
    if (entry === null) return;
    const until_ns = at_ns + BigInt(duration_ms) * NS_PER_MS;
    this.#silences.push({ until_ns, connection, channel, symbol, entry });
  }

  #isSilent(connection: Connection, about: About | null, at_ns: bigint): boolean {
    if (this.#silences.length === 0) return false;
    this.#silences = this.#silences.filter(({ until_ns }) => until_ns > at_ns);
    const found = this.#silences.find(
      (one) =>
        (one.connection === null || one.connection === connection.id) &&
        (one.channel === null || one.channel === about?.channel) &&
        (one.symbol === null || one.symbol === about?.symbol),
    );
    if (found !== undefined) found.entry.touched++;
    return found !== undefined;
  }

  #send(connection: Connection, text: string, about: About | null, at_ns: bigint): void {
    if (!connection.open) return;
    connection.frames++;
    const calm = this.#armed.length === 0 && this.#silences.length === 0;
    if (calm && connection.held === null) connection.wire.frame(text, at_ns);
    else this.#sendFaulty(connection, text, about, at_ns);
  }

  #sendFaulty(connection: Connection, text: string, about: About | null, at_ns: bigint): void {
    for (const fault of this.#armed) if (!isOfFrames(fault)) this.#trigger(fault, at_ns);
    const fault = this.#armed.find((one) => isOfFrames(one) && meets(one, connection, about));
    if (fault?.kind === 'silence') {
      const { channel, symbol } = about ?? {};
      this.#silence(fault, at_ns, {
        connection: connection.id,
        channel,
        symbol: symbol ?? undefined,
      });
    }
    if (!connection.open || this.#isSilent(connection, about, at_ns)) return;
    const { held } = connection;
    if (fault === undefined || !this.#spoil(fault, connection, text, about, at_ns)) {
      connection.wire.frame(text, at_ns);
    }
    if (held !== null && sameAbout(held.about, about)) {
      connection.held = null;
      connection.wire.frame(held.text, at_ns);
    }
  }

  /** Does a fault to a frame; false where it is to be sent as it is. */
  #spoil(
    fault: Armed,
    connection: Connection,
    text: string,
    about: About | null,
    at_ns: bigint,
  ): boolean {
    const { wire, frames: frame, id } = connection;
    if (fault.kind === 'reorder' && connection.held !== null) return false;
    const mutated = fault.kind === 'mutate' ? mutateDigit(text, this.#random) : null;
    if (fault.kind === 'mutate' && mutated === null) return false;
    const isMissed = fault.kind === 'drop' || fault.kind === 'reorder';
    const words = mutated?.detail ?? (isMissed ? text.slice(0, DETAIL_MAX) : '');
    const what = { ...about, connection: id, frame, detail: words };
    const entry = this.#note(fault, at_ns, what);
    if (entry === null) return false;
    if (fault.kind === 'reorder') connection.held = { text, about, entry };
    if (mutated !== null) wire.frame(mutated.text, at_ns);
    if (fault.kind === 'duplicate') {
      wire.frame(text, at_ns);
      wire.frame(text, at_ns);
    }
    return true;
  }
}

/** Faults that befall a frame the venue sends; the others happen by themselves. */
function isOfFrames(fault: Armed): boolean {
  switch (fault.kind) {
    case 'drop':
    case 'duplicate':
    case 'reorder':
    case 'mutate':
      return true;
    case 'silence':
      return fault.scheduled;
    case 'close':
    case 'garbage':
    case 'refuse':
    case '429':
      return false;
    default:
      return fault.kind satisfies never;
  }
}

function meets(fault: Armed, connection: Connection, about: About | null): boolean {
  if (fault.connection !== undefined && fault.connection !== connection.id) return false;
  if (fault.channel === 'control') return about === null;
  return about !== null && isAbout(fault, about);
}

function isAbout(fault: Pick<Fault, 'channel' | 'symbol'>, about: About): boolean {
  return (
    (fault.channel === undefined || fault.channel === about.channel) &&
    (fault.symbol === undefined || fault.symbol === about.symbol)
  );
}

function sameAbout(a: About | null, b: About | null): boolean {
  return a?.channel === b?.channel && a?.symbol === b?.symbol;
}
