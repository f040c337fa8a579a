/**
 * What an epoch needs of whoever puts its events on the bus: a claim to the shard, a bounded place to
 * hand events to, and how far they have got. `publisher.ts` keeps these promises over a bus.
 */
import type { EventArena } from '../../codec/event-arena.ts';

export type Claim = {
  /**
   * The last position the shard's previous epoch reached on the bus; as it was last seen, where the bus
   * went away before the claim; null where it is not known.
   */
  readonly prev: { readonly epoch: number; readonly t: bigint } | null;
  /** The last trade id it published, by symbol. */
  readonly ids: Readonly<Record<string, string>>;
  /** The last event of the shard on the bus, and whose it is; null where none is known. */
  readonly seen: { readonly epoch: number; readonly t: bigint } | null;
};

export type Publishing = {
  /**
   * Resolves when the shard is ours, or may be taken without the bus. `warm` says whether the epoch
   * could speak for everything: while another connector lives, the claim waits for it (up to a bound).
   * `standby`: claim only after the other has been silent for longer. Rejects on abort.
   */
  readonly claim: (options: {
    readonly standby: boolean;
    readonly warm: () => boolean;
    readonly signal: AbortSignal;
  }) => Promise<Claim>;
  /** Takes the events of one line, before the next one is written. Never blocks, never throws. */
  readonly offer: (out: EventArena) => void;
  /** Everything at or before this is on the bus, or never will be: log files up to it may go. */
  readonly released: () => bigint;
  /** Share of the bounded queue that is full. */
  readonly queueRatio: () => number;
  readonly status: () => Readonly<Record<string, unknown>>;
  /** Resolves when another epoch owns the shard: this one must end. */
  readonly fenced: Promise<void>;
  /** Publishes what is left, as far as that is possible by the deadline, and ends. */
  readonly close: (options: { readonly deadline_ms: number }) => Promise<void>;
};

const EVERYTHING = 2n ** 63n;

/** For runs without a bus: the shard is ours at once, and events go nowhere. */
export function publishNowhere(offer: (out: EventArena) => void = () => undefined): Publishing {
  return {
    claim: () => Promise.resolve({ prev: null, ids: {}, seen: null }),
    offer,
    released: () => EVERYTHING,
    queueRatio: () => 0,
    status: () => ({ bus: 'none' }),
    fenced: new Promise(() => undefined),
    close: () => Promise.resolve(),
  };
}
