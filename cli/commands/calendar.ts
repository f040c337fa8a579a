/** `ssmd calendar`: when markets trade, and why they do not. */
import type { Command } from 'commander';
import type { AddFlags } from '../calendar/add.ts';
import { parseAt, parseDateFlag, parseKinds, parseYear } from '../calendar/flags.ts';
import type { AtFlags, SessionFlags, YearFlags } from '../calendar/flags.ts';
import type { CliContext } from '../command.ts';
import { GROUPS } from '../command.ts';

const NAME = 'a calendar, such as us-equity';
const AT = 'an instant such as 2025-07-03T17:30:00Z, or ns since 1970 (default: now)';
const KINDS = 'kinds of sessions, such as pre,regular,post (default: regular)';
const EXITS = '0 open, 1 closed, 2 wrong input, or out of what the calendar knows';

const EXAMPLES = `
Examples:
  npx ssmd calendar show us-equity 2025
  npx ssmd calendar is-open us-equity --at 2025-11-27T15:00:00Z
  npx ssmd calendar sessions cme-equity-index --from 2026-03-06 --to 2026-03-10
  npx ssmd calendar add my-venue --from-file my-venue.yaml

A file is environments/calendars/NAME.yaml, else calendars/NAME.yaml.
A question outside of the dates a calendar knows is an error, never "open".`;

export function register(program: Command, context: CliContext): void {
  const calendar = program
    .command('calendar')
    .helpGroup(GROUPS.data)
    .summary('when markets trade, their holidays and early closes')
    .description('Market calendars: hours, breaks, holidays, early closes, each with its name.')
    .addHelpText('after', EXAMPLES);
  const add = (words: string, says: string): Command =>
    calendar.command(words).description(says).option('--json', 'print one JSON object');
  const asked = (command: Command): Command => command.option('--kinds <kinds>', KINDS, parseKinds);

  add('list', 'The calendars there are, and the dates each of them knows.').action(
    async (flags: { readonly json?: boolean }) => {
      const { listAll } = await import('../calendar/list.ts');
      listAll(flags, context);
    },
  );
  add('show', 'A calendar: its hours, and the days of a year on which they differ.')
    .argument('<name>', NAME)
    .argument('[year]', 'such as 2025 (default: this one)', parseYear)
    .action(async (name: string, year: number | undefined, flags: YearFlags) => {
      const { showCalendar } = await import('../calendar/show.ts');
      showCalendar(name, { ...flags, year: year ?? thisYear() }, context);
    });
  add('holidays', 'The days of a year on which a market is closed, closes early or opens late.')
    .argument('<name>', NAME)
    .option('--year <year>', 'such as 2025 (default: this one)', parseYear)
    .action(async (name: string, flags: YearFlags) => {
      const { showHolidays } = await import('../calendar/show.ts');
      showHolidays(name, { ...flags, year: flags.year ?? thisYear() }, context);
    });
  asked(add('sessions', 'Sessions, day by day, on the wall there and in UTC.'))
    .argument('<name>', NAME)
    .option('--date <day>', 'one trade date: YYYY-MM-DD', parseDateFlag)
    .option('--from <day>', 'the first trade date (default: today)', parseDateFlag)
    .option('--to <day>', 'the last trade date (default: six days after the first)', parseDateFlag)
    .option('--year <year>', 'all of a year', parseYear)
    .action(async (name: string, flags: SessionFlags) => {
      const { showSessions } = await import('../calendar/sessions.ts');
      showSessions(name, flags, context);
    });
  asked(add('is-open', `Whether a market is open, and if not, why. Exit code: ${EXITS}.`))
    .argument('<name>', NAME)
    .option('--at <instant>', AT, parseAt)
    .action(async (name: string, flags: AtFlags) => {
      const { tellOpen } = await import('../calendar/instant.ts');
      tellOpen(name, flags, context);
    });
  asked(add('next', 'When a market opens and closes next.'))
    .argument('<name>', NAME)
    .option('--at <instant>', AT, parseAt)
    .action(async (name: string, flags: AtFlags) => {
      const { tellNext } = await import('../calendar/instant.ts');
      tellNext(name, flags, context);
    });
  add('add', 'Checks a file and puts it where it is found; what is there stays, unless you say so.')
    .argument('<name>', 'what the file calls the calendar')
    .requiredOption('--from-file <file>', 'YAML, in the long form or the short one')
    .option('--replace', 'put it in the place of a calendar that is there already')
    .action(async (name: string, flags: AddFlags) => {
      const { addFile } = await import('../calendar/add.ts');
      addFile(name, flags, context);
    });
}

function thisYear(): number {
  return new Date().getUTCFullYear();
}
