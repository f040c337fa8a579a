/** `ssmd storage`: versions of objects, where the store keeps them: for accidents, since ssmd overwrites none. */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import { suggestion } from '../../schema/near-miss.ts';
import { prunable } from '../../storage/object-versions.ts';
import type { ObjectVersion, VersionedBucket } from '../../storage/object-versions.ts';
import type { MonthlyAuditReport } from '../../workflows/monthly-audit.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { formatBytes, formatCount } from '../format.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';
import { getLine } from '../storage/get-line.ts';
import type { GetFlags } from '../storage/get.ts';

type Flags = { readonly env?: string; readonly json?: boolean };
type OfVersion = Flags & { readonly versionId: string };
type PruneFlags = Flags & {
  readonly keep: number;
  readonly olderThan: number;
  readonly dryRun?: boolean;
};

const KEY = 'key of an object, such as normalized/_current/kraken.json';
const MS_PER_DAY = 86_400_000;

export function register(program: Command, context: CliContext): void {
  const storage = program
    .command('storage')
    .helpGroup(GROUPS.data)
    .summary('what the buckets hold; objects as files; their versions')
    .description(
      'ssmd never overwrites an object of a dataset; where the store keeps versions, what something ' +
        'else overwrote or deleted can be had back.',
    );
  const add = (words: string, says: string): Command =>
    storage
      .command(words)
      .description(says)
      .option('--env <name>', ENV_HELP, parseEnvName)
      .option('--json', 'print JSON');
  add('usage', 'What is there, and how that fits the environment: the job monthly-audit, followed.')
    .option('--feed <feed>', 'only of this feed')
    .action((flags: Flags & { readonly feed?: string }) => usage(flags, context));
  add('get', 'Writes an object to a file: a report to open in a browser, a manifest to read.')
    .argument('<key>', KEY)
    .option('--out <file>', 'where to (default: its name, here); it must not be there yet')
    .action(async (key: string, flags: GetFlags) => {
      const { getObject } = await import('../storage/get.ts');
      await getObject(key, flags, context);
    });
  add('versioning', 'Whether a bucket keeps versions; enable or suspend it.')
    .argument('<action>', 'status, enable or suspend')
    .argument('[bucket]', 'raw, normalized, or the name of one of them (status: both)')
    .action((action: string, bucket: string | undefined, flags: Flags) =>
      versioning(action, bucket, flags, context),
    );
  add('versions', 'Versions of one object, newest first.')
    .argument('<key>', KEY)
    .action((key: string, flags: Flags) => versions(key, flags, context));
  add('restore', 'Puts the content of a version once more, as the newest; nothing is lost by it.')
    .argument('<key>', KEY)
    .requiredOption('--version-id <id>', 'as `ssmd storage versions` prints it')
    .action((key: string, flags: OfVersion) => restore(key, flags, context));
  add('delete', 'Removes one version for good; never the one readers get.')
    .argument('<key>', KEY)
    .requiredOption('--version-id <id>', 'as `ssmd storage versions` prints it')
    .action((key: string, flags: OfVersion) => remove(key, flags, context));
  add('prune', 'Removes old versions of the normalized bucket; RAW keeps every one.')
    .argument('<bucket>', 'normalized, or its name')
    .option('--keep <count>', 'newest versions of each key that stay', parseKeep, 3)
    .option('--older-than <days>', 'only those replaced longer ago, such as 30d', parseAge, 90)
    .option('--dry-run', 'only say what would be removed')
    .action((bucket: string, flags: PruneFlags) => prune(bucket, flags, context));
}

async function usage(
  { feed, env, json }: Flags & { readonly feed?: string },
  context: CliContext,
): Promise<void> {
  const { output } = context;
  const input = feed === undefined ? {} : { feed };
  const { judged } = await import('../judged-input.ts');
  const shown = { flagOf: { feed: '--feed' }, example: 'npx ssmd storage usage --feed kraken' };
  const { day } = await judged({ type: 'monthly-audit', input }, env, context, shown);
  const [{ followJob }, { monthlyAuditId }, { withClient }] = await Promise.all([
    import('../follow-job.ts'),
    import('../../workflows/lib/ids.ts'),
    import('../temporal-client.ts'),
  ]);
  const id = monthlyAuditId({ ...input, day });
  const report = await withClient(env, context, (client) =>
    followJob<MonthlyAuditReport>(client, { type: 'monthly-audit', id, input }, context),
  );
  if (json === true) {
    output.json({ id, ...report });
    return;
  }
  for (const { bucket, retention_days, oldest_day, days_over, bytes_over } of report.retention) {
    const { objects, bytes } = bucket === 'raw' ? report.raw : report.normalized;
    output.line(`${bucket}: ${formatCount(objects)} objects, ${formatBytes(bytes)}`);
    const kept = retention_days < 0 ? 'for ever' : `${retention_days} days`;
    const over = `${formatCount(days_over)} days beyond it, ${formatBytes(bytes_over)}`;
    output.line(`  oldest day ${oldest_day ?? 'none'}; to be kept ${kept}; ${over}`);
  }
  output.line(`  report: ${getLine(report.html, env)}`);
}

