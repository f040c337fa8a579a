/** Cron lines as people type them, read whole and judged before a server is asked. Pure. */
import { invalidInput } from '../schema/errors.ts';
import type { Fault } from '../schema/errors.ts';
import { FIELD_RANGES, nextTimes, rule } from './schedule-times.ts';
import type { FiringRule } from './schedule-times.ts';

const SHORT: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
};
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

type Name = keyof typeof FIELD_RANGES;
/** In the order of the line. */
const FIELDS: readonly { readonly name: Name; readonly words: string }[] = [
  { name: 'minutes', words: 'minute' },
  { name: 'hours', words: 'hour' },
  { name: 'days_of_month', words: 'day of the month' },
  { name: 'months', words: 'month' },
  { name: 'weekdays', words: 'day of the week' },
];

export type Cron = { readonly rule: FiringRule } | { readonly faults: readonly Fault[] };

/** `0 6 * * *`, or one of `@hourly @daily @weekly @monthly @yearly`; every fault at once. */
export function parseCron(text: string): Cron {
  const fields = (SHORT[text.trim()] ?? text).trim().split(/\s+/);
  if (fields.length !== FIELDS.length) {
    const what = `'${text}' has ${text.trim() === '' ? 0 : fields.length} fields, expected 5`;
    const hint = 'minute hour day-of-month month day-of-week, such as "0 6 * * *"';
    return { faults: [{ where: '--cron', what, hint }] };
  }
  const faults: Fault[] = [];
  const read: Partial<Record<Name, readonly number[]>> = {};
  FIELDS.forEach(({ name, words }, index) => {
    const values = fieldOf(fields[index] ?? '', name);
    if (typeof values === 'string') faults.push({ where: '--cron', what: `${words}: ${values}` });
    else read[name] = values;
  });
  if (faults.length > 0) return { faults };
  const made = rule(read);
  if (made.days_of_month.length > 0 && made.weekdays.length > 0) {
    const what = 'names days of the month and days of the week';
    const hint = 'cron means either, the server both: give one of them';
    return { faults: [{ where: '--cron', what, hint }] };
  }
  if (nextTimes({ fire: [made], skip: [], tz: 'UTC' }, 0, 1).length > 0) return { rule: made };
  return { faults: [{ where: '--cron', what: `'${text}' never comes: there is no such day` }] };
}

/** @throws SSMD_INVALID_INPUT */
export function cronRule(text: string): FiringRule {
  const cron = parseCron(text);
  if ('rule' in cron) return cron.rule;
  throw invalidInput('the command line', cron.faults, '0 6 * * *');
}

/** Its values, none for all; or what is wrong. */
function fieldOf(text: string, name: Name): readonly number[] | string {
  const [min, max] = FIELD_RANGES[name];
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(?:\*|(\w+)(?:-(\w+))?)(?:\/(\d+))?$/.exec(part);
    if (match === null) return `'${part}' is not a value, range or step`;
    const [, first, last, step] = match;
    const from = first === undefined ? min : valueOf(first, name);
    const until = last === undefined ? null : valueOf(last, name);
    // `5/10` goes on to the end, as `5-59/10` does.
    const open = first === undefined || step !== undefined;
    const to = until ?? (open ? max : from);
    for (const [value, word] of [
      [from, first],
      [to, last ?? first],
    ] as const) {
      // Sunday is 7 as well.
      const top = name === 'weekdays' ? 7 : max;
      if (Number.isNaN(value) || value < min || value > top) {
        return `'${word}' is not in ${min} to ${top}`;
      }
    }
    if (to < from) return `'${part}' ends before it begins`;
    const by = step === undefined ? 1 : Number(step);
    if (by < 1) return `'${part}' has no step`;
    for (let it = from; it <= to; it += by) values.add(name === 'weekdays' ? it % 7 : it);
  }
  const all = values.size === max - min + 1;
  return all ? [] : [...values].toSorted((a, b) => a - b);
}

function valueOf(word: string, name: Name): number {
  const names = name === 'months' ? MONTHS : name === 'weekdays' ? DAYS : [];
  const at = names.indexOf(word.toLowerCase());
  if (at >= 0) return name === 'months' ? at + 1 : at;
  return /^\d+$/.test(word) ? Number(word) : Number.NaN;
}
