/**
 * Faults of options and arguments, all at once: commander ends at the first value that its parser refuses,
 * and at the first option that is missing. Here they are gathered, and told before the command's action begins.
 */
import { CommanderError } from 'commander';
import type { Argument, Command, Option } from 'commander';
import { SsmdError, invalidInput } from '../schema/errors.ts';
import type { Fault } from '../schema/errors.ts';
import { parseDay } from '../schema/time.ts';
import { feedFault } from './flag-faults.ts';

/** Call it once all commands are there. */
export function gatherOptionFaults(program: Command): void {
  const refused: Refused[] = [];
  const needed = new Set<Option>();
  for (const option of optionsOf(program)) {
    if (option.mandatory) needed.add(option.makeOptionMandatory(false));
    gather(option, nameOf(option.flags), refused);
  }
  for (const argument of argumentsOf(program)) gather(argument, argument.name(), refused);
  program.hook('preAction', async (_, command) => {
    const missing = command.options.filter(
      (it) => needed.has(it) && command.getOptionValue(it.attributeName()) === undefined,
    );
    const [only] = refused;
    if (missing.length === 0 && refused.length <= 1) {
      if (only === undefined) return;
      if (only.error instanceof SsmdError) throw only.error;
    }
    const faults = [
      ...refused.map(faultOf),
      ...missing.map(({ flags }) => ({ where: nameOf(flags), what: 'is needed' })),
      ...(await furtherFaults(command)),
    ];
    throw explained(invalidInput('the command line', faults), command);
  });
}

type Refused = { readonly where: string; readonly error: Error };

/** What its parser refuses is kept, and the command line read on. */
function gather(of: Option | Argument, where: string, refused: Refused[]): void {
  const { parseArg } = of;
  if (parseArg === undefined) return;
  of.parseArg = <T>(value: string, previous: T): T => {
    try {
      return parseArg(value, previous) as T;
    } catch (error) {
      if (!(error instanceof CommanderError || error instanceof SsmdError)) throw error;
      refused.push({ where, error });
      return previous;
    }
  };
}

function argumentsOf(command: Command): readonly Argument[] {
  return [...command.registeredArguments, ...command.commands.flatMap(argumentsOf)];
}

function explained({ code, message, facts }: SsmdError, command: Command): SsmdError {
  return new SsmdError(code, `${message}\n${pathOf(command)} --help explains them`, { facts });
}

function optionsOf(command: Command): readonly Option[] {
  return [...command.options, ...command.commands.flatMap(optionsOf)];
}

function faultOf({ where, error }: Refused): Fault {
  return { where, what: error.message };
}

/** `--feed` of `--feed <feed>`. */
function nameOf(flags: string): string {
  return flags.split(' ').find((it) => it.startsWith('--')) ?? flags;
}

/** What commands judge by themselves, in the same words: else it would be a second round. */
async function furtherFaults(command: Command): Promise<Fault[]> {
  const { feed, date } = command.opts<{ feed?: unknown; date?: unknown }>();
  const faults: Fault[] = [];
  if (typeof feed === 'string') {
    const { FEEDS } = await import('../connectors/registry.ts');
    const wrong = feedFault(feed, [...FEEDS.keys()]);
    if (wrong !== null) faults.push(wrong);
  }
  if (typeof date === 'string' && parseDay(date) === null) {
    faults.push({ where: '--date', what: `'${date}' is not a day`, hint: 'YYYY-MM-DD, in UTC' });
  }
  return faults;
}

function pathOf(command: Command): string {
  const above = command.parent === null ? 'npx' : pathOf(command.parent);
  return `${above} ${command.name()}`;
}
