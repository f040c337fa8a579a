/**
 * A suite of quality checks as it is written in YAML (`qa/*.yaml`), read whole: every fault at
 * once, each with line and column and, for a misspelt word, what was probably meant. A misspelt
 * check that passes would be the worst failure of all, so nothing unknown is let through.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MONOTONIC_FIELDS } from '../qa/checks/monotonic.ts';
import { CHECKS, severityOf } from '../qa/registry.ts';
import type { CheckCall, CheckType, ConfigOf } from '../qa/registry.ts';
import { SAMPLE_ROWS_DEFAULT } from '../qa/suite.ts';
import type { Suite, SuiteCheck } from '../qa/suite.ts';
import { EVENT_FIELDS, EVENT_TYPES } from '../schema/events.ts';
import type { Fault } from '../schema/errors.ts';
import { suggestion } from '../schema/near-miss.ts';
import { NAME_PATTERN } from '../schema/symbols.ts';
import { invalidConfig, keyHint, parseYaml, pathOf, valueAt, withoutMeant } from './yaml-file.ts';
import type { Path } from './yaml-file.ts';

/** Fields a `range` can look at: every number an event has. */
const RANGE_FIELDS = [
  ...new Set(
    Object.values(EVENT_FIELDS).flatMap((fields) =>
      Object.entries<string>(fields)
        .filter(([, kind]) => kind === 'decimal' || kind === 'u64' || kind === 'u32')
        .map(([name]) => name),
    ),
  ),
];

const dataset = z.enum(EVENT_TYPES).optional();
const ratio = z.number().min(0).max(1);

/** A bound on the number of failing rows, `"> 10"`. */
const bound = z.string().transform((text, context) => {
  const match = /^\s*(>=|<=|==|>|<)\s*(\d+)\s*$/.exec(text);
  if (match !== null) return { op: match[1] as '>', value: Number(match[2]) };
  context.addIssue({ code: 'custom', message: `expected such as "> 10", received "${text}"` });
  return z.NEVER;
});

const common = {
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'a name is lower-case words and dashes'),
  type: z.string(),
  severity: z.enum(['fail', 'warn']).optional(),
  warn_if: bound.optional(),
  fail_if: bound.optional(),
  mostly: ratio.optional(),
  enabled: z.boolean().optional(),
};

const SHAPES = {
  sequence: {
    dataset,
    max_gap_seconds: z.int().positive().optional(),
    rule: z.literal('trade_id').optional(),
    max_missing: z.int().nonnegative().optional(),
  },
  range: {
    field: z.enum(RANGE_FIELDS as [string, ...string[]]),
    dataset,
    min: z.number().optional(),
    max: z.number().optional(),
    exclusive_min: z.boolean().optional(),
    exclusive_max: z.boolean().optional(),
  },
  presence: {
    dataset,
    symbols: z.array(z.string().min(1)).min(1).optional(),
    min_records_per_hour: z.int().positive().optional(),
  },
  monotonic: { field: z.enum(MONOTONIC_FIELDS), dataset, strict: z.boolean().optional() },
  checksum: {
    dataset: z.literal('book').optional(),
    min_verified_ratio: ratio.optional(),
    max_unverified_ratio: ratio.optional(),
  },
  crossed: {
    dataset: z.enum(['quote', 'ticker', 'book']).optional(),
    min_duration_ms: z.number().nonnegative().optional(),
  },
} satisfies {
  [T in CheckType]: { [K in keyof ConfigOf<T>]-?: z.ZodType<ConfigOf<T>[K]> };
};

/** What one check needs beside the kinds of its values. */
const DEMANDS: Readonly<Partial<Record<CheckType, readonly (readonly string[])[]>>> = {
  sequence: [['max_gap_seconds', 'rule']],
  range: [['min', 'max']],
};

/** Types whose failing rows are rows among those judged, so that a share of them means something. */
const BY_ROW: readonly CheckType[] = ['range', 'presence', 'monotonic'];

const suiteSchema = z.strictObject({
  feed: z.string().regex(NAME_PATTERN, 'a feed is lower-case letters, digits and dashes'),
  calendar: z.string().optional(),
  defaults: z
    .strictObject({
      severity: z.enum(['fail', 'warn']).optional(),
      group_by: z.literal('symbol').optional(),
      sample_rows: z.int().min(1).max(1000).optional(),
    })
    .default({}),
  checks: z.array(z.unknown()).min(1),
});

type Check = z.output<z.ZodObject<typeof common>> & Readonly<Record<string, unknown>>;

/**
 * Parses a suite, or throws SSMD_INVALID_CONFIG with all its faults. `file` names it in messages.
 */
