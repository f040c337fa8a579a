/** `ssmd gaps`: what is not known of an archived day, why, and what that makes of its minutes. */
import type { Command } from 'commander';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { VERSION_HELP } from '../dataset/chosen.ts';
import type { DayFlags } from '../dataset/chosen.ts';
import { ENV_HELP } from '../resolve-environment.ts';

type ListFlags = DayFlags & {
  readonly env?: string;
  readonly symbol?: string;
  readonly json?: boolean;
};

const EXAMPLE = 'npx ssmd gaps list --feed kraken --date 2026-11-20 --symbol BTCUSD';

export function register(program: Command, context: CliContext): void {
  const gaps = program
    .command('gaps')
    .helpGroup(GROUPS.data)
    .summary('what is not known of an archived day, and why')
    .description(
      'Every hole of a day is a record with a cause; these are read, nothing is guessed.',
    );
  gaps
    .command('list')
    .description(
      'Gaps of a committed day, of its manifest and of its status events, and how many minutes of ' +
        'each symbol are complete, degraded or missing.',
    )
    .requiredOption('--feed <feed>', 'whose day, such as kraken')
    .requiredOption('--date <day>', 'which UTC day: YYYY-MM-DD')
    .option('--symbol <symbol>', 'only what concerns this one')
    .option('--dataset-version <version>', VERSION_HELP)
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}`)
    .action((flags: ListFlags) => list(flags, context));
}

async function list(flags: ListFlags, context: CliContext): Promise<void> {
  const { readLedger, printLedger } = await import('../gaps/ledger.ts');
  const ledger = await readLedger({ ...flags, example: EXAMPLE }, context);
  if (flags.json === true) context.output.json(ledger);
  else printLedger(ledger, context);
}
