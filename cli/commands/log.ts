/** `ssmd log`: reads RAW, segment by segment, in plain words. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { SsmdError } from '../../schema/errors.ts';
import { createSegmentsReader } from '../log/read.ts';
import type { SegmentsReader } from '../log/read.ts';
import { selectSegments } from '../log/select.ts';
import type { SelectFlags, Selected } from '../log/select.ts';
import type { CliContext } from '../command.ts';
import { ExitWith, GROUPS, parseEnvName } from '../command.ts';
import { ENV_HELP } from '../resolve-environment.ts';

type Flags = SelectFlags & { readonly json?: boolean };
type ShowFlags = Flags & { readonly frames?: boolean; readonly limit?: number };

const EXAMPLES = `
A SEGMENT is a local file, a folder of them (an epoch of a connector's log), a
key of the environment's raw bucket, or s3://bucket/key. Left out, --feed and
--shard pick a shard's segments of the day, in the bucket and in this host's
log. Times are UTC; --to is not included.

Examples:
  npx ssmd log show --feed kraken --shard tier1 --from 14:00 --to 14:05
  npx ssmd log show raw/kraken/2026/11/20/14/03-tier1-1763640000000.jsonl.zst --frames --limit 20
  npx ssmd log verify .ssmd/dev/log/kraken/tier1/1763640000000
  npx ssmd log stats --feed kraken --shard tier1 --date 2026-11-20 --json`;

export function register(program: Command, context: CliContext): void {
  const log = program
    .command('log')
    .helpGroup(GROUPS.data)
    .summary('read RAW: what happened on a shard, is it whole, how much is there')
    .description('Reads segments of the log, local or in the raw bucket. Changes nothing.');
  const show = log
    .command('show')
    .description(
      'What happened, in order: connections opened and closed, subscriptions, refusals, frames lost, ' +
        'clock steps, take-overs, midnights. Frames are counted by connection and channel.',
    )
    .option('--frames', 'one line a frame, in place of counts')
    .option('--limit <n>', 'end after so many lines', parseLimit);
  addCommon(show).action((names: readonly string[], flags: ShowFlags) =>
    runShow(names, flags, context),
  );
  const verify = log
    .command('verify')
    .description(
      'Checks every line, the order of t, the closing hash, the zstd frame, the numbers and the chain ' +
        'of hashes. Exit code 1 where anything is wrong; it says where, what was expected and received.',
    );
  addCommon(verify).action((names: readonly string[], flags: Flags) =>
    runVerify(names, flags, context),
  );
  const stats = log
    .command('stats')
    .description(
      'Lines, frames, bytes plain and stored, by channel and connection; times and rate.',
    );
  addCommon(stats).action((names: readonly string[], flags: Flags) =>
    runStats(names, flags, context),
  );
}

function addCommon(command: Command): Command {
  return command
    .argument('[segment...]', 'what to read: see below')
    .option('--feed <feed>', 'such as kraken')
    .option('--shard <shard>', 'such as tier1')
    .option('--date <day>', 'YYYY-MM-DD (default: today)')
    .option('--from <time>', 'such as 14:00 (default: 00:00)')
    .option('--to <time>', 'such as 14:05 (default: 24:00)')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'one JSON object a line')
    .addHelpText('after', EXAMPLES);
}

async function runShow(
  names: readonly string[],
  flags: ShowFlags,
  context: CliContext,
): Promise<void> {
  const { showSegments } = await import('../log/show.ts');
  await withSegments(names, flags, context, async (selected, segments) => {
    const { faults } = await showSegments(selected, segments, {
      output: context.output,
      json: flags.json === true,
      frames: flags.frames === true,
      limit: flags.limit ?? Infinity,
      columns: process.stdout.isTTY ? process.stdout.columns : null,
      signal: context.interrupted,
    });
    return faults;
  });
}

async function runVerify(
  names: readonly string[],
  flags: Flags,
  context: CliContext,
): Promise<void> {
  const { verifySegments } = await import('../log/verify.ts');
  await withSegments(names, flags, context, ({ sources }, segments) =>
    verifySegments(sources, segments, {
      output: context.output,
      json: flags.json === true,
      signal: context.interrupted,
    }),
  );
}

async function runStats(
  names: readonly string[],
  flags: Flags,
  context: CliContext,
): Promise<void> {
  const { collectStats, printStats, statsJson } = await import('../log/stats.ts');
  const { output, interrupted } = context;
  await withSegments(names, flags, context, async (selected, segments) => {
    const stats = await collectStats(selected, segments, { output, signal: interrupted });
    if (flags.json === true) output.json(statsJson(stats));
    else printStats(stats, output);
    return stats.faults;
  });
}

/** Exit code 1 where `use` met a fault. What is not ours is named, and ignored. */
async function withSegments(
  names: readonly string[],
  flags: SelectFlags,
  context: CliContext,
  use: (selected: Selected, segments: SegmentsReader) => Promise<number>,
): Promise<void> {
  await using selected = await selectSegments(names, flags, context);
  for (const name of selected.foreign) {
    context.output.note(`ignored, no segment of ours by its name: ${name}`);
  }
  for (const name of selected.conflicts) {
    context.output.note(`a second content for a segment's name, kept and never read: ${name}`);
  }
  if (selected.sources.length === 0) {
    const message = `no segment in ${names.join(', ')}: nothing to read`;
    throw new SsmdError('SSMD_NOT_FOUND', message, { facts: { names } });
  }
  if ((await use(selected, createSegmentsReader())) > 0) throw new ExitWith(1);
}

function parseLimit(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError(`expected a number above 0, received '${text}'`);
}
