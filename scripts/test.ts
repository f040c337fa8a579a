/**
 * Runs the tests: `npm test` (everything), `npm run check` (what needs no server), and single
 * suites or files. Static checks count as tests. The last line is `N passed, N failed, N skipped`;
 * with `CI=true` a skipped test fails the run.
 */
import { globSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { ensureBinary, findBinary } from '../stack/binaries.ts';
import { plainReport } from '../stack/report.ts';
import { TOOLS, TOOL_NAMES } from '../stack/tools.ts';
import type { Check } from './static-checks.ts';
import { STATIC_CHECKS, runCheck } from './static-checks.ts';
import { ensureTestTools } from './test-tools.mjs';
import type { Tally } from './test-run.ts';
import { emptyTally, runFiles } from './test-run.ts';

const ROOT = join(import.meta.dirname, '..');

/** Kinds without servers, in the order in which a fault is cheapest to understand. */
const KINDS_ALONE = ['architecture', 'unit', 'property', 'golden', 'contract', 'replay'] as const;
const KINDS_WITH_SERVERS = ['integration', 'simulation'] as const;

/** A test that takes longer has failed: it hangs, or its work belongs into the soak. */
const FILE_MS = 660_000;
const SOAK_FILE_MS = 24 * 3_600_000;

type Plan = {
  readonly checks: readonly Check[];
  readonly alone: readonly string[];
  readonly with_servers: readonly string[];
};

const USAGE = `usage: npm test [-- FILES]   everything, or only these test files
       npm run check            what needs no server
       npm run soak             the long forms`;

async function main(args: readonly string[]): Promise<number> {
  const plan = planFor(args);
  if (plan === null) {
    say(USAGE);
    return 2;
  }
  const from = performance.now();
  const tally = emptyTally();
  // Each file of tests is a process, and half of a short one is reading TypeScript.
  process.env['NODE_COMPILE_CACHE'] ??= join(ROOT, 'node_modules', '.cache', 'ssmd', 'node');
  await useTools();
  await runChecks(plan.checks, tally);
  if (plan.with_servers.length > 0) await makeServers(tally);
  else await useServersFound();
  await runFiles(plan.alone, { root: ROOT, concurrency: 2, timeout_ms: FILE_MS }, tally);
  await runFiles(
    plan.with_servers,
    { root: ROOT, concurrency: 2, timeout_ms: args[0] === 'soak' ? SOAK_FILE_MS : FILE_MS },
    tally,
  );
  return summarise(tally, performance.now() - from);
}

function planFor(args: readonly string[]): Plan | null {
  const [suite = 'all', ...files] = args;
  const none: Plan = { checks: [], alone: [], with_servers: [] };
  if (files.length > 0) {
    const given = files.map((file) => relative(ROOT, join(process.cwd(), file)));
    return { ...none, with_servers: given };
  }
  switch (suite) {
    case 'all':
      return {
        checks: STATIC_CHECKS,
        alone: testFiles(KINDS_ALONE),
        with_servers: longestFirst(testFiles(KINDS_WITH_SERVERS)),
      };
    case 'check':
      return { ...none, checks: STATIC_CHECKS, alone: testFiles(KINDS_ALONE) };
    case 'integration':
    case 'simulation':
    case 'soak':
      return { ...none, with_servers: testFiles([suite]) };
    default:
      return null;
  }
}

function testFiles(kinds: readonly string[]): string[] {
  return kinds.flatMap((kind) => globSync(`test/${kind}/**/*.test.ts`, { cwd: ROOT }).toSorted());
}

/** So that both processors have work to the end: files of minutes, run last, leave one without. */
const LONGEST = ['shard-model', 'contract-days', 'contract-restarts', 'contract-archive'];

function longestFirst(files: readonly string[]): string[] {
  const first = files.filter((file) => LONGEST.some((name) => file.endsWith(`/${name}.test.ts`)));
  return [...first, ...files.filter((file) => !first.includes(file))];
}

/** Puts `capnp` and `zstd` on the path of the tests; without them some skip, with the reason. */
async function useTools(): Promise<void> {
  const { folder, missing } = ensureTestTools(process.env, say);
  if (folder !== '') process.env['PATH'] = `${folder}${delimiter}${process.env['PATH'] ?? ''}`;
  for (const { name, why } of missing) say(`test tools: no ${name}: ${why}`);
}

async function runChecks(checks: readonly Check[], tally: Tally): Promise<void> {
  // Two at a time: they are single programs, and there are two processors.
  const waiting = [...checks];
  const work = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const { passed, seconds, said } = await runCheck(check, ROOT);
      if (passed) tally.passed += 1;
      else tally.failures.push({ name: check.name, where: check.command.join(' '), why: said });
      say(`${passed ? 'ok  ' : 'FAIL'} ${check.name}  ${seconds.toFixed(1)} s`);
    }
  };
  await Promise.all([work(), work()]);
}

/** Builds the servers once, before the files that need them, and tells the files where they are. */
async function makeServers(tally: Tally): Promise<void> {
  for (const name of TOOL_NAMES) {
    try {
      const { path } = await ensureBinary(name, process.env, plainReport(say0));
      process.env[TOOLS[name].variable] = path;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      tally.failures.push({ name: `server ${name}`, where: 'stack/binaries.ts', why });
    }
  }
}

async function useServersFound(): Promise<void> {
  for (const name of TOOL_NAMES) {
    const { binary } = await findBinary(name, process.env);
    if (binary !== null) process.env[TOOLS[name].variable] = binary.path;
  }
}

function summarise(tally: Tally, ms: number): number {
  if (tally.skips.length > 0) say(`\n${tally.skips.length} skipped:`);
  for (const { name, where, why } of tally.skips) say(`  ${where}: ${name}: ${why}`);
  if (tally.failures.length > 0) say(`\n${tally.failures.length} failed:`);
  for (const { name, where, why } of tally.failures) say(`\n--- ${where}\n    ${name}\n${why}`);
  for (const { where, text } of tally.printed) say(`\n--- what ${where} printed\n${text}`);
  const skipped = tally.skips.length;
  const skipFails = skipped > 0 && process.env['CI'] === 'true';
  if (skipFails) say('\na skipped test is a failure here, because CI=true');
  say(`\ntook ${Math.round(ms / 1_000)} s`);
  say(`${tally.passed} passed, ${tally.failures.length} failed, ${skipped} skipped`);
  return tally.failures.length > 0 || skipFails ? 1 : 0;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function say0(text: string): void {
  process.stdout.write(text);
}

process.exitCode = await main(process.argv.slice(2));
