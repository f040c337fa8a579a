/** `ssmd calendar add`: a file checked, and put where calendars are found. */
import { addCalendar, calendarFolders } from '../../environments/calendar-files.ts';
import type { CliContext } from '../command.ts';

export type AddFlags = {
  readonly fromFile: string;
  readonly replace?: boolean;
  readonly json?: boolean;
};

const SAID = {
  added: 'added',
  replaced: 'added in place of the one that was there',
  same: 'is there already, the same to the byte',
} as const;

export function addFile(name: string, flags: AddFlags, { root, output }: CliContext): void {
  const from = { file: flags.fromFile, replace: flags.replace === true };
  const { loaded, outcome } = addCalendar(name, from, calendarFolders(root));
  const { calendar, file, warnings } = loaded;
  for (const warning of warnings) output.note(`warning: ${warning}`);
  const { tz, valid, kinds } = calendar;
  if (flags.json === true) {
    output.json({ calendar: name, outcome, file, tz, valid, kinds, warnings });
    return;
  }
  output.line(`${name} ${SAID[outcome]}: ${file}`);
  output.line(`  zone ${tz}; knows ${valid.from} to ${valid.to}`);
}
