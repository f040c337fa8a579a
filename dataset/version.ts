/**
 * A version is a label bound, once and for ever, to how its data is made. Data made otherwise gets
 * another label: a new normalizer is the next minor one (`v1` -> `v1.1`), a new schema is a new major
 * one and somebody's decision.
 */
import type { Origin } from '../schema/log.ts';
import { VERSION_PATTERN } from './keys.ts';
import type { WindowHours } from './cutter.ts';

/** What its objects hold: `md2` all that is known, `md1` the simple schema, a projection of it. */
export const SCHEMAS = ['md1', 'md2'] as const;
export type Schema = (typeof SCHEMAS)[number];

/** `normalized/_versions/{version}.json`, put once. */
export type VersionBinding = {
  readonly format: 1;
  readonly version: string;
  readonly schema: Schema;
  /** Number of the normalizer, by feed. */
  readonly normalizers: Readonly<Record<string, number>>;
  readonly window_hours: WindowHours;
  /** Origins are never mixed in a version. */
  readonly origin: Origin;
};

/** How a feed's data would be made now. */
export type Making = Omit<VersionBinding, 'format' | 'version' | 'normalizers'> & {
  readonly feed: string;
  readonly normalizer: number;
};

export const FIRST_VERSION = 'v1';

/**
 * The label to build under: the first of `serving` that is bound to this making (what changes for
 * another feed moves none of this one), else the newest that is, else a new one (`exists: false`: it has
 * to be put first).
 */
export function chooseVersion(
  bindings: readonly VersionBinding[],
  making: Making,
  serving: readonly string[] = [],
): { readonly version: string; readonly exists: boolean } {
  const fitting = newestFirst(bindings)
    .filter((binding) => isMadeSo(binding, making))
    .map((it) => it.version);
  const [found] = [...serving.filter((it) => fitting.includes(it)), ...fitting];
  if (found !== undefined) return { version: found, exists: true };
  return { version: newVersion(bindings, making.schema), exists: false };
}

/** A label nobody has: the next minor one of the schema's newest; of a new schema, the next major. */
export function newVersion(bindings: readonly VersionBinding[], schema: Schema): string {
  const newest = newestFirst(bindings);
  const last = newest.find((it) => it.schema === schema);
  if (last === undefined) {
    const [newest_of_all] = newest;
    if (newest_of_all === undefined) return FIRST_VERSION;
    return `v${versionParts(newest_of_all.version).major + 1}`;
  }
  return nextMinor(last.version);
}

function newestFirst(bindings: readonly VersionBinding[]): VersionBinding[] {
  return [...bindings].sort((a, b) => compareVersions(b.version, a.version));
}

export function isMadeSo(binding: VersionBinding, making: Making): boolean {
  return misfit(binding, making) === null;
}

/** In which point a version is bound otherwise, in words; null where it is made just so. */
export function misfit(binding: VersionBinding, making: Making): string | null {
  const bound = { ...binding, normalizer: binding.normalizers[making.feed] };
  for (const point of ['schema', 'normalizer', 'window_hours', 'origin'] as const) {
    if (bound[point] === making[point]) continue;
    return `${binding.version} is bound to ${point} ${bound[point] ?? 'none'}, not ${making[point]}`;
  }
  return null;
}

/** `v2` -> `v2.1` -> `v2.2`. */
export function nextMinor(version: string): string {
  const { major, minor } = versionParts(version);
  return `v${major}.${minor + 1}`;
}

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`. */
export function compareVersions(a: string, b: string): number {
  const left = versionParts(a);
  const right = versionParts(b);
  return left.major - right.major || left.minor - right.minor;
}

/** A binding read back, or null where it is none this version understands. */
export function parseBinding(value: unknown): VersionBinding | null {
  if (typeof value !== 'object' || value === null) return null;
  const { format, version, schema, normalizers, window_hours, origin } = value as VersionBinding;
  const whole =
    format === 1 &&
    typeof version === 'string' &&
    VERSION_PATTERN.test(version) &&
    SCHEMAS.some((it) => it === schema) &&
    typeof normalizers === 'object' &&
    normalizers !== null &&
    typeof window_hours === 'number' &&
    typeof origin === 'string';
  return whole ? { format, version, schema, normalizers, window_hours, origin } : null;
}

function versionParts(version: string): { major: number; minor: number } {
  if (!VERSION_PATTERN.test(version)) throw new RangeError(`no version label: ${version}`);
  const [major, minor = '0'] = version.slice(1).split('.');
  return { major: Number(major), minor: Number(minor) };
}
