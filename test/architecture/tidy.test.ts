/** Tidiness as tests: words that do not belong, size budgets, what may never be committed, links. */
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test from 'node:test';
import { projectFiles, projectRoot, readProjectFile } from '../support/project.ts';

type Banned = { readonly pattern: RegExp; readonly instead: string };

/** Built from halves, so that this file does not report itself. */
const word = (...parts: readonly string[]): string => parts.join('');

const BANNED_IN_CODE: readonly Banned[] = [
  {
    pattern: new RegExp(`\\b(${word('TO', 'DO')}|${word('FIX', 'ME')}|${word('HA', 'CK')})\\b`),
    instead: 'do it now, or say in docs/ what is missing',
  },
  { pattern: new RegExp(word('(//|\\*).*\\bX', 'XX\\b')), instead: 'say what is wrong' },
  { pattern: new RegExp(word('\\bas ', 'any\\b')), instead: 'unknown, and a check' },
  { pattern: new RegExp(word('@ts-', '(ignore|expect-error|nocheck)')), instead: 'mend the type' },
  { pattern: new RegExp(word('eslint-', 'disable')), instead: 'mend the code' },
];

const PLACES: readonly Banned[] = [
  { pattern: /registry\.npmjs\.org|"resolved": "https?:/, instead: 'leave the registry to npm' },
  { pattern: /(^|[\s'"`(=])\/(work|root|home)\//, instead: 'a path relative to the project' },
];

/** A breach: where it stands and what to write instead. */
function breaches(
  path: string,
  text: string,
  rules: readonly Banned[],
): { readonly where: string; readonly instead: string }[] {
  const found = [];
  for (const [at, line] of text.split('\n').entries()) {
    for (const { pattern, instead } of rules) {
      if (pattern.test(line)) found.push({ where: `${path}:${at + 1}: ${line.trim()}`, instead });
    }
  }
  return found;
}

const files = projectFiles();
const code = files.filter((path) => /\.(ts|js|mjs|cjs|mts)$/.test(path));
const text = files.filter((path) => /\.(ts|js|mjs|cjs|mts|md|ya?ml|json|capnp|sh)$/.test(path));

test('no leftover words and no switched-off checks', () => {
  const found = code.flatMap((path) => breaches(path, readProjectFile(path), BANNED_IN_CODE));
  assert.deepEqual(found, []);
});

test('no registry host and no path of one machine', () => {
  const found = text.flatMap((path) => breaches(path, readProjectFile(path), PLACES));
  assert.deepEqual(found, []);
});

test('the banned words are found where they stand', () => {
  const bad = [word('// TO', 'DO later'), word('x as ', 'any'), word('// @ts-', 'ignore'), 'fine'];
  assert.equal(breaches('a.ts', bad.join('\n'), BANNED_IN_CODE).length, 3);
  const places = [word('see /wo', 'rk/x'), word('"resolved": "ht', 'tps://r/x"'), './work/x'];
  assert.equal(breaches('a.json', places.join('\n'), PLACES).length, 2);
});

const BLOB_BYTES_MAX = 1024 * 1024;

test('no file over 1 MiB', () => {
  const large = files.filter((path) => statSync(join(projectRoot, path)).size > BLOB_BYTES_MAX);
  assert.deepEqual(large, []);
});

const FOLDERS = new Set([
  ...[
    '.ci',
    'activities',
    'alerts',
    'bench',
    'bin',
    'books',
    'bus',
    'calendars',
    'cli',
    'codec',
    'config',
  ],
  ...['connectors', 'database', 'dataset', 'deploy', 'docs', 'environments', 'fold', 'gateway'],
  ...['notify', 'qa', 'schema', 'scripts', 'secmaster', 'stack', 'storage', 'test', 'transforms'],
  ...['workers', 'workflows'],
]);

test('files stand in the folders the layout names, in kebab-case, without barrels', () => {
  const astray = files.filter(
    (path) => path.includes('/') && !FOLDERS.has(path.split('/')[0] ?? ''),
  );
  assert.deepEqual(astray, []);
  const spelled = code.filter((path) => !/^[a-z0-9.-]+$/.test(basename(path)));
  assert.deepEqual(spelled, []);
  const barrels = code.filter((path) => /(^|\/)index\.ts$/.test(path));
  assert.deepEqual(
    barrels.filter((path) => path !== 'workflows/index.ts'),
    [],
  );
});

test('every source file begins by saying what it is', () => {
  const silent = code.filter((path) => {
    if (!path.endsWith('.ts') || path.startsWith('test/')) return false;
    return !/^(#!.*\n)?\/(\*\*|\/)/.test(readProjectFile(path));
  });
  assert.deepEqual(silent, []);
});

/** Links of a Markdown text into the project: `[words](path#part)`, and `[name]: path` on a line. */
function links(markdown: string): string[] {
  const prose = markdown.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/`[^`\n]*`/g, '');
  const inline = /\]\(([^()\s]+)\)/g;
  const defined = /^\[[^\]]+\]:\s+(\S+)$/gm;
  const targets = [inline, defined].flatMap((form) =>
    [...prose.matchAll(form)].map((match) => match[1] ?? ''),
  );
  return targets.filter((target) => !/^([a-z]+:|#)/.test(target));
}

test('relative links in Markdown lead somewhere', () => {
  const broken = files
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) =>
      links(readProjectFile(path))
        .map((link) => ({ path, link, to: join(dirname(path), link.split('#')[0] ?? '') }))
        .filter(({ to }) => to.startsWith('..') || !existsSync(join(projectRoot, to))),
    )
    .map(({ path, link }) => `${path}: ${link}`);
  assert.deepEqual(broken, []);
});

test('links are found and code is not taken for one', () => {
  const page = 'See [a](docs/a.md#x), [b](https://b.example), `[c](d.md)` and [e](#f).';
  assert.deepEqual(links(page), ['docs/a.md#x']);
  assert.deepEqual(links('See [g][h].\n\n[h]: ../i.ts\n'), ['../i.ts']);
});
