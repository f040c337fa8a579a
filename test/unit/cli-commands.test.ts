/** Wrong command lines: each is one error with what to do, exit code 2 or 3, and nothing is started. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startSimulator } from '../../connectors/simulator/server.ts';
import { openStatusServer } from '../../connectors/runtime/status-server.ts';
import type { Command } from 'commander';
import { buildProgram } from '../../cli/main.ts';
import { createOutput } from '../../cli/output.ts';
import { explainListenError } from '../../cli/listen-error.ts';
import { SsmdError } from '../../schema/errors.ts';
import { ssmd } from '../support/command-line.ts';

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'ssmd-commands-'));
});
after(() => rm(root, { recursive: true, force: true }));

/** Refused with 2, and no folder was made. */
async function refused(args: readonly string[], said: RegExp): Promise<void> {
  const { code, out, err } = await ssmd(args, { root });
  assert.match(err, said, args.join(' '));
  assert.equal(code, 2, err);
  assert.equal(out, '');
  assert.deepEqual(await readdir(root), []);
}

describe('an environment without a file is refused by', () => {
  const commands = [
    ['up'],
    ['down'],
    ['doctor'],
    ['connector', '--feed', 'kraken', '--shard', 'tier1'],
    ['import', 'book.jsonl', '--feed', 'kraken'],
    ['simulate', 'serve', '--feed', 'kraken'],
    ['simulate', 'day', '--feed', 'kraken'],
    ['sub'],
    ['dataset', 'list'],
    ['dataset', 'show', '--feed', 'kraken', '--date', '2026-01-01'],
    ['worker'],
    ['job', 'list'],
    ['job', 'status', 'audit'],
  ];
  for (const command of commands) {
    test(command.slice(0, 2).join(' '), async () => {
      const said =
        /no file \S+environments\/dmo\.yaml; there are demo, demo-live, dev; did you mean "demo"\?/;
      await refused([...command, '--env', 'dmo'], said);
    });
  }

  test('SSMD_ENV as well, which is no less a choice', async () => {
    const commands = [['job', 'list'], ['up'], ['down'], ['doctor'], ['sub']];
    for (const command of commands) {
      const { code, err } = await ssmd(command, { root, env: { SSMD_ENV: 'dmo' } });
      assert.equal(code, 2, command.join(' '));
      assert.match(err, /environment "dmo" not found/);
    }
    assert.deepEqual(await readdir(root), []);
  });

  test('and what is no name at all is told what one is', async () => {
    await refused(['up', '--env', 'No Such'], /'No Such' is not the name of an environment/);
  });
});

