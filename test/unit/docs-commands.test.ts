/** Every command the pages print is one that `ssmd` or npm takes, with an input that a job takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { buildProgram } from '../../cli/main.ts';
import { createOutput } from '../../cli/output.ts';
import { admit } from '../../activities/admission.ts';
import { invariant } from '../../schema/errors.ts';
import { JOB_TYPES, PART_TYPES } from '../../schema/jobs.ts';
import type { JobType } from '../../schema/jobs.ts';
import { nsFromMs } from '../../schema/time.ts';
import { TASK_QUEUE } from '../../workflows/lib/queues.ts';
import {
  beyond,
  codeWords,
  commandsIn,
  printedCommands,
  section,
  words,
} from '../support/documents.ts';
import { projectRoot, readProjectFile } from '../support/project.ts';

/** An environment whose feeds and shards the pages speak of, long after the days they name. */
const KNOWN = {
  feeds: ['binance-usdm', 'kraken'],
  shards: ['binance-usdm', 'kraken'].map((feed) => ({ feed, shard: 'tier1' })),
  now: nsFromMs(Date.UTC(2036, 0, 1)),
};

/** What a job says to an input; null where it takes it. */
function inputFault(type: JobType, input: unknown): string | null {
  return admit(KNOWN, { type, input }).refusal?.message ?? null;
}

const README = readProjectFile('README.md');
const OPERATING = readProjectFile('docs/operating.md');

/** Parses arguments as `ssmd` does and does nothing; null, or why they are refused. */
async function refusalOf(args: readonly string[]): Promise<string | null> {
  const said: string[] = [];
  const stream = { write: (text: string) => said.push(text) };
  const program = buildProgram({
    root: projectRoot,
    env: {},
    output: createOutput({ stdout: stream, stderr: stream, env: {} }),
    interrupted: new AbortController().signal,
  });
  let ran = 0;
  const disarm = (command: Command): void => {
    command.configureOutput({ writeOut: () => undefined, writeErr: (text) => said.push(text) });
    if (command.commands.length === 0) command.action(() => void (ran += 1));
    for (const child of command.commands) disarm(child);
  };
  disarm(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return ran === 1 ? null : 'no command ran';
  } catch (error) {
    return said[0]?.trim() ?? String(error);
  }
}

/** What is wrong with a `temporal` command that starts a job; null where nothing is. */
function jobFault(args: readonly string[]): string | null {
  const value = (flag: string): string | null => args[args.indexOf(flag) + 1] ?? null;
  if (!args.includes('--type')) return null;
  const type = JOB_TYPES.find((it) => it === value('--type'));
  if (type === undefined) return `no workflow ${value('--type')}`;
  if (value('--task-queue') !== TASK_QUEUE) return `task queue ${value('--task-queue')}`;
  return inputFault(type, JSON.parse(value('--input') ?? ''));
}

async function faultOf(line: string): Promise<string | null> {
  const [program, name = '', ...args] = words(line);
  if (program === 'npm') return npmFault([name, ...args]);
  if (program !== 'npx' || name !== 'ssmd') return null;
  if (args[0] === 'temporal') return jobFault(args);
  return refusalOf(args);
}

async function npmFault(args: readonly string[]): Promise<string | null> {
  const { scripts } = JSON.parse(readProjectFile('package.json')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const name = args[0] === 'run' ? args[1] : args[0];
  if (!Object.hasOwn(scripts, name ?? '')) return `package.json has no script ${name}`;
  if (name !== 'demo' || !args.includes('--')) return null;
  return refusalOf(['demo', ...args.slice(args.indexOf('--') + 1)]);
}

test('every printed command is taken as printed', async () => {
  const commands = printedCommands();
  assert.ok(commands.length >= 25, `found ${commands.length}`);
  const faults: string[] = [];
  for (const { page, line } of commands) {
    const fault = await faultOf(line);
    if (fault !== null) faults.push(`${page}: ${line}: ${fault}`);
  }
  assert.deepEqual(faults, []);
});

test('a wrong command would be found', async () => {
  const page = [
    'See `npx ssmd sub --env dev`, `npx ssmd down dev` and `ssmd sub`.',
    '```sh',
    'npx ssmd conector --feed kraken',
    'npx ssmd dataset show \\',
    '  --feed kraken',
    'npx ssmd temporal workflow start --type audit --task-queue ssmd --input \'{"fed":1}\'',
    'npm run demonstrate',
    'npm run demo -- --kept',
    '```',
  ].join('\n');
  const commands = commandsIn('page', page);
  const faults = await Promise.all(commands.map(({ line }) => faultOf(line)));
  const expected = [
    /unknown command 'conector'/,
    /--date: is needed/,
    /fed: is not known/,
    /no script demonstrate/,
    /unknown option '--kept'/,
    null,
    /too many arguments/,
  ];
  assert.equal(faults.length, expected.length);
  for (const [at, fault] of faults.entries()) {
    const wanted = expected[at];
    if (wanted === null || wanted === undefined) assert.equal(fault, null);
    else assert.match(fault ?? 'taken', wanted);
  }
});

test('every command of ssmd is shown in the README or the operating guide', () => {
  const stream = { write: () => undefined };
  const program = buildProgram({
    root: projectRoot,
    env: {},
    output: createOutput({ stdout: stream, stderr: stream, env: {} }),
    interrupted: new AbortController().signal,
  });
  const leaves = (command: Command, path: string): string[] =>
    command.commands.length === 0
      ? [path]
      : command.commands.flatMap((child) => leaves(child, `${path} ${child.name()}`.trim()));
  const paths = leaves(program, '');
  assert.ok(paths.includes('simulate day') && paths.includes('up'), paths.join(', '));
  const shown = [...commandsIn('', README), ...commandsIn('', OPERATING)].map(({ line }) => line);
  const silent = paths.filter(
    (path) => !shown.some((line) => `${line} `.startsWith(`npx ssmd ${path} `)),
  );
  assert.deepEqual(silent, []);
});

test('pages, the command line and the worker name the same workflows', () => {
  const index = readProjectFile('workflows/index.ts');
  // The default takes what has no name.
  const exported = [...index.matchAll(/export \{ (?:\w+ as )?'?([\w-]+)'? \}/g)]
    .map((match) => match[1] ?? '')
    .filter((name) => name !== 'default');
  assert.ok(exported.length >= 4, exported.join(', '));
  const jobs = section(OPERATING, '## Jobs');
  const described = [...jobs.matchAll(/^### `([\w-]+)`$/gm)].map((match) => match[1] ?? '');
  assert.deepEqual(described.toSorted(), [...JOB_TYPES].toSorted());
  assert.deepEqual([...JOB_TYPES, ...PART_TYPES].toSorted(), exported.toSorted());
});

test('the inputs a page shows are taken by their workflow', () => {
  for (const type of JOB_TYPES) {
    const text = section(OPERATING, `### \`${type}\``);
    const inputs = codeWords(text).filter((word) => word.startsWith('{'));
    assert.ok(inputs.length > 0, `${type} shows no input`);
    for (const input of inputs) assert.equal(inputFault(type, JSON.parse(input)), null, type);
    // Every field there is: the refusal names them when it meets one it does not know.
    const refusal = inputFault(type, { feed: 'kraken', nonsense: 1 }) ?? '';
    const known = /nonsense: is not known \(known are ([^;)]*)/.exec(refusal)?.[1];
    invariant(known !== undefined, refusal);
    const fields = inputs.flatMap((input) => Object.keys(JSON.parse(input) as object));
    assert.deepEqual(beyond(known.split(', '), fields), [], `${type}: fields not shown`);
  }
});
