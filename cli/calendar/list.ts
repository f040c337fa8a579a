/** `ssmd calendar list`: every calendar there is; one that cannot be read hides none of the others. */
import { calendarFolders, listCalendars, loadCalendar } from '../../environments/calendar-files.ts';
import type { LoadedCalendar } from '../../environments/calendar-files.ts';
import { SsmdError } from '../../schema/errors.ts';
import { ExitWith } from '../command.ts';
import type { CliContext } from '../command.ts';
import { exitCodeOf, printError } from '../output.ts';

export function listAll({ json }: { readonly json?: boolean }, context: CliContext): void {
  const { output, root } = context;
  const folders = calendarFolders(root);
  const broken: { readonly name: string; readonly error: SsmdError }[] = [];
  const loaded = listCalendars(folders).flatMap((name): LoadedCalendar[] => {
    try {
      return [loadCalendar(name, folders)];
    } catch (error) {
      if (!(error instanceof SsmdError)) throw error;
      broken.push({ name, error });
      return [];
    }
  });
  if (json === true) {
    output.json({
      calendars: loaded.map(({ calendar, file, origin, warnings, description }) => {
        const { name, tz, valid, kinds } = calendar;
        return { name, description, tz, valid, kinds, origin, file, warnings };
      }),
      broken: broken.map(({ name, error }) => ({ name, message: error.message })),
    });
  } else {
    output.table(
      ['calendar', 'zone', 'knows', 'sessions', 'from', 'what'],
      loaded.map(({ calendar, origin, description }) => [
        calendar.name,
        calendar.tz,
        `${calendar.valid.from} to ${calendar.valid.to}`,
        calendar.kinds.join(', '),
        origin === 'own' ? 'environments/calendars' : 'calendars',
        description ?? '',
      ]),
      { optional: ['what', 'sessions', 'from'] },
    );
    for (const { error } of broken) printError(error, output, false);
  }
  const [first] = broken;
  if (first !== undefined) throw new ExitWith(exitCodeOf(first.error));
}