describe('a word that is no command', () => {
  test('is refused with a suggestion, also with --help', async () => {
    for (const help of [[], ['--help'], ['-h']]) {
      await refused(['datset', ...help], /unknown command 'datset'; did you mean dataset\?/);
      await refused(
        ['archve', ...help],
        /unknown command 'archve'; jobs \(archive-tier, .*ssmd job --help/,
      );
      await refused(['frobnicate', ...help], /unknown command 'frobnicate'; there are demo, /);
      await refused(['job', 'lst', ...help], /unknown command 'lst' of job; did you mean list\?/);
    }
  });

  test('is an object with --json', async () => {
    const { code, out } = await ssmd(['datset', '--json']);
    assert.equal(code, 2);
    const { error } = JSON.parse(out) as { error: { code: string } };
    assert.equal(error.code, 'SSMD_INVALID_INPUT');
  });

  test('every page of help fits a terminal, but for whole commands to copy', () => {
    const said: string[] = [];
    const stream = { write: (text: string) => said.push(text) };
    const output = createOutput({ stdout: stream, stderr: stream, env: {} });
    const interrupted = new AbortController().signal;
    const show = (command: Command): void => {
      command.outputHelp();
      command.commands.forEach(show);
    };
    show(buildProgram({ root, env: {}, output, interrupted }));
    const lines = said.join('').split('\n');
    assert.ok(lines.length > 500);
    const wide = lines.filter((it) => it.length > 80 && !it.startsWith('  npx ssmd'));
    assert.deepEqual(wide, []);
  });

  test('help is taken as it is spelt elsewhere', async () => {
    const { out } = await ssmd(['help']);
    assert.match(out, /Start here:/);
    const wide = out.split('\n').filter((line) => line.length > 80);
    assert.deepEqual(wide, [], 'the first page fits a terminal');
    assert.match((await ssmd(['help', 'job', 'list'])).out, /Usage: ssmd job list/);
    assert.equal((await ssmd(['help', 'jb'])).code, 2);
  });
});

test('a taken port is told with who has it and what to do, not with a trace', async () => {
  const server = createServer();
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  const { port } = server.address() as AddressInfo;
  const taken = new RegExp(
    `port ${port} of 127\\.0\\.0\\.1 is taken by .*; choose another with --port \\(0 takes a free one\\)`,
  );
  try {
    const args = ['simulate', 'serve', '--feed', 'kraken', '--port', String(port)];
    const { code, err } = await ssmd(args, { root });
    assert.equal(code, 3, err);
    assert.match(err, taken);
    assert.match(err, /\[SSMD_UNAVAILABLE\]/);
    assert.doesNotMatch(err, /\n\s+at /);
    if (process.platform === 'linux') assert.match(err, new RegExp(`\\(process ${process.pid}\\)`));
    const source = { status: () => ({}), metrics: () => Promise.resolve(''), ready: () => true };
    const thrown = await openStatusServer(source, { port }).catch((error: unknown) => error);
    const error = await explainListenError(thrown);
    assert.ok(error instanceof SsmdError && error.code === 'SSMD_UNAVAILABLE');
    assert.match(error.message, taken);
  } finally {
    server.close();
  }
});

test('an error that is none of a listener stays what it is', async () => {
  const bug = new TypeError('oops');
  assert.equal(await explainListenError(bug), bug);
});

describe('faults of options', () => {
  const cases: readonly [string, readonly RegExp[]][] = [
    ['dataset show', [/--feed: is needed/, /--date: is needed/]],
    ['dataset show --date x', [/--feed: is needed/, /--date: 'x' is not a day/]],
    [
      'simulate day --rate x --seed y --feed krakn',
      [/--rate: .*'x'/, /--seed: .*'y'/, /--feed: .*did you mean "kraken"/],
    ],
    ['up --env dmo --only z', [/--env: environment "dmo" not found/, /--only: unknown: z/]],
    ['demo --rate 0 --seconds y', [/--rate: .*'0'/, /--seconds: .*'y'/]],
    ['replay speed one 0 --env dmo', [/--env: environment "dmo"/, /speed: expected 0\.1 .*'0'/]],
  ];
  for (const [command, said] of cases) {
    test(`are told all at once: ${command}`, async () => {
      for (const one of said) await refused(command.split(' '), one);
      await refused(command.split(' '), new RegExp(`has ${said.length} faults:`));
      await refused(command.split(' '), /npx ssmd .* --help explains them/);
    });
  }

  const judged: readonly [string, readonly RegExp[]][] = [
    [
      'reprocess run --feed kraken --parts 0 --concurrency x --promote maybe --max-changed y',
      [/--parts: 0/, /--concurrency: "x"/, /--promote: "maybe"/, /--max-changed: "y"/],
    ],
    ['cleanup --keep-versions x --older-than y', [/--keep-versions: "x"/, /--older-than: "y"/]],
    ['replay start --feed krakn --speed fast', [/--feed: "krakn"/, /--speed: "fast" is no speed/]],
    [
      'dataset rollback --feed kraken --revision abc --by me',
      [/--revision: "abc"/, /--reason: is missing/],
    ],
  ];
  for (const [command, said] of judged) {
    test(`are told beside those of the job's own fields: ${command}`, async () => {
      const args = [...command.split(' '), '--env', 'dev'];
      for (const one of said) await refused(args, one);
      await refused(args, new RegExp(`has ${said.length} faults:`));
    });
  }

  test('bear no label of their own with --json', async () => {
    for (const command of ['job list --bogus --json', 'dataset show --json']) {
      const { code, out } = await ssmd(command.split(' '), { root });
      assert.equal(code, 2);
      const { error } = JSON.parse(out) as { error: { message: string } };
      assert.doesNotMatch(error.message, /^error/);
    }
  });

  test('of one word show an example of that command', async () => {
    await refused(
      ['dataset', 'list', '--feed', 'nope', '--env', 'dev'],
      /A valid example: npx ssmd dataset list /,
    );
  });
});

describe('what is captured bears the origin of its venue', () => {
  const connector = ['connector', '--feed', 'kraken', '--shard', 'tier1'];

  test('a simulated venue says so, and is kept out of live data', async () => {
    const simulator = await startSimulator({ feed: 'kraken', symbols: ['BTC/USD'] });
    try {
      await refused(
        [...connector, '--env', 'dev', '--url', simulator.url],
        /--url: a simulated venue is there, and environment dev holds live data.*--env demo/,
      );
    } finally {
      await simulator.stop();
    }
  });

  test('the real venue is kept out of simulated data', async () => {
    await refused([...connector, '--env', 'demo'], /--url: is needed: .* of simulated venues/);
  });

  test('simulate serve prints the command that captures it', async () => {
    const serve = ['simulate', 'serve', '--feed', 'binance-usdm', '--env', 'demo'];
    const { code, out, err } = await ssmd(serve, { root, interrupted: AbortSignal.abort() });
    assert.equal(code, 0, err);
    const url = out.trim();
    assert.match(url, /^ws:\/\/127\.0\.0\.1:\d+/);
    const printed = err.replaceAll(/ \\\n +/g, ' ');
    const line = `npx ssmd connector --feed binance-usdm --shard tier1 --env demo --url ${url}\n`;
    assert.ok(printed.includes(line), err);
  });
});

test('a folder without a segment is no log that could be well', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'ssmd-empty-'));
  try {
    for (const word of ['show', 'verify', 'stats']) {
      await refused(['log', word, empty], /no segment in .*: nothing to read/);
    }
  } finally {
    await rm(empty, { recursive: true });
  }
});
