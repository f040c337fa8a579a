/** A calendar for a command, its warnings told on standard error, and its instants in words. */
import { calendarFolders, loadCalendar } from '../../environments/calendar-files.ts';
import type { LoadedCalendar } from '../../environments/calendar-files.ts';
import type { Calendar, Kinds } from '../../calendars/calendar.ts';
import { invalidInput } from '../../schema/errors.ts';
import { formatIso } from '../../schema/time.ts';
import type { UnixNs } from '../../schema/time.ts';
import type { CliContext } from '../command.ts';

/** @throws SSMD_NOT_FOUND, SSMD_INVALID_CONFIG */
export function openCalendar(name: string, { root, output }: CliContext): LoadedCalendar {
  const loaded = loadCalendar(name, calendarFolders(root));
  for (const warning of loaded.warnings) output.note(`warning: ${warning}`);
  return loaded;
}

/** The kinds asked for, if the calendar has any of them. @throws SSMD_INVALID_INPUT */
export function kindsAsked(calendar: Calendar, kinds: Kinds = ['regular']): Kinds {
  if (kinds.some((kind) => calendar.kinds.includes(kind))) return kinds;
  const what = `${calendar.name} has no such sessions`;
  const hint = `it has ${calendar.kinds.join(', ')}`;
  throw invalidInput('the command line', [{ where: '--kinds', what, hint }]);
}

/** `2025-11-28T14:30:00Z`: calendars know whole seconds. */
export function utc(at: UnixNs): string {
  return `${formatIso(at).slice(0, 19)}Z`;
}

/** `2025-11-28 09:30 America/New_York (2025-11-28T14:30:00Z)`; UTC needs saying once. */
export function inWords(calendar: Calendar, at: UnixNs): string {
  if (calendar.tz === 'UTC') return utc(at);
  const { date, time } = calendar.local(at);
  return `${date} ${time} ${calendar.tz} (${utc(at)})`;
}
