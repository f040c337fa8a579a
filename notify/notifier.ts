/**
 * The port through which somebody is told. What an adapter throws says by `retryable` whether trying
 * again can help, and by `facts.retry_after_ms` how long the other side asks to be left alone. No
 * error holds a key or a webhook's address. Each call may be repeated: the same occurrence told twice is
 * told once, where the other side allows it.
 */
import type { Notice, Ticket, Well } from '../schema/notice.ts';

/** Where links lead and commands run. */
export type Place = {
  readonly environment: string;
  /** Temporal's UI; null where it is not known. */
  readonly ui_url: string | null;
  readonly namespace: string;
};

/** `count` is how often the trouble came up since it was last over, this time included. */
export type Told = { readonly notice: Notice; readonly count: number };

/** `notice` is what was told last. */
export type Recovered = { readonly well: Well; readonly notice: Notice; readonly count: number };

export type Delivery = {
  readonly did: 'opened' | 'commented' | 'reopened' | 'closed' | 'told' | 'nothing';
  /** Where it can be read. */
  readonly where: string | null;
  /** Of channels that keep one for each trouble. */
  readonly ticket: Ticket | null;
};

export type Notifier = {
  /** Its channel, as operators see it: `linear`, `webhook`, `file`. */
  readonly name: string;
  readonly notify: (told: Told, signal: AbortSignal) => Promise<Delivery>;
  readonly recovered: (of: Recovered, signal: AbortSignal) => Promise<Delivery>;
};
