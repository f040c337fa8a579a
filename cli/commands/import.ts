/** `ssmd import`: a recorded capture into RAW, as if our own connector had written it. */
import { hostname } from 'node:os';
import { basename } from 'node:path';
import type { Command } from 'commander';
import type { ImportReport, Reject } from '../../connectors/runtime/import.ts';
import type { Environment } from '../../environments/env.ts';
import type { Endpoints } from '../../environments/endpoints.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { CliContext } from '../command.ts';
import { ExitWith, GROUPS, parseEnvName } from '../command.ts';
import { discardingStore } from '../import/discarding-store.ts';
import { IMPORT_EXAMPLE, IMPORT_SHARD, planImport } from '../import/plan.ts';
import type { ImportFlags, ImportPlan } from '../import/plan.ts';
import { openRejects } from '../import/rejects.ts';
import { REJECTS_SHOWN, printImport, problemsOf } from '../import/report.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';

type Flags = ImportFlags & {
  readonly env?: string;
  readonly rejects?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
};

export function register(program: Command, context: CliContext): void {
  program
    .command('import')
    .helpGroup(GROUPS.capture)
    .summary('bring a recorded capture into the raw bucket')
    .description(
      'Reads a recording line by line (gzip, zstd or plain) and writes it as a connector would have: ' +
        'frames to the byte, in minute segments, with an inventory. Lines that are malformed or REST ' +
        'replies go to a rejects file; the rest is imported. Importing a file again changes nothing. ' +
        'What is imported cannot be taken back by a command: try it with --dry-run.',
    )
    .argument('<file>', 'the recording')
    .option('--feed <feed>', 'whose recording, such as kraken (needed)')
    .option(
      '--symbols <list>',
      "markets in it, OURS=THEIRS: BTCUSD=BTC/USD,ETHUSD=ETH/USD (default: the environment's)",
    )
    .option(
      '--shard <shard>',
      'name of the shard it becomes, none that is captured live',
      IMPORT_SHARD,
    )
    .option(
      '--format <format>',
      'jsonl, ns-json, tardis or cryptofeed; auto looks at its lines',
      'auto',
    )
    .option(
      '--time-from <rule>',
      "receive times for a recording without: 'venue', or START+STEP as 2023-07-30T15:29:58Z+100ms; " +
        'what it yields is flagged bad-ts-recv',
    )
    .option('--book-depth <levels>', 'levels a side the recording subscribed to')
    .option('--dry-run', 'only say what it would import and reject; needs no server')
    .option('--rejects <file>', 'where rejected lines go (default: beside the recording)')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExample:\n  ${IMPORT_EXAMPLE}`)
    .action((file: string, flags: Flags) => runImport(file, flags, context));
}

async function runImport(file: string, flags: Flags, context: CliContext): Promise<void> {
  const { environment } = await resolveEnvironment(flags.env, context, 'none');
  const plan = await planImport(file, flags, environment);
  const to = { file, flags, plan, environment };
  if (flags.dryRun === true) await tryImport(to, context);
  else {
    const { endpoints } = await resolveEnvironment(flags.env, context, 'stores');
    await storeImport({ ...to, endpoints }, context);
  }
}

type Import = {
  readonly file: string;
  readonly flags: Flags;
  readonly plan: ImportPlan;
  readonly environment: Environment;
};

async function tryImport(of: Import, context: CliContext): Promise<void> {
  const { output } = context;
  const first: Reject[] = [];
  const reject = (it: Reject): void => void (first.length < REJECTS_SHOWN && first.push(it));
  const report = await readThrough(of, { store: discardingStore(), reject }, context);
  const environment = of.environment.name;
  const problems = problemsOf(report, of.plan.config);
  if (of.flags.json === true) output.json({ ...report, problems, environment, dry_run: true });
  else {
    printImport(report, of.plan.config, { kind: 'shown', first }, output);
    output.line('nothing was written: this was a dry run');
  }
  if (problems.length > 0) throw new ExitWith(1);
}

async function storeImport(
  of: Import & { readonly endpoints: Endpoints },
  context: CliContext,
): Promise<void> {
  const { output } = context;
  const { file, flags, environment } = of;
  const { openStores } = await import('../../workers/adapters.ts');
  await using stores = await openStores(environment, of.endpoints);
  const rejects = openRejects(
    flags.rejects ?? `${file}.rejects.jsonl`,
    flags.rejects === undefined,
  );
  try {
    const report = await readThrough(of, { store: stores.raw, reject: rejects.write }, context);
    const path = rejects.close();
    const problems = problemsOf(report, of.plan.config);
    if (flags.json === true) {
      output.json({ ...report, problems, environment: environment.name, rejects_file: path });
    } else printImport(report, of.plan.config, { kind: 'file', path }, output);
    if (problems.length > 0) throw new ExitWith(1);
  } catch (error) {
    if (!(error instanceof ExitWith)) rejects.discard();
    throw error;
  }
}

async function readThrough(
  { file, plan }: Import,
  into: { readonly store: ObjectStore; readonly reject: (reject: Reject) => void },
  { output, root, interrupted }: CliContext,
): Promise<ImportReport> {
  const [{ systemClock }, { readSoftware }, { importRecording }, { readRecording }] =
    await Promise.all([
      import('../../connectors/runtime/clock.ts'),
      import('../../connectors/runtime/provenance.ts'),
      import('../../connectors/runtime/import.ts'),
      import('../../connectors/runtime/recording.ts'),
    ]);
  const bar = output.progress({ label: basename(file), unit: 'frames' });
  let frames = 0;
  try {
    return await importRecording({
      ...plan,
      ...into,
      source: basename(file),
      chunks: readRecording(file),
      software: readSoftware(root),
      host: hostname(),
      clock: systemClock(),
      random: Math.random,
      progress: (done) => bar.update((frames = done)),
      signal: interrupted,
    });
  } catch (error) {
    if (!interrupted.aborted) throw error;
    throw new SsmdError(
      'SSMD_INTERRUPTED',
      `stopped after ${frames} frames of ${file}: its last segments and its inventory are missing; ` +
        'import it again to have it whole',
      { cause: error },
    );
  } finally {
    bar.end();
  }
}
