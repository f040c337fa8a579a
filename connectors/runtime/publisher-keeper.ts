/**
 * Keeps the publisher connected: one connection after the other until the end, each usable only once
 * its position was read. Whoever waits for a change of connection, position or mode waits here.
 */
import { SsmdError } from '../../schema/errors.ts';
import type { Clock } from './clock.ts';
import type { PublisherLimits } from './publisher-limits.ts';
import type { PublisherLink } from './publisher-link.ts';

export type KeeperOptions = {
  readonly clock: Clock;
  readonly limits: PublisherLimits;
  readonly open: () => Promise<PublisherLink>;
  /** Reads where the stream is; false where there is nothing more to publish. */
  readonly resume: (link: PublisherLink) => Promise<boolean>;
  /** The connection may be used from here on. */
  readonly onUp: () => void;
  readonly warn: (event: string, cause: unknown) => void;
};

export class LinkKeeper {
  /** Set while the connection is up and its position is known. */
  link: PublisherLink | null = null;
  reconnects = 0;
  ended = false;
  readonly #options: KeeperOptions;
  readonly #waiters = new Set<() => void>();
  #wait_ms = 0;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Runs until `end`; `first` is a connection whose position is known already. */
  async serve(first: PublisherLink | null): Promise<void> {
    const { open, resume, warn, limits } = this.#options;
    let link = first;
    let ready = first !== null;
    while (!this.ended) {
      try {
        link ??= await open();
        if (!ready && !(await resume(link))) break;
        await this.#use(link);
      } catch (error) {
        void link?.close();
        warn('publisher.connect_failed', error);
      }
      this.link = null;
      link = null;
      ready = false;
      if (this.ended) break;
      this.reconnects += 1;
      await this.pause(this.#wait_ms);
      const doubled = Math.max(this.#wait_ms * 2, limits.reconnect_min_ms);
      this.#wait_ms = Math.min(doubled, limits.reconnect_max_ms);
    }
    await link?.close();
  }

  async #use(link: PublisherLink): Promise<void> {
    if (this.ended) return link.close();
    this.#wait_ms = 0;
    this.link = link;
    this.#options.onUp();
    this.wake();
    const reason = await link.closed;
    if (!this.ended) this.#options.warn('publisher.connection_lost', reason);
  }

  /** Gives the connection up; the next one comes after `wait_ms`. */
  reset(wait_ms: number): void {
    const { link } = this;
    this.link = null;
    this.#wait_ms = Math.max(this.#wait_ms, wait_ms);
    void link?.close();
  }

  /** The connection, once there is one. Rejects at the end. */
  async linked(): Promise<PublisherLink> {
    for (;;) {
      if (this.ended) throw new SsmdError('SSMD_INTERRUPTED', 'the publisher ended');
      if (this.link !== null) return this.link;
      await this.changed();
    }
  }

  /** Resolves at the next change. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiters.add(resolve));
  }

  wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const resolve of waiters) resolve();
  }

  pause(wait_ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.setTimeout(resolve, wait_ms));
  }

  async end(): Promise<void> {
    const { link } = this;
    this.ended = true;
    this.link = null;
    this.wake();
    await link?.close();
  }
}
