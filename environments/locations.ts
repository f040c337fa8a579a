/**
 * The registry of locations, `config/locations.yaml`: where captures are made, how far from each venue,
 * and how the clock there should be kept. Every fault of the file at once, with line and column.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ACCURACY_US_DEFAULT, CLOCK_SOURCES, LOCAL, PROXIMITIES } from '../schema/clock.ts';
import type { Location } from '../schema/clock.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Fault } from '../schema/errors.ts';
import { suggestion } from '../schema/near-miss.ts';
import type { Environment } from './env.ts';
import { salvage } from './salvage.ts';
import { invalidConfig, readYaml, shapeFaults } from './yaml-file.ts';

/** Of the project's folder. */
export const LOCATIONS_FILE = 'config/locations.yaml';

/** By id; `local` is always there. */
export type Locations = ReadonlyMap<string, Location>;

/** Names the location of one host in place of its environment's: one file serves several places. */
export const LOCATION_VARIABLE = 'SSMD_LOCATION';

const id = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'a location is lower-case letters, digits and dashes');
const words = z.string().min(1).max(64);
const SOURCES = CLOCK_SOURCES.filter((source) => source !== 'unsynced');

const clock = z.strictObject({
  source: z.enum(SOURCES),
  ntp_servers: z.array(words).min(1).optional(),
  ptp_domain: z.int().min(0).max(255).optional(),
  expected_accuracy_ms: z.number().positive().optional(),
  expected_accuracy_us: z.number().positive().optional(),
});

const location = z.strictObject({
  datacenter: words,
  region: words.optional(),
  cloud: words.optional(),
  proximity: z.record(z.string(), z.enum(PROXIMITIES)).default({}),
  clock: clock.optional(),
});

const schema = z.strictObject({ locations: z.record(id, location) });
type Written = z.output<typeof location>;

/**
 * The registry of a project; `local` alone where it has no such file.
 * @throws SSMD_INVALID_CONFIG with every fault
 */
export function loadLocations(root: string, feeds: readonly string[]): Locations {
  let text: string;
  try {
    text = readFileSync(path.join(root, LOCATIONS_FILE), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return withLocal([]);
    const what = error instanceof Error ? error.message : String(error);
    throw invalidConfig(LOCATIONS_FILE, [
      { where: LOCATIONS_FILE, what: `cannot be read: ${what}` },
    ]);
  }
  return readLocations(LOCATIONS_FILE, text, feeds);
}

/** Reads a registry from text. @throws SSMD_INVALID_CONFIG with every fault, of shape and of meaning */
export function readLocations(name: string, text: string, feeds: readonly string[]): Locations {
  const read = readYaml(name, text);
  if (read.given === null) {
    const hint = 'locations: {local: {datacenter: local}} is the least of it';
    throw invalidConfig(name, [{ where: `${name}:1:1`, what: 'the file is empty', hint }]);
  }
  const parsed = schema.safeParse(read.given);
  const faults = parsed.success ? [] : shapeFaults(parsed.error, schema, read);
  // What is left of a faulty file is judged all the same: one round tells all.
  const rest = parsed.success ? parsed.data : salvage(schema, read.given, () => undefined)?.value;
  for (const [key, written] of Object.entries(rest?.locations ?? {})) {
    const where = (...more: string[]): string => read.where(['locations', key, ...more]);
    faults.push(...feedFaults(written, feeds, where), ...clockFaults(written, where));
  }
  if (faults.length > 0 || !parsed.success) throw invalidConfig(name, faults);
  return withLocal(Object.entries(parsed.data.locations));
}

type Where = (...more: string[]) => string;

function feedFaults({ proximity }: Written, feeds: readonly string[], where: Where): Fault[] {
  return Object.keys(proximity)
    .filter((feed) => !feeds.includes(feed))
    .map((feed) => ({
      where: where('proximity', feed),
      what: `unknown feed "${feed}"`,
      hint: suggestion(feed, feeds),
    }));
}

/** Keys of a clock that mean something beside one source only. */
const ONLY_OF = { ntp_servers: 'ntp', ptp_domain: 'ptp' } as const;

function clockFaults({ clock: of }: Written, where: Where): Fault[] {
  if (of === undefined) return [];
  const faults: Fault[] = [];
  if (of.expected_accuracy_ms !== undefined && of.expected_accuracy_us !== undefined) {
    const what = 'expected_accuracy_ms and expected_accuracy_us are both given';
    faults.push({ where: where('clock', 'expected_accuracy_us'), what, hint: 'keep one' });
  }
  for (const [key, source] of Object.entries(ONLY_OF)) {
    if (of[key as keyof typeof ONLY_OF] === undefined || of.source === source) continue;
    const what = `${key} says nothing of a clock kept by ${of.source}`;
    faults.push({ where: where('clock', key), what, hint: `it belongs to source: ${source}` });
  }
  return faults;
}

function withLocal(written: readonly (readonly [string, Written])[]): Locations {
  return new Map([
    [LOCAL.location_id, LOCAL],
    ...written.map(([key, it]) => [key, locationFrom(key, it)] as const),
  ]);
}

function locationFrom(location_id: string, it: Written): Location {
  const { expected_accuracy_ms: ms, expected_accuracy_us: us } = it.clock ?? {};
  return {
    location_id,
    datacenter: it.datacenter,
    region: it.region ?? null,
    cloud: it.cloud ?? null,
    proximity: it.proximity,
    clock: {
      source: it.clock?.source ?? null,
      ntp_servers: it.clock?.ntp_servers ?? [],
      ptp_domain: it.clock?.ptp_domain ?? null,
      expected_accuracy_us: us ?? (ms === undefined ? ACCURACY_US_DEFAULT : ms * 1_000),
    },
  };
}

/**
 * Where this host is: `SSMD_LOCATION`, else what its environment says, else `local`.
 * @throws SSMD_INVALID_CONFIG for one that the registry does not have
 */
export function locationOf(
  { file, spec }: Pick<Environment, 'file' | 'spec'>,
  locations: Locations,
  variables: Readonly<Record<string, string | undefined>>,
): Location {
  const given = variables[LOCATION_VARIABLE];
  const named = given === undefined || given === '' ? spec.capture.location_id : given;
  const found = locations.get(named);
  if (found !== undefined) return found;
  const by = named === given ? LOCATION_VARIABLE : `spec.capture.location_id of ${file}`;
  const known = [...locations.keys()];
  throw new SsmdError(
    'SSMD_INVALID_CONFIG',
    `${by} is "${named}", which ${LOCATIONS_FILE} does not have: ${suggestion(named, known)}`,
    { facts: { location: named, known } },
  );
}
