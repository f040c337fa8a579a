/**
 * What operators type as a job's input, checked by hand (a schema library would double the bundle):
 * one error with every bad field and a valid example, not retried, nothing started.
 */
import { ApplicationFailure } from '@temporalio/workflow';
import { invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import { NAME_PATTERN } from '../../schema/symbols.ts';
import { parseDay } from '../../schema/time.ts';

export type ArchiveTierInput = { readonly feed?: string; readonly shard?: string };
export type DailyArchiveInput = {
  readonly feed: string;
  /** Yesterday where it is left out. */
  readonly day?: string;
  /** Builds what is there now instead of waiting for what may still come. */
  readonly force?: boolean;
  /** Starts daily-qa after the commit; true where it is left out. */
  readonly qa?: boolean;
};
export type DailyQaInput = {
  readonly feed: string;
  readonly day?: string;
  /** The version that serves the day where it is left out. */
  readonly version?: string;
};
export type AuditInput = {
  readonly feed?: string;
  readonly day?: string;
  readonly version?: string;
};

/** A field's name, whether it must be there, and what is wrong with a value (null: nothing). */
type Field = {
  readonly required: boolean;
  readonly check: (value: unknown) => string | null;
  readonly hint: string;
};
type Shape = Readonly<Record<string, Field>>;

const name = (required: boolean, what: string): Field => ({
  required,
  check: (value) =>
    typeof value === 'string' && NAME_PATTERN.test(value) ? null : `is no ${what}`,
  hint: what === 'feed' ? 'such as "kraken"' : 'such as "tier1"',
});
const day: Field = {
  required: false,
  check: (value) => (typeof value === 'string' && parseDay(value) !== null ? null : 'is not a day'),
  hint: 'a UTC day as YYYY-MM-DD; left out, it is yesterday',
};
const flag: Field = {
  required: false,
  check: (value) => (typeof value === 'boolean' ? null : 'is neither true nor false'),
  hint: 'true or false',
};
const version: Field = {
  required: false,
  check: (value) =>
    typeof value === 'string' && /^v[1-9]\d{0,5}(\.[1-9]\d{0,5})?$/.test(value)
      ? null
      : 'is no version',
  hint: 'such as "v1" or "v1.1"',
};

/** Any day will do in an example; this one is over. */
const EXAMPLE = { feed: 'kraken', day: '2025-12-06' } as const;

export function parseArchiveTier(input: unknown): ArchiveTierInput {
  const shape = { feed: name(false, 'feed'), shard: name(false, 'shard') };
  return parse<ArchiveTierInput>('archive-tier', input, shape, { feed: 'kraken', shard: 'tier1' });
}

export function parseDailyArchive(input: unknown): DailyArchiveInput {
  const shape = { feed: name(true, 'feed'), day, force: flag, qa: flag };
  return parse<DailyArchiveInput>('daily-archive', input, shape, EXAMPLE);
}

export function parseDailyQa(input: unknown): DailyQaInput {
  return parse<DailyQaInput>(
    'daily-qa',
    input,
    { feed: name(true, 'feed'), day, version },
    EXAMPLE,
  );
}

export function parseAudit(input: unknown): AuditInput {
  return parse<AuditInput>('audit', input, { feed: name(false, 'feed'), day, version }, EXAMPLE);
}

function parse<T>(type: string, input: unknown, shape: Shape, example: unknown): T {
  const faults = faultsOf(input, shape);
  if (faults.length === 0) return (input ?? {}) as T;
  const error = invalidInput(`the input of ${type}`, faults, example);
  throw ApplicationFailure.nonRetryable(error.message, error.code, error.facts);
}

function faultsOf(input: unknown, shape: Shape): Fault[] {
  if (input === undefined || input === null) {
    return faultsOf({}, shape);
  }
  if (typeof input !== 'object' || Array.isArray(input)) {
    const received = Array.isArray(input) ? 'an array' : `a ${typeof input}`;
    return [{ where: 'input', what: `expected one JSON object, received ${received}` }];
  }
  const faults: Fault[] = [];
  const given: Readonly<Record<string, unknown>> = { ...input };
  for (const [field, { required, check, hint }] of Object.entries(shape)) {
    const value = given[field];
    if (value === undefined) {
      if (required) faults.push({ where: field, what: 'is missing', hint });
      continue;
    }
    const fault = check(value);
    if (fault !== null) faults.push({ where: field, what: `${shown(value)} ${fault}`, hint });
  }
  const known = Object.keys(shape);
  for (const field of Object.keys(given)) {
    if (known.includes(field)) continue;
    faults.push({ where: field, what: 'is not known', hint: `known are ${known.join(', ')}` });
  }
  return faults;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
