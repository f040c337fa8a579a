/**
 * `ctl`, the record of a position: what a shard's publisher has put on the bus, as one JSON message on
 * `ctl.{shard}.{feed}`, every second, at the end of every batch, and once to claim the shard.
 *
 * It says: of epoch `epoch`, every event with a position up to `t` was published before this record,
 * and they are `events` in number since the epoch began. Messages that follow may already carry
 * events beyond `t`, never one at or below it for the first time.
 */
import type { UnixNs } from '../schema/time.ts';
import { parseUnixNs } from '../schema/time.ts';

export type Ctl = {
  /** The epoch: its connector's start in ms since the Unix epoch. */
  readonly epoch: number;
  /** Tells two processes with one epoch apart (`host:pid`); empty where nobody said. */
  readonly writer: string;
  /** Watermark; where everything was published, the log clock's now. */
  readonly t: UnixNs;
  /** Events of this epoch with a position up to `t`, counted once each. */
  readonly events: number;
  /**
   * Raised by one when the publisher knows that it could not publish something: records of different
   * runs prove nothing about what lies between them.
   */
  readonly run: number;
  /** The log clock when the record was made: how long ago tells whether the publisher lives. */
  readonly at: UnixNs;
  /** `kraken@1`. */
  readonly normalizer: string;
};

/** A record with the stream sequence it was stored at. */
export type StoredCtl = { readonly seq: number; readonly record: Ctl };

export function encodeCtl(ctl: Ctl): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify({ ...ctl, t: ctl.t.toString(), at: ctl.at.toString() }),
  );
}

/** The record in a message's payload, or null where it is none. */
export function parseCtl(bytes: Uint8Array): Ctl | null {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Readonly<Record<string, unknown>>;
  const t = instantIn(fields, 't');
  const at = instantIn(fields, 'at') ?? t;
  const epoch = countIn(fields, 'epoch');
  const events = countIn(fields, 'events');
  const run = fields['run'] === undefined ? 0 : countIn(fields, 'run');
  const { normalizer, writer = '' } = fields;
  if (t === null || at === null || epoch === null || events === null || run === null) return null;
  if (typeof normalizer !== 'string' || typeof writer !== 'string') return null;
  return { epoch, writer, t, events, run, at, normalizer };
}

function instantIn(fields: Readonly<Record<string, unknown>>, name: string): UnixNs | null {
  const value = fields[name];
  return typeof value === 'string' ? parseUnixNs(value) : null;
}

function countIn(fields: Readonly<Record<string, unknown>>, name: string): number | null {
  const value = fields[name];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
