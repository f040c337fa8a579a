/**
 * Faults a simulated venue can be told to have: as a list with instants, or as rates an hour from a
 * seed. What was done is written into a ledger, to be held against what the connector found.
 */
import { Random } from './random.ts';

export const FAULT_KINDS = [
  /** A frame is not sent. */
  'drop',
  /** A frame is sent twice. */
  'duplicate',
  /** A frame is sent after the next one of its channel and symbol. */
  'reorder',
  /** One digit of a frame is another one; it stays valid JSON. */
  'mutate',
  /** Acknowledged, but no data: a channel or symbol, or without either a whole connection. */
  'silence',
  /** A connection ends. */
  'close',
  /** The next matching subscription is refused. */
  'refuse',
  /** The next upgrade, and all for a while after it, is answered with HTTP 429. */
  '429',
  /** A frame that is no JSON or no UTF-8 comes between the others. */
  'garbage',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export type Fault = {
  readonly kind: FaultKind;
  /** The first chance at or after this instant takes it; absent: the first there is. */
  readonly at_ns?: bigint;
  /**
   * In the venue's words (`book`, `depth@100ms`); absent: any that carries data. `control` means what
   * belongs to no subscription: greetings, acks, heartbeats.
   */
  readonly channel?: string;
  /** The external name (`BTC/USD`, `BTCUSDT`). */
  readonly symbol?: string;
  /** Connections count from 1 in the order they were accepted. Absent: any. */
  readonly connection?: number;
  /** `silence` (default 60,000) and `429` (default 3,000). */
  readonly duration_ms?: number;
  /** `close`: the close frame's code; null (the default): the connection breaks without one. */
  readonly code?: number | null;
};

/** Faults an hour, on average, by kind. */
export type FaultRates = { readonly [K in FaultKind]?: number };

export type FaultPlan = { readonly rates?: FaultRates; readonly list?: readonly Fault[] };

/** One fault that happened. */
export type LedgerEntry = {
  readonly at_ns: bigint;
  readonly kind: FaultKind;
  /** Null for a refused upgrade. */
  readonly connection: number | null;
  readonly channel: string | null;
  readonly symbol: string | null;
  /** Which frame of the connection, as the venue sent them, from 1; null where it is about none. */
  readonly frame: number | null;
  /** Frames, requests or upgrades it touched; grows while it lasts. */
  touched: number;
  /** What exactly: the digit changed, the code sent, the text put in, or left out as it begins. */
  detail: string;
};

/** When the ledger is full, no further fault is done. */
export const LEDGER_MAX = 100_000;

/** A fault whose instant has come, waiting for its chance. */
export type Armed = Fault & { readonly scheduled: boolean };

/** The faults of a run in the order of their instants. */
export class FaultSchedule {
  readonly #list: Fault[];
  readonly #arrivals: { readonly kind: FaultKind; readonly random: Random; at_ns: bigint }[] = [];
  readonly #pause_ns: ReadonlyMap<FaultKind, number>;

  constructor(plan: FaultPlan, seed: number, start_ns: bigint) {
    this.#list = [...(plan.list ?? [])];
    this.#sort();
    const pauses = new Map<FaultKind, number>();
    for (const kind of FAULT_KINDS) {
      const per_hour = plan.rates?.[kind] ?? 0;
      if (per_hour <= 0) continue;
      pauses.set(kind, 3.6e12 / per_hour);
      this.#arrivals.push({ kind, random: new Random(seed, `fault ${kind}`), at_ns: start_ns });
    }
    this.#pause_ns = pauses;
    for (const arrival of this.#arrivals) this.#move(arrival);
  }

  add(fault: Fault): void {
    this.#list.push(fault);
    this.#sort();
  }

  /** The next instant at which a fault comes up; null: none will. */
  nextNs(): bigint | null {
    let next: bigint | null = this.#list[0] === undefined ? null : (this.#list[0].at_ns ?? 0n);
    for (const { at_ns } of this.#arrivals) if (next === null || at_ns < next) next = at_ns;
    return next;
  }

  /** Takes what is due at `now_ns`. */
  take(now_ns: bigint): Armed[] {
    const due: Armed[] = [];
    while (this.#list[0] !== undefined && (this.#list[0].at_ns ?? 0n) <= now_ns) {
      due.push({ ...(this.#list.shift() as Fault), scheduled: false });
    }
    for (const arrival of this.#arrivals) {
      while (arrival.at_ns <= now_ns) {
        due.push({ kind: arrival.kind, at_ns: arrival.at_ns, scheduled: true });
        this.#move(arrival);
      }
    }
    return due;
  }

  #move(arrival: { readonly kind: FaultKind; readonly random: Random; at_ns: bigint }): void {
    const pause = (this.#pause_ns.get(arrival.kind) as number) * arrival.random.exponential();
    arrival.at_ns += BigInt(Math.ceil(pause) + 1);
  }

  #sort(): void {
    this.#list.sort((a, b) => {
      const left = a.at_ns ?? 0n;
      const right = b.at_ns ?? 0n;
      return left < right ? -1 : left > right ? 1 : 0;
    });
  }
}

/**
 * The text with one digit of its data changed, and which: `price 62800.4 -> 62800.7`. Null where it
 * holds no digit. The new digit is never 0, so no number gains a leading zero.
 */
export function mutateDigit(text: string, random: Random): { text: string; detail: string } | null {
  const from = Math.max(0, text.indexOf('"data":'));
  const places: number[] = [];
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) places.push(at);
  }
  if (places.length === 0) return null;
  const at = places[random.below(places.length)] as number;
  const digit = Number(text[at]);
  const other = 1 + ((Math.max(digit, 1) - 1 + 1 + random.below(8)) % 9);
  const changed = `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
  const before = text.slice(0, at);
  const field = /"(\w+)":[^:]*$/.exec(before)?.[1] ?? '?';
  const [begin, end] = numberAround(text, at);
  return {
    text: changed,
    detail: `${field} ${text.slice(begin, end)} -> ${changed.slice(begin, end)}`,
  };
}

function numberAround(text: string, at: number): [number, number] {
  const isPart = (index: number): boolean => /[-+.0-9eE:TZ]/.test(text[index] ?? '');
  let begin = at;
  let end = at + 1;
  while (begin > 0 && isPart(begin - 1) && text[begin - 1] !== ':') begin--;
  while (end < text.length && isPart(end)) end++;
  return [begin, end];
}

/** Something that is not a frame of any venue, and its name. */
export function garbage(random: Random): { payload: string | Uint8Array; name: string } {
  switch (random.below(5)) {
    case 0:
      return { payload: '{"channel":"book","type":"upd', name: 'cut JSON' };
    case 1:
      return { payload: '<html><body>502 Bad Gateway</body></html>\n', name: 'HTML' };
    case 2:
      return {
        payload: new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0xc3, 0x28, 0x7d]),
        name: 'not UTF-8',
      };
    case 3:
      return { payload: '', name: 'empty' };
    default:
      return { payload: '[1,2,\u0000"\ud83d\ude00"\r\n', name: 'cut text with control characters' };
  }
}
