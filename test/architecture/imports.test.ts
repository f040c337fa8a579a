/** The import rules of `.dependency-cruiser.cjs`: they hold, and each of them bites. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from '../support/project.ts';

const run = promisify(execFile);
const config = join(projectRoot, '.dependency-cruiser.cjs');

type Rule = { readonly name: string; readonly comment: string };
type Violation = {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
};

const rules = (createRequire(import.meta.url)(config) as { readonly forbidden: readonly Rule[] })
  .forbidden;

const FOLDERS = [
  ...['schema', 'codec', 'books', 'calendars', 'secmaster', 'fold', 'connectors', 'dataset', 'qa'],
  ...['transforms', 'bus', 'storage', 'notify', 'database', 'activities', 'workflows', 'workers'],
  ...['stack', 'cli', 'gateway', 'environments', 'scripts', 'bench', 'test'],
];

/** Cruises the folders that exist under `root`; the violations found. */
async function violations(root: string, folders: readonly string[]): Promise<Violation[]> {
  const present = folders.filter((folder) => existsSync(join(root, folder)));
  const program = join(projectRoot, 'node_modules', '.bin', 'depcruise');
  const args = [program, '--config', config, '--output-type', 'json', ...present];
  const options = { cwd: root, maxBuffer: 64 * 1024 * 1024 };
  // It exits with the number of errors: that is no failure of the program.
  const { stdout } = await run(process.execPath, args, options).catch(
    (error: { readonly stdout: string }) => error,
  );
  const report = JSON.parse(stdout) as {
    readonly summary: { readonly violations: readonly Violation[] };
  };
  return [...report.summary.violations];
}

test('every import follows the rules', async () => {
  // Tests may import everything, so they are not cruised: it halves the time.
  const found = await violations(
    projectRoot,
    FOLDERS.filter((folder) => folder !== 'test'),
  );
  const lines = found.map(({ rule, from, to }) => {
    const comment = rules.find(({ name }) => name === rule.name)?.comment ?? '';
    return `${from} -> ${to}\n    ${rule.name}: ${comment}`;
  });
  assert.deepEqual(lines, []);
});

/** One breach a rule: the file and what it imports. Targets that are missing are made empty. */
const BREACHES: Readonly<Record<string, readonly [file: string, imports: string]>> = {
  'no-circular': ['dataset/circle-a.ts', './circle-b.ts'],
  'no-unresolvable': ['cli/lost.ts', './nowhere.ts'],
  'no-orphans': ['dataset/orphan.ts', ''],
  'schema-imports-inward': ['schema/a.ts', '../codec/x.ts'],
  'codec-imports-inward': ['codec/a.ts', '../books/x.ts'],
  'books-imports-inward': ['books/a.ts', '../fold/x.ts'],
  'calendars-imports-inward': ['calendars/a.ts', '../dataset/x.ts'],
  'secmaster-imports-inward': ['secmaster/a.ts', '../bus/bus.ts'],
  'feed-contract-imports-inward': ['connectors/feed.ts', '../fold/x.ts'],
  'fold-imports-inward': ['fold/a.ts', '../connectors/kraken/x.ts'],
  'feeds-imports-inward': ['connectors/okx/a.ts', '../../dataset/x.ts'],
  'dataset-imports-inward': ['dataset/a.ts', '../qa/x.ts'],
  'qa-imports-inward': ['qa/a.ts', '../storage/object-store.ts'],
  'pure-has-no-outside': ['codec/b.ts', 'node:fs'],
  'feeds-are-islands': ['connectors/okx/b.ts', '../kraken/x.ts'],
  'importers-import-inward': ['connectors/import/a.ts', '../../dataset/x.ts'],
  'venue-stands-alone': ['connectors/okx/venue.ts', './x.ts'],
  'venue-reaches-no-parser': ['connectors/okx/venue-far.ts', '../simulator/y.ts'],
  'simulator-knows-venues-only': ['connectors/simulator/a.ts', '../kraken/x.ts'],
  'ports-import-schema': ['bus/a.ts', '../storage/object-store.ts'],
  'adapters-only-at-roots': ['activities/a.ts', '../storage/s3.ts'],
  'runtime-imports': ['connectors/runtime/a.ts', '../../workers/x.ts'],
  'collector-imports': ['connectors/collector/a.ts', '../runtime/epoch.ts'],
  'collector-reaches-no-http': ['connectors/collector/b.ts', '../runtime/clock.ts'],
  'activities-imports': ['activities/b.ts', '../connectors/simulator/x.ts'],
  'workflows-sandbox': ['workflows/a.ts', 'node:crypto'],
  'faces-know-workflows-by-type': ['cli/a.ts', '../workflows/x.ts'],
  'nobody-imports-roots': ['activities/c.ts', '../workers/x.ts'],
  'stack-for-cli-and-tests': ['workers/a.ts', '../stack/x.ts'],
  'stack-stands-alone': ['stack/a.ts', '../codec/x.ts'],
  'product-never-imports-test': ['workers/b.ts', '../test/x.ts'],
};

