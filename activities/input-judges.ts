/** What single fields of inputs have to be, whatever the environment: null where a value is it. */
import type { Fault } from '../schema/errors.ts';
import { suggestion } from '../schema/near-miss.ts';
import { shown } from './day-input.ts';

/** What to do about days, in the words of no field: a command line has other names for them. */
export const ONE_OR_BOTH = 'give one day, or both ends of a range';

export type PlainJudge = (value: unknown) => Omit<Fault, 'where'> | null;

/** One of these words. */
export function oneOf(known: readonly string[]): PlainJudge {
  return (value) => {
    if (typeof value === 'string' && known.includes(value)) return null;
    return { what: `${shown(value)} is not known`, hint: suggestion(String(value), known) };
  };
}

/** A whole number, both ends included. */
export function integer(least: number, most: number): PlainJudge {
  return (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      ? null
      : { what: `${shown(value)} is no whole number from ${least} to ${most}` };
}

/** A share of something. */
export const ratio: PlainJudge = (value) =>
  typeof value === 'number' && value >= 0 && value <= 1
    ? null
    : { what: `${shown(value)} is no share`, hint: 'a number from 0 to 1' };

/** Of a name or a reason: they stand in the pointer for good. */
const WORDS_MAX = 200;

/** Something said. */
export const words: PlainJudge = (value) =>
  typeof value === 'string' && value.trim() !== '' && value.length <= WORDS_MAX
    ? null
    : { what: `${shown(value)} says nothing`, hint: `some words, at most ${WORDS_MAX} characters` };

/** The version of a registered build. */
export const buildName: PlainJudge = (value) =>
  typeof value === 'string' && /^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/.test(value)
    ? null
    : { what: `${shown(value)} is no version of a connector`, hint: 'such as "1.2.4"' };

/** Yes or no. */
export const flag: PlainJudge = (value) =>
  typeof value === 'boolean'
    ? null
    : { what: `${shown(value)} is neither true nor false`, hint: 'true or false' };

/** A dataset version's label. */
export const version: PlainJudge = (value) =>
  typeof value === 'string' && /^v[1-9]\d{0,5}(\.[1-9]\d{0,5})?$/.test(value)
    ? null
    : { what: `${shown(value)} is no version`, hint: 'such as "v1" or "v1.1"' };

/** Of a list that a dry run printed. */
export const digest: PlainJudge = (value) =>
  typeof value === 'string' && /^[0-9a-f]{16}$/.test(value)
    ? null
    : { what: `${shown(value)} is no digest`, hint: '16 hex digits, as the dry run printed them' };

/** A label, or the one that serves the day. */
export const leftSide: PlainJudge = (value) =>
  value === 'current' || version(value) === null
    ? null
    : { what: `${shown(value)} is no version`, hint: 'such as "v2", or "current"' };