function parseKeep(text: string): number {
  const keep = Number(text);
  if (Number.isInteger(keep) && keep >= 1 && keep <= 1_000) return keep;
  throw new InvalidArgumentError(`expected 1 to 1000, received '${text}'`);
}

function parseAge(text: string): number {
  const days = /^(\d{1,5})d?$/.exec(text)?.[1];
  if (days !== undefined) return Number(days);
  throw new InvalidArgumentError(`expected days such as 30d, received '${text}'`);
}

type Place = { readonly name: string; readonly bucket: VersionedBucket & Disposable };

type Buckets = Disposable & {
  readonly raw: Place;
  readonly normalized: Place;
  readonly chosen: readonly Place[];
};

/** The buckets of the environment that `wanted` names; without one both. */
async function bucketsOf(
  wanted: string | undefined,
  flags: Flags,
  context: CliContext,
): Promise<Buckets> {
  const { environment, endpoints } = await resolveEnvironment(flags.env, context, 'stores');
  const { raw, normalized } = environment.spec.storage;
  const known = ['raw', 'normalized', raw.bucket, normalized.bucket];
  if (wanted !== undefined && !known.includes(wanted)) {
    const what = `'${wanted}' is no bucket of ${environment.name}`;
    const fault = { where: 'bucket', what, hint: suggestion(wanted, known) };
    throw invalidInput('the command line', [fault], 'npx ssmd storage versioning status raw');
  }
  const { openVersionedBucket } = await import('../../storage/s3-versions.ts');
  const place = (bucket: string): Place => ({
    name: bucket,
    bucket: openVersionedBucket({ ...endpoints.s3, bucket }),
  });
  const all = { raw: place(raw.bucket), normalized: place(normalized.bucket) };
  const both = [all.raw, all.normalized];
  const named = wanted === 'raw' || wanted === raw.bucket ? all.raw : all.normalized;
  return {
    ...all,
    chosen: wanted === undefined ? both : [named],
    [Symbol.dispose]: () => both.forEach(({ bucket }) => bucket[Symbol.dispose]()),
  };
}

type KeyPlace = Place & Disposable & { readonly key: string };

/** A key says itself which bucket it is in; a slash before it is the root's. */
async function placeOf(text: string, flags: Flags, context: CliContext): Promise<KeyPlace> {
  const key = text.replace(/^\/+/, '');
  const buckets = await bucketsOf(undefined, flags, context);
  const place = key.startsWith('raw/') ? buckets.raw : buckets.normalized;
  return { ...place, key, [Symbol.dispose]: () => buckets[Symbol.dispose]() };
}

async function versioning(
  action: string,
  wanted: string | undefined,
  flags: Flags,
  context: CliContext,
): Promise<void> {
  const actions = ['status', 'enable', 'suspend'];
  const faults = [
    ...(actions.includes(action)
      ? []
      : [{ where: 'action', what: `'${action}' is none of ${actions.join(', ')}` }]),
    ...(action === 'status' || wanted !== undefined
      ? []
      : [{ where: 'bucket', what: 'is needed: raw or normalized' }]),
  ];
  if (faults.length > 0) {
    throw invalidInput('the command line', faults, 'npx ssmd storage versioning enable raw');
  }
  using buckets = await bucketsOf(wanted, flags, context);
  const states: { bucket: string; versioning: string }[] = [];
  for (const { name, bucket } of buckets.chosen) {
    if (action !== 'status') await bucket.setState(action === 'enable' ? 'enabled' : 'suspended');
    states.push({ bucket: name, versioning: await bucket.state() });
  }
  if (flags.json === true) context.output.json(states);
  else for (const it of states) context.output.line(`${it.bucket}: versioning ${it.versioning}`);
}

async function versions(text: string, flags: Flags, context: CliContext): Promise<void> {
  const { output } = context;
  using place = await placeOf(text, flags, context);
  const found = await versionsOf(place);
  if (flags.json === true) {
    const at = (ms: number): string => new Date(ms).toISOString();
    output.json(found.map(({ modified_ms, ...it }) => ({ ...it, modified: at(modified_ms) })));
    return;
  }
  output.table(
    ['version', 'modified', 'bytes', 'what'],
    found.map((it) => [
      it.version_id,
      new Date(it.modified_ms).toISOString().slice(0, 19).replace('T', ' '),
      it.deleted ? '' : formatCount(it.bytes),
      [it.deleted ? 'deleted' : '', it.latest ? 'latest' : ''].filter(Boolean).join(', '),
    ]),
  );
}

