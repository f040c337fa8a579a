/** What is wrong with the fields of an export's input, one at a time; null where nothing is. */
import { isSymbol } from '../dataset/keys.ts';
import { EVENT_TYPES } from '../schema/events.ts';
import type { Fault } from '../schema/errors.ts';
import { EXPORT_DAYS_MAX, EXPORT_FORMATS } from '../schema/jobs.ts';
import { suggestion } from '../schema/near-miss.ts';
import { NS_PER_DAY, dayStart, parseDay } from '../schema/time.ts';
import { shown } from './day-input.ts';
import { ONE_OR_BOTH } from './input-judges.ts';

type FieldFault = Omit<Fault, 'where'> | null;
type Given = Readonly<Record<string, unknown>>;

/** A day stands alone, a range has two ends in order, and it is not without end. */
export function rangeFault(field: 'day' | 'from' | 'to', given: Given): FieldFault {
  const { day, from, to } = given;
  if (field === 'day') {
    const both = from !== undefined || to !== undefined;
    return both ? { what: 'stands beside a range', hint: ONE_OR_BOTH } : null;
  }
  if (day !== undefined) return null;
  if (from === undefined || to === undefined) {
    return { what: 'is one end of a range', hint: ONE_OR_BOTH };
  }
  const [first, last] = [parseDay(String(from)), parseDay(String(to))];
  if (field === 'to' || first === null || last === null) return null;
  if (first > last) return { what: `${first} is after ${last}, its end` };
  const days = Number((dayStart(last) - dayStart(first)) / NS_PER_DAY) + 1;
  if (days <= EXPORT_DAYS_MAX) return null;
  return {
    what: `${days} days`,
    hint: `an export has at most ${EXPORT_DAYS_MAX}: take them in parts`,
  };
}

export function formatFault(value: unknown): FieldFault {
  if (EXPORT_FORMATS.some((known) => known === value)) return null;
  const hint =
    typeof value === 'string'
      ? suggestion(value, EXPORT_FORMATS)
      : `known are ${EXPORT_FORMATS.join(', ')}`;
  return { what: `${shown(value)} is no format`, hint };
}

export function typesFault(value: unknown): FieldFault {
  const known = `a list of ${EVENT_TYPES.join(', ')}`;
  if (!isList(value)) return { what: `${shown(value)} is no list of types`, hint: known };
  const odd = value.filter((it) => !EVENT_TYPES.some((type) => type === it));
  const [first] = odd;
  if (first === undefined) return null;
  const hint = typeof first === 'string' ? suggestion(first, EVENT_TYPES) : known;
  return { what: `${odd.map(shown).join(', ')}: no type of event`, hint };
}

/** Levels of a capture's clock, or words for how well it was kept. */
export function clockFault(known: readonly string[]): (value: unknown) => FieldFault {
  return (value) => {
    const hint = `a list of ${known.join(', ')}`;
    if (!isList(value)) return { what: `${shown(value)} is no such list`, hint };
    const odd = value.find((it) => !known.some((word) => word === it));
    if (odd === undefined) return null;
    return { what: `${shown(odd)} is not known`, hint: suggestion(String(odd), known) };
  };
}

/** Their shape only: which there are is in the days themselves. */
export function symbolsFault(value: unknown): FieldFault {
  const hint = 'a list of our names, such as ["BTCUSD"]; left out, it is all';
  if (!isList(value)) return { what: `${shown(value)} is no list of symbols`, hint };
  const odd = value.filter((it) => typeof it !== 'string' || !isSymbol(it));
  return odd.length === 0
    ? null
    : { what: `${odd.slice(0, 5).map(shown).join(', ')}: no symbol`, hint };
}

const OUT_CHARS_MAX = 1_000;

export function outFault(value: unknown): FieldFault {
  const hint = "an absolute path on the worker's machine; left out, it is the normalized bucket";
  const whole =
    typeof value === 'string' &&
    /^\/.*[^/]$/.test(value) &&
    value.length <= OUT_CHARS_MAX &&
    !/\/\.{0,2}(\/|$)|[\0-\x1f]/.test(value);
  return whole ? null : { what: `${shown(value)} is no folder`, hint };
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0;
}
