/**
 * What a fact, a `_capture` and an `_end` must look like when read back: one guard per field, no key
 * missing and none unknown. Hand-written, since the log is read by pure cores without a library.
 */
import { FACT_KEYS, LOG_FORMAT } from '../schema/log.ts';
import type { Capture, FactKey, Facts, SegmentEnd } from '../schema/log.ts';
import type { FoldConfig, SymbolConfig } from '../schema/symbols.ts';

type Guard = (value: unknown) => boolean;
type Shape<T> = { readonly [F in keyof Required<T>]: Guard };

const text: Guard = (value) => typeof value === 'string';
const bool: Guard = (value) => typeof value === 'boolean';
const int: Guard = (value) => Number.isSafeInteger(value);
const count: Guard = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const instant: Guard = (value) => typeof value === 'string' && /^(0|[1-9]\d{0,18})$/.test(value);
const signedNs: Guard = (value) => typeof value === 'string' && /^-?\d{1,19}$/.test(value);
const day: Guard = (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value);
const sha256: Guard = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const oneOf =
  (...words: readonly string[]): Guard =>
  (value) =>
    typeof value === 'string' && words.includes(value);
const orNull =
  (guard: Guard): Guard =>
  (value) =>
    value === null || guard(value);
const optional =
  (guard: Guard): Guard =>
  (value) =>
    value === undefined || guard(value);
const listOf =
  (guard: Guard): Guard =>
  (value) =>
    Array.isArray(value) && value.every(guard);
const shapeOf =
  <T>(shape: Shape<T>): Guard =>
  (value) =>
    shapeFault(shape, value) === null;

const position = shapeOf<{ epoch: number; t: string }>({ epoch: count, t: instant });

const CONFIG: Shape<FoldConfig> = {
  feed: text,
  shard: text,
  symbols: listOf(
    shapeOf<SymbolConfig>({ symbol: text, external: text, depth: oneOf('l1', 'l2') }),
  ),
  channels: listOf(text),
  book_depth: count,
};

const FACT_SHAPES: { readonly [K in FactKey]: Shape<Facts[K]> } = {
  _open: { c: count, url: text, day },
  _sent: { c: count, text },
  _close: { c: count, code: orNull(int), reason: text, by: oneOf('venue', 'us', 'network') },
  _drop: { c: count, frames: count, bytes: count, from: instant, reason: text },
  _alarm: {
    kind: oneOf('no_ack', 'silent', 'stale', 'resubscribe', 'resubscribe_limit', 'refused', 'disk'),
    c: orNull(count),
    channel: orNull(text),
    symbol: orNull(text),
    detail: text,
  },
  _clock: { step_ns: signedNs, bad: bool, detail: text },
  _config: { sha256, config: shapeOf(CONFIG) },
  _day: { day, taken: bool },
  _midnight: { day },
  _take: {
    prev: orNull(position),
    ids: (value) => isRecord(value) && Object.values(value).every(text),
    seen: optional(position),
  },
};

const CAPTURE: Shape<Capture> = {
  format: (value) => value === LOG_FORMAT,
  feed: text,
  shard: text,
  epoch: count,
  segment: count,
  previous_sha256: orNull(sha256),
  origin: oneOf('live', 'import', 'simulator'),
  source: orNull(text),
  location_id: text,
  datacenter: text,
  host: text,
  proximity: oneOf('exchange-colo', 'same-metro', 'remote', 'unknown'),
  clock_source: oneOf('hardware', 'ptp', 'gps', 'ntp', 'unsynced'),
  clock_sync_status: oneOf('synced', 'degraded', 'unsynced'),
  clock_offset_us: orNull((value) => typeof value === 'number'),
  clock_last_sync: orNull(text),
  connector_version: text,
  connector_commit: text,
  connector_build: text,
  normalizer: text,
  config_sha256: sha256,
};

const END: Shape<SegmentEnd> = {
  lines: count,
  bytes: count,
  first: orNull(instant),
  last: orNull(instant),
  sha256,
};

export function isFactKey(key: string): key is FactKey {
  return (FACT_KEYS as readonly string[]).includes(key);
}

/** Why `value` is not the fact `key`, or null where it is one. */
export function factFault(key: FactKey, value: unknown): string | null {
  return named(key, shapeFault<unknown>(FACT_SHAPES[key], value));
}

export function captureFault(value: unknown): string | null {
  const format = isRecord(value) ? value['format'] : undefined;
  if (typeof format === 'number' && format > LOG_FORMAT) {
    return (
      `log format ${format} was written by a newer version: this one reads up to ` +
      `${LOG_FORMAT}; upgrade to read it`
    );
  }
  return named('_capture', shapeFault<unknown>(CAPTURE, value));
}

export function endFault(value: unknown): string | null {
  return named('_end', shapeFault<unknown>(END, value));
}

/** Whether a line's fault is that a newer version wrote it, as far as the line itself can tell. */
export function isOfNewer(fault: string): boolean {
  return fault.includes('written by a newer version');
}

function named(key: string, fault: string | null): string | null {
  return fault === null ? null : `${key}${fault}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shapeFault<T>(shape: Shape<T>, value: unknown): string | null {
  if (!isRecord(value)) return ' is not an object';
  const guards: Readonly<Record<string, Guard>> = shape;
  for (const name of Object.keys(guards)) {
    const guard = guards[name] as Guard;
    if (!Object.hasOwn(value, name)) {
      if (guard(undefined)) continue;
      return `.${name} is missing`;
    }
    if (!guard(value[name])) {
      return `.${name} is not what the format defines: received ${shown(value[name])}`;
    }
  }
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(guards, name));
  return unknown === undefined ? null : `.${unknown} is unknown, written by a newer version`;
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 80 ? `${json.slice(0, 77)}...` : json;
}