export function parseSuite(file: string, text: string): Suite {
  const { value, where } = parseYaml(file, text, z.unknown());
  const faults: Fault[] = [];
  const head = suiteSchema.safeParse(value);
  if (!head.success) {
    faults.push(...faultsOf(head.error.issues, value, Object.keys(suiteSchema.shape), [], where));
  }
  const listed: unknown = (value as { checks?: unknown } | null)?.checks;
  const defaults = head.success ? head.data.defaults : {};
  const written: readonly unknown[] = Array.isArray(listed) ? listed : [];
  const checks = written.flatMap((check, index) =>
    parseCheck(check, index, defaults.severity, where, faults),
  );
  refuseRepeats(written, where, faults);
  if (faults.length > 0 || !head.success) throw invalidConfig(file, faults);
  return {
    feed: head.data.feed,
    file,
    sha256: createHash('sha256').update(text).digest('hex'),
    sample_rows: defaults.sample_rows ?? SAMPLE_ROWS_DEFAULT,
    checks,
  };
}

type Where = (path: Path) => string;

function parseCheck(
  check: unknown,
  index: number,
  severity: 'fail' | 'warn' | undefined,
  where: Where,
  faults: Fault[],
): SuiteCheck[] {
  const path = ['checks', index];
  const type: unknown = (check as { type?: unknown } | null)?.type;
  if (typeof type !== 'string' || !isCheckType(type)) {
    const known = Object.keys(CHECKS);
    const what = typeof type === 'string' ? `unknown check type "${type}"` : 'a check needs a type';
    const hint = typeof type === 'string' ? suggestion(type, known) : `one of ${known.join(', ')}`;
    faults.push({ where: where([...path, 'type']), what, hint });
    return [];
  }
  const shape = SHAPES[type];
  const result = z.strictObject({ ...common, ...shape }).safeParse(check);
  if (!result.success) {
    const known = [...Object.keys(common), ...Object.keys(shape)];
    faults.push(...faultsOf(result.error.issues, check, known, path, where));
    return [];
  }
  const parsed = result.data as Check;
  if (parsed.mostly !== undefined && !BY_ROW.includes(type)) {
    const what = `a ${type} check counts more than rows: mostly would let nearly anything pass`;
    faults.push({ where: where([...path, 'mostly']), what, hint: 'use warn_if and fail_if' });
  }
  for (const any of DEMANDS[type] ?? []) {
    if (any.some((key) => parsed[key] !== undefined)) continue;
    faults.push({ where: where(path), what: `a ${type} check needs ${any.join(' or ')}` });
  }
  const line = Number(where(path).split(':').at(-2));
  const config = Object.fromEntries(Object.keys(shape).map((key) => [key, parsed[key]]));
  return [
    {
      ...({ type, config } as unknown as CheckCall),
      name: parsed.name,
      severity: parsed.severity ?? severity ?? severityOf(type),
      warn_if: parsed.warn_if,
      fail_if: parsed.fail_if,
      mostly: parsed.mostly,
      enabled: parsed.enabled ?? true,
      source: { file: where(path).split(':').slice(0, -2).join(':'), line },
    },
  ];
}

function isCheckType(word: string): word is CheckType {
  return Object.hasOwn(CHECKS, word);
}

function refuseRepeats(checks: readonly unknown[], where: Where, faults: Fault[]): void {
  const seen = new Set<unknown>();
  checks.forEach((check, index) => {
    const name: unknown = (check as { name?: unknown } | null)?.name;
    if (typeof name === 'string' && seen.has(name)) {
      faults.push({
        where: where(['checks', index, 'name']),
        what: `name "${name}" is used twice`,
      });
    }
    seen.add(name);
  });
}

function faultsOf(
  issues: readonly z.core.$ZodIssue[],
  subject: unknown,
  known: readonly string[],
  prefix: Path,
  where: Where,
): Fault[] {
  return withoutMeant(issues, subject, () => known).flatMap((issue): Fault[] => {
    const own = pathOf(issue);
    const path = [...prefix, ...own];
    const name = own.join('.');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const hint = keyHint(key, known, valueAt(subject, own));
        return { where: where([...path, key]), what: `unknown key "${key}"`, hint };
      });
    }
    const prefixed = name === '' ? '' : `${name}: `;
    const value = valueAt(subject, own);
    if (own.length > 0 && value === undefined) {
      return [{ where: where(path), what: `${prefixed}is missing` }];
    }
    if (issue.code === 'invalid_value') {
      const hint = suggestion(String(value), issue.values.map(String));
      return [{ where: where(path), what: `${prefixed}unknown word "${String(value)}"`, hint }];
    }
    const what = `${prefixed}${issue.message.replace(/^Invalid \w+: /, '')}`;
    return [{ where: where(path), what }];
  });
}