test('each rule reports a breach of it', async () => {
  assert.deepEqual(Object.keys(BREACHES).toSorted(), rules.map(({ name }) => name).toSorted());
  const root = await mkdtemp(join(tmpdir(), 'ssmd-imports-'));
  try {
    await writeBreaches(root);
    const found = await violations(root, FOLDERS);
    for (const [name, [file]] of Object.entries(BREACHES)) {
      const bitten = found.some(
        (violation) => violation.rule.name === name && violation.from === file,
      );
      assert.ok(bitten, `${name} did not report ${file}`);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

test('what the rules allow is not reported', async () => {
  const root = await mkdtemp(join(tmpdir(), 'ssmd-imports-'));
  try {
    const files: readonly (readonly [string, string])[] = [
      ['schema/time.ts', ''],
      ['codec/line.ts', imports('../schema/time.ts')],
      ['connectors/feed.ts', imports('../codec/line.ts')],
      ['connectors/kraken/decode.ts', imports('../feed.ts')],
      ['connectors/kraken/venue.ts', imports('../simulator/market.ts')],
      ['connectors/simulator/market.ts', imports('../../schema/time.ts')],
      ['bus/nats.ts', imports('../schema/time.ts')],
      ['workers/worker.ts', imports('../bus/nats.ts') + imports('../connectors/kraken/decode.ts')],
      ['cli/main.ts', imports('../workers/worker.ts') + imports('../connectors/kraken/venue.ts')],
    ];
    for (const [file, content] of files) await write(root, file, content);
    await writeProject(root);
    assert.deepEqual(await violations(root, FOLDERS), []);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

async function writeBreaches(root: string): Promise<void> {
  for (const [name, [file, target]] of Object.entries(BREACHES)) {
    await write(root, file, target === '' ? '' : imports(target));
    if (!target.startsWith('.') || name === 'no-unresolvable') continue;
    const path = join(dirname(file), target);
    if (!existsSync(join(root, path))) await write(root, path, '');
  }
  const typed = "import type * as a from './circle-a.ts';\nexport type B = typeof a;\n";
  await write(root, 'dataset/circle-b.ts', typed);
  await write(root, 'connectors/simulator/y.ts', imports('../../codec/x.ts'));
  await write(root, 'connectors/runtime/clock.ts', imports('node:https'));
  await writeProject(root);
}

async function writeProject(root: string): Promise<void> {
  await write(root, 'package.json', '{"type":"module"}');
  const compilerOptions = { module: 'nodenext', allowImportingTsExtensions: true, noEmit: true };
  await write(root, 'tsconfig.json', JSON.stringify({ compilerOptions }));
  await symlink(join(projectRoot, 'node_modules'), join(root, 'node_modules'));
}

function imports(target: string): string {
  return `import * as x${target.length} from '${target}';\nexport const y${target.length} = x${target.length};\n`;
}

async function write(root: string, file: string, content: string): Promise<void> {
  const path = join(root, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content === '' ? 'export {};\n' : content);
}