/** @throws SSMD_NOT_FOUND where there is none, saying whether the bucket keeps any */
async function versionsOf({ name, bucket, key }: KeyPlace) {
  const found: ObjectVersion[] = [];
  for await (const it of bucket.list(key)) if (it.key === key) found.push(it);
  if (found.length > 0) return found;
  const state = await bucket.state();
  const next = state === 'enabled' ? '' : `; enable it: npx ssmd storage versioning enable ${name}`;
  throw new SsmdError(
    'SSMD_NOT_FOUND',
    `${name} has no version of ${key} (versioning is ${state}${next})`,
    { facts: { bucket: name, key, versioning: state } },
  );
}

/** One version, as it was named. @throws SSMD_NOT_FOUND listing those there are */
async function versionNamed(place: KeyPlace, id: string): Promise<ObjectVersion> {
  const found = await versionsOf(place);
  const named = found.find((it) => it.version_id === id);
  if (named !== undefined) return named;
  const known = found.map((it) => it.version_id);
  const listed = known.slice(0, 5).join(', ');
  throw new SsmdError('SSMD_NOT_FOUND', `${place.key} has no version '${id}'; it has ${listed}`, {
    facts: { key: place.key, version_id: id, known: known.slice(0, 100) },
  });
}

async function restore(text: string, flags: OfVersion, context: CliContext): Promise<void> {
  using place = await placeOf(text, flags, context);
  const { key, version_id, deleted, latest } = await versionNamed(place, flags.versionId);
  if (deleted || latest) {
    const why = latest ? 'it is the newest already' : 'it marks a deletion and has no content';
    throw refused('restore', `${key} ${version_id}: ${why}`);
  }
  await place.bucket.restore(key, version_id);
  const { output } = context;
  if (flags.json === true) output.json({ key, restored: version_id });
  else output.line(`${key}: the content of ${version_id} is the newest again`);
}

async function remove(text: string, flags: OfVersion, context: CliContext): Promise<void> {
  using place = await placeOf(text, flags, context);
  const { key, version_id, deleted, latest } = await versionNamed(place, flags.versionId);
  if (latest && !deleted) {
    throw refused('delete', `${key} ${version_id}: it is what readers get; see npx ssmd cleanup`);
  }
  await place.bucket.delete(key, version_id);
  const { output } = context;
  if (flags.json === true) output.json({ key, deleted: version_id });
  else output.line(`${key}: version ${version_id} is gone`);
}

function refused(where: string, what: string): SsmdError {
  return invalidInput('the command line', [{ where, what }], 'npx ssmd storage versions KEY');
}

async function prune(wanted: string, flags: PruneFlags, context: CliContext): Promise<void> {
  const { output } = context;
  using buckets = await bucketsOf(wanted, flags, context);
  const { raw, chosen } = buckets;
  const [place] = chosen;
  if (place === undefined || place.name === raw.name) {
    throw refused('prune', `${raw.name} is the source of everything: every version of it stays`);
  }
  const policy = { keep: flags.keep, before_ms: Date.now() - flags.olderThan * MS_PER_DAY };
  const gone = { keys: 0, versions: 0, bytes: 0 };
  const bar = output.progress({ label: `pruning ${place.name}`, unit: 'versions' });
  const end = async (of: readonly ObjectVersion[]): Promise<void> => {
    const old = prunable(of, policy);
    if (old.length > 0) gone.keys++;
    for (const { key, version_id, bytes } of old) {
      context.interrupted.throwIfAborted();
      if (flags.dryRun !== true) await place.bucket.delete(key, version_id);
      gone.versions++;
      gone.bytes += bytes;
    }
    bar.update(gone.versions);
  };
  let own: ObjectVersion[] = [];
  for await (const it of place.bucket.list('')) {
    if (own[0] !== undefined && own[0].key !== it.key) {
      await end(own);
      own = [];
    }
    own.push(it);
  }
  await end(own);
  bar.end();
  const dry_run = flags.dryRun === true;
  if (flags.json === true) output.json({ bucket: place.name, dry_run, ...gone });
  else {
    const verb = dry_run ? 'would be removed' : 'were removed';
    const amount = `${formatCount(gone.versions)} versions of ${formatCount(gone.keys)} keys`;
    output.line(`${place.name}: ${amount}, ${formatBytes(gone.bytes)}, ${verb}`);
  }
}
