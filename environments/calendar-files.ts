/**
 * Where calendar files are, which there are, and the rules of the shipped ones against those that
 * somebody adds. Shipped: `calendars/NAME.yaml`. An operator's own: `environments/calendars/NAME.yaml`,
 * beside the environments; where both have a name, the operator's counts.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { Calendar } from '../calendars/calendar.ts';
import { differenceLines, differences } from '../calendars/compare.ts';
import { SsmdError, invalidInput, invariant } from '../schema/errors.ts';
import { suggestion } from '../schema/near-miss.ts';
import { NAME_PATTERN } from '../schema/symbols.ts';
import { parseCalendar } from './calendar-file.ts';
import type { CalendarFile } from './calendar-file.ts';
import type { Environment } from './env.ts';

/** Folders that are looked through, as paths. */
export type CalendarFolders = { readonly shipped: string; readonly own: string };

export type LoadedCalendar = CalendarFile & {
  readonly file: string;
  readonly origin: 'shipped' | 'own';
};

const SUFFIX = '.yaml';

/** @param root the project's folder, whose `environments/` the operator edits */
export function calendarFolders(root: string): CalendarFolders {
  return {
    shipped: path.join(import.meta.dirname, '..', 'calendars'),
    own: path.join(root, 'environments', 'calendars'),
  };
}

/** Names of all there are. */
export function listCalendars({ shipped, own }: CalendarFolders): string[] {
  const names = [shipped, own].filter(existsSync).flatMap((folder) =>
    readdirSync(folder)
      .filter((it) => it.endsWith(SUFFIX))
      .map((it) => it.slice(0, -SUFFIX.length)),
  );
  return [...new Set(names)].toSorted();
}

/** @throws SSMD_NOT_FOUND, SSMD_INVALID_CONFIG */
export function loadCalendar(name: string, folders: CalendarFolders): LoadedCalendar {
  const own = path.join(folders.own, `${name}${SUFFIX}`);
  const shipped = path.join(folders.shipped, `${name}${SUFFIX}`);
  const known = NAME_PATTERN.test(name);
  if (known && existsSync(own)) return { ...readCalendar(own, name, folders), origin: 'own' };
  if (known && existsSync(shipped)) {
    return { ...readCalendar(shipped, name, folders), origin: 'shipped' };
  }
  const names = listCalendars(folders);
  const message =
    `calendar "${name}" not found: no file ${own} nor ${shipped}; ${suggestion(name, names)} ` +
    '(npx ssmd calendar list shows them, calendar add takes a new one)';
  throw new SsmdError('SSMD_NOT_FOUND', message, { facts: { calendar: name, known: names } });
}

/** A feed's market where its environment names none: it never closes. */
const CALENDAR_DEFAULT = 'crypto';

/**
 * The calendar of each feed of an environment, read once and now, so that a faulty file is told at once.
 * @throws SSMD_NOT_FOUND, SSMD_INVALID_CONFIG
 */
export function calendarsOf(
  { spec, symbols }: Pick<Environment, 'spec' | 'symbols'>,
  folders: CalendarFolders,
): (feed: string) => Calendar {
  const nameOf = (feed: string): string => spec.feeds[feed]?.calendar ?? CALENDAR_DEFAULT;
  const names = symbols.flatMap((it) => [...it.feeds.keys()]).map(nameOf);
  const wanted = new Set([...names, CALENDAR_DEFAULT]);
  const loaded = new Map([...wanted].map((it) => [it, loadCalendar(it, folders).calendar]));
  return (feed) => {
    const calendar = loaded.get(nameOf(feed));
    invariant(calendar !== undefined, `feed ${feed} belongs to the environment`);
    return calendar;
  };
}

/**
 * Reads a file, wherever it is; one that is called like a shipped calendar is held against its rules,
 * and where they differ is a warning.
 * @throws SSMD_NOT_FOUND, SSMD_INVALID_CONFIG
 */
function readCalendar(
  file: string,
  name: string | null,
  folders: CalendarFolders,
): CalendarFile & { readonly file: string } {
  const parsed = parseCalendar(file, readText(file));
  const { calendar } = parsed;
  if (name !== null && calendar.name !== name) {
    const what = `the calendar in ${file} is called "${calendar.name}", expected "${name}"`;
    throw new SsmdError('SSMD_INVALID_CONFIG', `${what}; a file is named after its calendar`, {
      facts: { file, expected: name, received: calendar.name },
    });
  }
  const rules = path.join(folders.shipped, `${calendar.name}${SUFFIX}`);
  if (!existsSync(rules) || path.resolve(file) === path.resolve(rules)) return { ...parsed, file };
  const found = differences(calendar, parseCalendar(rules, readText(rules)).calendar);
  const lines = differenceLines(found, `calendars/${calendar.name}${SUFFIX}`);
  const warnings = lines.map((line) => `${file}: ${line}`);
  return { ...parsed, file, warnings: [...parsed.warnings, ...warnings] };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SsmdError('SSMD_NOT_FOUND', `the calendar file cannot be read: ${why}`, {
      facts: { file },
      cause,
    });
  }
}

export type AddedCalendar = {
  readonly loaded: LoadedCalendar;
  /** `same`: that very file is in effect already, and nothing was written. */
  readonly outcome: 'added' | 'replaced' | 'same';
};

/**
 * Validates a file and puts it, byte for byte, where it is found from then on. A calendar that is
 * there with other content stays unless `replace` is true; of a shipped one it takes the place.
 * @throws SSMD_INVALID_INPUT, SSMD_INVALID_CONFIG, SSMD_NOT_FOUND
 */
export function addCalendar(
  name: string,
  from: { readonly file: string; readonly replace: boolean },
  folders: CalendarFolders,
): AddedCalendar {
  const read = readCalendar(from.file, name, folders);
  const text = readText(read.file);
  const file = path.join(folders.own, `${name}${SUFFIX}`);
  const there = [file, path.join(folders.shipped, `${name}${SUFFIX}`)].find(existsSync);
  const origin = there === undefined || there === file ? 'own' : 'shipped';
  if (there !== undefined && readText(there) === text) {
    return { loaded: { ...read, file: there, origin }, outcome: 'same' };
  }
  if (there !== undefined && !from.replace) {
    throw alreadyThere(name, there, origin, read.warnings);
  }
  mkdirSync(folders.own, { recursive: true });
  // Whole or not at all: a reader never meets half a calendar.
  const partial = `${file}.${process.pid}.partial`;
  writeFileSync(partial, text, { flush: true });
  renameSync(partial, file);
  const outcome = there === undefined ? 'added' : 'replaced';
  return { loaded: { ...read, file, origin: 'own' }, outcome };
}

/** What was found in the file is told as well: it may be why it should not take the other's place. */
function alreadyThere(
  name: string,
  there: string,
  origin: LoadedCalendar['origin'],
  warnings: readonly string[],
): SsmdError {
  const what = `'${name}' is there already, with other content: ${there}`;
  const hint = origin === 'own' ? '--replace overwrites it' : '--replace takes its place';
  const refused = invalidInput('the command line', [{ where: 'name', what, hint }]);
  const message = [refused.message, ...warnings.map((it) => `warning: ${it}`)].join('\n');
  return new SsmdError(refused.code, message, { facts: { ...refused.facts, warnings } });
}
