/** The pages and the code say the same: codes, keys, names, numbers of the things there are. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { FINDING_KINDS } from '../../activities/audit-report.ts';
import { exitCodeOf } from '../../cli/output.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { FAULT_KINDS } from '../../connectors/simulator/faults.ts';
import { GAP_CAUSES } from '../../dataset/manifest.ts';
import { feedsOf, readEnvironment } from '../../environments/env.ts';
import { environmentSchema } from '../../environments/schema.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { ErrorCode } from '../../schema/errors.ts';
import { METRICS } from '../../schema/metrics.ts';
import { TOOLS } from '../../stack/tools.ts';
import { PAGES, beyond, codeWords, firstCells, section } from '../support/documents.ts';
import { projectFiles, projectRoot, readProjectFile } from '../support/project.ts';

const README = readProjectFile('README.md');
const OPERATING = readProjectFile('docs/operating.md');
const FAULTS = readProjectFile('docs/faults.md');
const ERRORS = readProjectFile('docs/errors.md');

const sources = projectFiles().filter(
  (path) => /\.(ts|mjs|js)$/.test(path) && !/^(test|scripts|docs)\//.test(path),
);
const code = sources.map(readProjectFile).join('\n');

/** All that `pattern` finds, its first group where it has one. */
function found(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[0]);
}

/** The two name the same things. */
function assertSame(page: Iterable<string>, there: Iterable<string>, what: string): void {
  const [said, known] = [[...page], [...there]];
  assert.ok(known.length > 0, `${what}: nothing in the code`);
  assert.deepEqual(
    { not_there: beyond(said, known), not_said: beyond(known, said) },
    { not_there: [], not_said: [] },
    what,
  );
}

const CODES = found(
  /export type ErrorCode =([^;]*);/.exec(readProjectFile('schema/errors.ts'))?.[1] ?? '',
  /'(SSMD_\w+)'/g,
);

test('every error code is on its page with its exit code', () => {
  const rows = found(ERRORS, /^\| `(SSMD_\w+)` .*$/gm);
  assertSame(rows, CODES, 'codes');
  for (const row of ERRORS.split('\n').filter((line) => line.startsWith('| `SSMD_'))) {
    const cells = row.split('|').map((cell) => cell.trim());
    const name = codeWords(cells[1] ?? '')[0] as ErrorCode;
    assert.equal(Number(cells[4]), exitCodeOf(new SsmdError(name, 'it')), name);
  }
});

test('codes and variables that pages name exist, and every variable is explained', () => {
  const named = PAGES.flatMap((page) => found(readProjectFile(page), /\bSSMD_[A-Z0-9_]+\b/g));
  const tests = projectFiles().filter((path) => /^(test|scripts)\/.*\.m?ts$/.test(path));
  const used = found([code, ...tests.map(readProjectFile)].join('\n'), /\bSSMD_[A-Z0-9_]+\b/g);
  assert.deepEqual(beyond(named, used), []);
  const read = found(code, /(?:env|variables)\[?'?\.?\[?'((?:SSMD|AWS|TEMPORAL|SHARD)_\w+)'/g);
  const binaries = Object.values(TOOLS).map(({ variable }) => variable);
  const wanted = [...read, ...binaries];
  assert.ok(wanted.includes('SSMD_NATS_URL') && wanted.includes('SHARD_ID'), wanted.join(', '));
  const explained = codeWords(section(OPERATING, '## Variables'));
  assert.deepEqual(beyond(wanted, explained), []);
});

type Schema = {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly propertyNames?: unknown;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
};

/** Paths of a schema's leaves; `*` stands for a name somebody chooses. */
function leaves(schema: Schema, path: string): string[] {
  const of = (name: string, child: Schema): string[] =>
    leaves(child, path === '' ? name : `${path}.${name}`);
  if (schema.type === 'array') return leaves(schema.items ?? {}, path);
  if (schema.type !== 'object') return [path];
  const chosen = schema.propertyNames === undefined ? undefined : schema.additionalProperties;
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, child]) => of(name, child)),
    ...(typeof chosen === 'object' ? of('*', chosen) : []),
  ];
}

test('every key of an environment is explained, and no other', () => {
  const schema = z.toJSONSchema(environmentSchema, { io: 'input', unrepresentable: 'any' });
  const keys = leaves(schema as Schema, '');
  assert.ok(keys.includes('spec.feeds.*.book_depth'), keys.join(' '));
  assertSame(firstCells(OPERATING, '| key |'), keys, 'keys');
});

test('the channels and depths of each feed are those it has', () => {
  const text = section(OPERATING, '## Environments');
  for (const [id, { protocol }] of FEEDS) {
    const [entry = ''] = found(text, new RegExp(`^- \`${id}\`:(?:.*\\n)(?:  .*\\n)*`, 'gm'));
    assert.notEqual(entry, '', `${id} is not listed`);
    assert.deepEqual(beyond(protocol.channels, codeWords(entry)), [], id);
    assert.deepEqual(beyond(protocol.book_depths.map(String), found(entry, /\b\d+\b/g)), [], id);
    assert.ok(README.includes(`| \`${id}\``), `${id} is not in the README's table`);
  }
});

