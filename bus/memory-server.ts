/**
 * The server inside `memory.ts`: a stream with message ids, expectations, batches and listeners, and
 * connections whose outboxes it takes from, one message a turn.
 */
import { SsmdError } from '../schema/errors.ts';
import type {
  BusMessage,
  HeaderName,
  OutMessage,
  PublishOutcome,
  PublisherOptions,
  StoredMessage,
} from './bus.ts';
import { BATCH_MESSAGES_MAX } from './bus.ts';
import type { StoredCtl } from './ctl.ts';
import { parseCtl } from './ctl.ts';
import {
  CTL_PATTERN,
  INTERNAL_PATTERN,
  clientSubject,
  ctlSubject,
  matchesSubject,
} from './subjects.ts';

/** A publisher's connection: steps the server has not taken yet, each giving its answer. */
export type Link = {
  readonly options: PublisherOptions;
  readonly outbox: (() => () => void)[];
  readonly end: (reason: string) => void;
  open: boolean;
};

export type Listener = { readonly pattern: string; readonly push: (message: BusMessage) => void };

export class MemoryServer {
  readonly schedule: (run: () => void) => void;
  readonly links = new Set<Link>();
  readonly listeners = new Set<Listener>();
  stored: StoredMessage[] = [];
  last_seq = 0;
  refuse_batches = 0;
  /** As it was configured; nothing is ever dropped for it. */
  max_bytes: number | null = null;
  #ids = new Map<string, number>();
  #up = true;
  #frozen = false;

  constructor(schedule: (run: () => void) => void) {
    this.schedule = schedule;
  }

  /** Throws where the server, or this connection to it, is gone. */
  reach(link?: Link): void {
    if (this.#up && (link === undefined || link.open)) return;
    throw new SsmdError('SSMD_UNAVAILABLE', 'the memory bus is down', { retryable: true });
  }

  enqueue(link: Link, step: () => () => void): void {
    if (!link.open) return;
    link.outbox.push(step);
    if (link.outbox.length === 1) this.schedule(() => this.#turn(link));
  }

  /** Takes one message of a connection; its answer comes the turn after. */
  #turn(link: Link): void {
    if (!link.open || this.#frozen) return;
    const answer = link.outbox.shift()?.();
    if (link.outbox.length > 0) this.schedule(() => this.#turn(link));
    if (answer === undefined) return;
    this.schedule(() => {
      if (link.open) answer();
    });
  }

  cut(reason: string): void {
    for (const link of this.links) {
      link.open = false;
      link.outbox.length = 0;
      link.end(reason);
    }
    this.links.clear();
  }

  kill(): void {
    this.#up = false;
    this.cut('killed');
  }

  restart(lost: number): void {
    this.#up = true;
    if (lost === 0) return;
    this.stored = this.stored.slice(0, -lost);
    this.last_seq = this.stored.at(-1)?.seq ?? 0;
    for (const [id, seq] of this.#ids) if (seq > this.last_seq) this.#ids.delete(id);
  }

  freeze(): void {
    this.#frozen = true;
  }

  release(): void {
    this.#frozen = false;
    for (const link of this.links) {
      if (link.outbox.length > 0) this.schedule(() => this.#turn(link));
    }
  }

  forgetIds(): void {
    this.#ids.clear();
  }

  take(message: OutMessage, from: PublisherOptions): PublishOutcome {
    const refused = this.#refusal(message);
    if (refused !== null) return refused;
    const known = message.id === null ? undefined : this.#ids.get(message.id);
    if (known !== undefined) return { type: 'stored', seq: known, duplicate: true };
    return { type: 'stored', seq: this.#store(message, from), duplicate: false };
  }

  takeBatch(messages: readonly OutMessage[], from: PublisherOptions): PublishOutcome {
    if (messages.length > BATCH_MESSAGES_MAX) {
      return { type: 'refused', reason: 'too_large', detail: `${messages.length} (10199)` };
    }
    if (this.refuse_batches > 0) {
      this.refuse_batches -= 1;
      return { type: 'refused', reason: 'busy', detail: 'too many batches (10210)' };
    }
    const repeated = messages.find(({ id }) => id !== null && this.#ids.has(id));
    if (repeated !== undefined) {
      return { type: 'refused', reason: 'repeated_id', detail: `${repeated.id} (10201)` };
    }
    for (const message of messages) {
      const refused = this.#refusal(message);
      if (refused !== null) return refused;
    }
    let seq = 0;
    for (const message of messages) seq = this.#store(message, from);
    return { type: 'stored', seq, duplicate: false };
  }

  lastCtl(shard: string, feed: string): StoredCtl | null {
    const found = this.#lastOf(ctlSubject(shard, feed));
    const record = found === null ? null : parseCtl(found.data);
    return found === null || record === null ? null : { seq: found.seq, record };
  }

  lastMessages(pattern: string): readonly StoredMessage[] {
    const last = new Map<string, StoredMessage>();
    for (const message of this.stored) {
      if (matchesSubject(pattern, message.subject)) last.set(message.subject, message);
    }
    return [...last.values()].sort((a, b) => a.seq - b.seq);
  }

  lastMessage(pattern: string): StoredMessage | null {
    return this.stored.findLast(({ subject }) => matchesSubject(pattern, subject)) ?? null;
  }

  #lastOf(subject: string): StoredMessage | null {
    return this.stored.findLast((message) => message.subject === subject) ?? null;
  }

  #refusal(message: OutMessage): PublishOutcome | null {
    if (message.expected === null) return null;
    const last = this.#lastOf(message.subject)?.seq ?? 0;
    if (message.expected === last) return null;
    const detail = `wrong last sequence: ${last} (10071)`;
    return { type: 'refused', reason: 'wrong_last', detail };
  }

  /** What belongs to the other stream (`dlq.>`) is shown to its listeners and not kept. */
  #store(message: OutMessage, from: PublisherOptions): number {
    const { subject } = message;
    const data = message.data.slice();
    const header = headersOf(message, from);
    const kept = [INTERNAL_PATTERN, CTL_PATTERN].some((own) => matchesSubject(own, subject));
    const seq = kept ? ++this.last_seq : 1;
    if (kept) this.stored.push({ seq, subject, data, header });
    if (message.id !== null) this.#ids.set(message.id, seq);
    const client = clientSubject(subject);
    for (const { pattern, push } of this.listeners) {
      if (client !== null && matchesSubject(pattern, client)) {
        push({ subject: client, data, header });
      }
      if (matchesSubject(pattern, subject)) push({ subject, data, header });
    }
    return seq;
  }
}

function headersOf(
  message: OutMessage,
  from: PublisherOptions,
): (name: HeaderName) => string | null {
  const values: Readonly<Record<HeaderName, string | null>> = {
    schema: 'md2',
    normalizer: from.normalizer,
    epoch: `${from.epoch}`,
    shard: from.shard,
    count: `${message.count}`,
    late: message.late ? '1' : null,
    t: message.t === null ? null : `${message.t}`,
  };
  return (name) => values[name];
}
