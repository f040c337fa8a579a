/** What an alert asks: `metric op number` or `abs(metric) op number`, over one of our metrics, now. Pure. */
import { METRICS } from '../schema/metrics.ts';
import type { Sample } from '../schema/metrics.ts';
import { suggestion } from '../schema/near-miss.ts';

export const OPERATORS = ['==', '!=', '>=', '<=', '>', '<'] as const;
export type Operator = (typeof OPERATORS)[number];

export type Condition = {
  readonly metric: string;
  readonly abs: boolean;
  readonly op: Operator;
  readonly number: number;
};

const NUMBER = String.raw`[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?`;
const METRIC = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const FORM = new RegExp(
  String.raw`^(?:abs\s*\(\s*(?<inner>${METRIC})\s*\)|(?<plain>${METRIC}))\s*` +
    String.raw`(?<op>==|!=|>=|<=|>|<)\s*(?<number>${NUMBER})$`,
);

/** Why it cannot be asked, and what would do. */
export type ConditionFault = { readonly what: string; readonly hint: string };

export function parseCondition(text: string): Condition | ConditionFault {
  const { groups } = FORM.exec(text.trim()) ?? {};
  if (groups === undefined) return faultOf(text.trim());
  const metric = groups['inner'] ?? groups['plain'] ?? '';
  if (!Object.hasOwn(METRICS, metric)) {
    const known = Object.keys(METRICS);
    return { what: `unknown metric "${metric}"`, hint: suggestion(metric, known) };
  }
  const op = OPERATORS.find((it) => it === groups['op']) ?? '==';
  return { metric, abs: groups['inner'] !== undefined, op, number: Number(groups['number']) };
}

function faultOf(text: string): ConditionFault {
  const what = `"${text}" is no condition`;
  const form =
    'expected metric op number, such as ssmd_connector_up == 0, or abs(metric) op number';
  const beyond = /[[(]/.test(text.replace(/^abs\s*\(/, ''))
    ? `; ${asWritten(text)}functions over time are for Prometheus, which reads the same metrics`
    : '';
  return { what, hint: `${form}; op is one of ${OPERATORS.join(' ')}${beyond}` };
}

/** What comes nearest of a condition over time: its first metric of ours, as it is now. */
function asWritten(text: string): string {
  const [, op, number] = new RegExp(String.raw`(==|!=|>=|<=|>|<)\s*(${NUMBER})$`).exec(text) ?? [];
  const names = [...text.matchAll(new RegExp(METRIC, 'g'))].map(([name]) => name);
  const metric = names.find((name) => Object.hasOwn(METRICS, name));
  if (metric === undefined || op === undefined || number === undefined) return '';
  const inner = /\babs\s*\(/.test(text) ? `abs(${metric})` : metric;
  return `of what it is now: ${inner} ${op} ${number}; with "for" it has to last; `;
}

/** NaN holds for nothing but `!=`, as everywhere. */
export function holds({ abs, op, number }: Condition, { value }: Pick<Sample, 'value'>): boolean {
  const it = abs ? Math.abs(value) : value;
  switch (op) {
    case '==':
      return it === number;
    case '!=':
      return it !== number;
    case '>=':
      return it >= number;
    case '<=':
      return it <= number;
    case '>':
      return it > number;
    case '<':
      return it < number;
  }
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7 };

/** `90s`, `5m`, `1h30m`; null where it is none. */
export function parseDuration(text: string): number | null {
  if (!/^(?:\d+[smhd])+$/.test(text)) return null;
  const parts = [...text.matchAll(/(\d+)([smhd])/g)];
  return parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS_MS[unit ?? 's'] ?? 0),
    0,
  );
}