test('metrics and states are those a connector has', () => {
  const counters = readProjectFile('connectors/runtime/counters.ts');
  const metrics = found(counters, /'(ssmd_\w+)'/g);
  assertSame(firstCells(OPERATING, '| metric |'), metrics, 'metrics');
  const watch = readProjectFile('connectors/runtime/clock-watch.ts');
  const clock = found(watch, /'(ssmd_\w+)'/g);
  assertSame(firstCells(readProjectFile('docs/clocks.md'), '| metric |'), clock, 'clock metrics');
  const named = PAGES.flatMap((page) => found(readProjectFile(page), /\bssmd_[a-z_]+/g));
  const printed = found(readProjectFile('cli/clock/print.ts'), /'(ssmd_\w+)'/g);
  const collected = found(readProjectFile('connectors/collector/metrics.ts'), /'(ssmd_\w+)'/g);
  const checks = found(readProjectFile('workers/qa-metrics.ts'), /'(ssmd_\w+)'/g);
  const asked = [...metrics, ...clock, ...collected, ...checks].filter(
    (it) => it !== 'ssmd_collector_',
  );
  assert.deepEqual(beyond(named, [...asked, ...printed, 'ssmd_collector_']), []);
  assertSame(Object.keys(METRICS), asked, 'what alerts may ask for');
  const states = found(
    /export type ConnectorState =([^;]*);/.exec(
      readProjectFile('connectors/runtime/state.ts'),
    )?.[1] ?? '',
    /'(\w+)'/g,
  );
  assertSame(firstCells(OPERATING, '| state |'), states, 'states');
});

test('alarms, findings, causes of gaps and faults are those there are', () => {
  const logged = /readonly _alarm: \{\s*readonly kind:\s*([^;]*);/.exec(
    readProjectFile('schema/log.ts'),
  );
  const own = /export type Alarm =[^|]*([^;]*);/.exec(
    readProjectFile('connectors/runtime/session-deps.ts'),
  );
  const alarms = found(`${logged?.[1]} ${own?.[1]}`, /'([a-z]\w+)'/g);
  assertSame(firstCells(OPERATING, '| kind |'), alarms, 'alarms');
  assertSame(firstCells(OPERATING, '| finding |'), FINDING_KINDS, 'findings');
  const causes = /causes: ([^.]*)\./.exec(section(FAULTS, '## Processes'))?.[1] ?? '';
  assertSame(codeWords(causes), GAP_CAUSES, 'causes');
  const faults = codeWords(FAULTS.slice(0, FAULTS.indexOf('\n## ')));
  assert.deepEqual(beyond(FAULT_KINDS, faults), []);
});

test('limits and log events that pages name exist', () => {
  const limits = found(
    section(OPERATING, '## Limits'),
    /`([A-Z][A-Z_]+_[A-Z]+|[a-z_]+_(?:max|ms|second|messages))`/g,
  );
  assert.ok(limits.length >= 20, limits.join(', '));
  const there = found(code, /\b[A-Za-z_][A-Za-z0-9_]*\b/g);
  assert.deepEqual(beyond(limits, there), []);
  const events = PAGES.flatMap((page) =>
    codeWords(readProjectFile(page)).filter((word) => /^(publisher|alarm)\.[a-z_]+$/.test(word)),
  );
  assert.ok(events.length > 0);
  assert.deepEqual(
    events.filter((event) => !code.includes(`'${event}'`)),
    [],
  );
});

test('checks of the shipped suites that pages name exist', () => {
  const suites = [...FEEDS.keys()].map((feed) => readProjectFile(`qa/${feed}.yaml`)).join('\n');
  const checks = found(suites, /- name: ([a-z-]+)/g);
  const named = found(FAULTS, /QA `([a-z-]+)`/g);
  assert.ok(named.length > 3);
  assert.deepEqual(beyond(named, checks), []);
});

/** Files of the project that a page names, without placeholders such as `qa/FEED.yaml`. */
function filesNamed(markdown: string): string[] {
  return codeWords(markdown).filter(
    (word) =>
      /^[\w.-]+(\/[\w.-]+)+\.(ts|mjs|yaml|md|capnp|json)$/.test(word) &&
      !/[A-Z]{2,}/.test(word) &&
      !/^(normalized|raw|\.ssmd)\//.test(word),
  );
}

test('files that pages name are there', () => {
  const missing = PAGES.flatMap((page) =>
    filesNamed(readProjectFile(page))
      .filter((path) => !existsSync(join(projectRoot, path)))
      .map((path) => `${page}: ${path}`),
  );
  assert.deepEqual(missing, []);
  assert.deepEqual(filesNamed('`qa/none.ts`, `qa/FEED.yaml`, `raw/x/y.json`'), ['qa/none.ts']);
});

/** The feeds that `environments/demo.yaml` captures. */
function demoFeeds(): string[] {
  const known = [...FEEDS.values()].map(({ id, protocol }) => ({ id, ...protocol }));
  return feedsOf(readEnvironment('demo.yaml', readProjectFile('environments/demo.yaml'), known));
}

test('the picture in the README is of a demo that held', () => {
  assert.match(README, /!\[[^\]]+\]\(docs\/demo\.svg\)/);
  const picture = readProjectFile('docs/demo.svg');
  assert.match(picture, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  for (const words of [...demoFeeds(), 'all of it held', 'audit', 'READY']) {
    assert.ok(picture.includes(words), words);
  }
});

test('a name that is not there would be found', () => {
  assert.throws(() => assertSame(['a', 'b'], ['b', 'c'], 'x'), /not_there/);
  assert.deepEqual(firstCells('| key | x |\n| - | - |\n| `a`, `b` | `c` |\n\n`d`', '| key |'), [
    'a',
    'b',
  ]);
  assert.equal(section('# A\n## B\nb\n### C\nc\n## D\nd', '## B'), 'b\n### C\nc');
  assert.deepEqual(beyond(['x', 'y', 'x'], ['y']), ['x']);
});
