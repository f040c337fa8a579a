/** `ssmd compare`: two versions of a day side by side; the job `compare`, started and followed. */
import type { Command } from 'commander';
import type { CompareInput } from '../../schema/jobs.ts';
import type { DayComparison } from '../../activities/compare.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { formatCount } from '../format.ts';
import { givenOf } from '../flag-input.ts';
import { ENV_HELP } from '../resolve-environment.ts';
import { getLine } from '../storage/get-line.ts';
import { withClient } from '../temporal-client.ts';

type CompareFlags = {
  readonly env?: string;
  readonly feed?: string;
  readonly date?: string;
  readonly left: string;
  readonly right?: string;
  readonly json?: boolean;
};

const EXAMPLE = 'npx ssmd compare --feed kraken --date 2026-11-20 --left v1 --right v2';

export function register(program: Command, context: CliContext): void {
  program
    .command('compare')
    .helpGroup(GROUPS.jobs)
    .summary('two versions of a day side by side: counts, fields, values, timing')
    .description(
      'Starts the job compare and follows it. To compare two builds of the connector, rebuild the day ' +
        'with each under a version of its own (npx ssmd reprocess run --connector-version X --to vN ' +
        '--promote never), then compare the versions.',
    )
    .option('--feed <feed>', 'whose day (needed)')
    .option('--date <day>', 'which UTC day: YYYY-MM-DD (default: yesterday)')
    .option('--left <version>', 'such as v1; current is the one that serves the day', 'current')
    .option('--right <version>', 'such as v2 (needed)')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}`)
    .action((flags: CompareFlags) => compare(flags, context));
}

async function compare(flags: CompareFlags, context: CliContext): Promise<void> {
  const { feed, date: day, left, right } = flags;
  const input = givenOf({ feed, day, left, right }) as CompareInput;
  const { judged } = await import('../judged-input.ts');
  const shown = { flagOf: FLAG_OF, example: EXAMPLE };
  const admitted = await judged({ type: 'compare', input }, flags.env, context, shown);
  const { followCompare } = await import('../compare/follow.ts');
  const whole = { ...input, day: admitted.day };
  const found = await withClient(flags.env, context, (client) =>
    followCompare(client, whole, context),
  );
  if (flags.json === true) context.output.json(found);
  else print(found, flags.env, context);
}

const FLAG_OF = { feed: '--feed', day: '--date', left: '--left', right: '--right' } as const;

function print(found: DayComparison, env: string | undefined, { output }: CliContext): void {
  const { line, color } = output;
  const { events, schemas, values, timing, gaps } = found;
  const paint = found.verdict === 'differs' ? color.red : color.green;
  const title = `${found.feed} ${found.day} ${found.old}..${found.new}`;
  line(`${color.bold(title)}: ${paint(found.verdict)}`);
  output.table(
    ['', 'old', 'new', 'equal', 'changed', 'added', 'removed', 'dropped'],
    [
      [
        'records',
        ...[events.old, events.new, events.equal, events.changed].map(formatCount),
        ...[events.added, events.removed, events.dropped].map(formatCount),
      ],
    ],
  );
  line(
    `  schema ${schemas.old === schemas.new ? schemas.old : `${schemas.old} -> ${schemas.new}`}`,
  );
  line(`  values ${streams(values)}, timing ${streams(timing)}`);
  line(
    `  gaps ${gaps.old} -> ${gaps.new}${gaps.equal ? ', the same' : `: ${gaps.added} added, ${gaps.gone} gone`}`,
  );
  line(`  report: ${getLine(found.html, env)}`);
  line(`  the same as JSON: ${found.json}`);
}

function streams({ same, different }: DayComparison['values']): string {
  if (different === 0) return `the same in all ${formatCount(same)} streams`;
  return `different in ${formatCount(different)} of ${formatCount(same + different)} streams`;
}
