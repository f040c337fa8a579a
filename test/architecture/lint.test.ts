/** The lint rules bite: each sample, put in place of a real file, is reported by the rule it breaks. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { ESLint } from 'eslint';
import { projectRoot } from '../support/project.ts';

const eslint = new ESLint({ cwd: projectRoot });

/** Rules that report a text standing at a path of the project. */
async function reported(path: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(text, { filePath: path });
  return [...new Set((result?.messages ?? []).map(({ ruleId }) => ruleId ?? 'syntax'))].toSorted();
}

const CORE = 'codec/base64.ts';

const SAMPLES: readonly (readonly [rule: string, path: string, text: string])[] = [
  ['no-restricted-properties', CORE, 'export const now = Date.now();'],
  ['no-restricted-properties', CORE, 'export const chance = Math.random();'],
  ['no-restricted-properties', 'storage/s3.ts', "export const home = process.env['HOME'];"],
  ['no-restricted-syntax', CORE, 'export const now = new Date();'],
  ['no-console', CORE, "console.log('x');\nexport {};"],
  ['eqeqeq', CORE, 'export const same = (a: number, b: number): boolean => a == b;'],
  ['max-lines', CORE, `export {};\n${'// line\n'.repeat(400)}`],
  [
    'ssmd/own-lines',
    CORE,
    `export function long(a: number[]): void {\n${'a.push(1);\n'.repeat(70)}}`,
  ],
  ['@typescript-eslint/no-explicit-any', CORE, 'export const a: any = 1;'],
  [
    '@typescript-eslint/no-non-null-assertion',
    CORE,
    'export const f = (a?: number): number => a!;',
  ],
  ['@typescript-eslint/explicit-module-boundary-types', CORE, 'export const f = () => 1;'],
  [
    '@typescript-eslint/consistent-type-imports',
    CORE,
    "import { SsmdError } from '../schema/errors.ts';\nexport type E = SsmdError;",
  ],
  [
    '@typescript-eslint/no-floating-promises',
    CORE,
    'export function f(p: Promise<void>): void {\n  p;\n}',
  ],
  [
    '@typescript-eslint/switch-exhaustiveness-check',
    CORE,
    "export function f(a: 'x' | 'y'): void {\n  switch (a) {\n    case 'x':\n      return;\n  }\n}",
  ],
  [
    '@typescript-eslint/no-restricted-imports',
    'workflows/proxies.ts',
    "import { createQaActivities } from '../activities/qa.ts';\nexport const a = createQaActivities;",
  ],
];

test('each rule reports its sample', async () => {
  for (const [rule, path, text] of SAMPLES) {
    const rules = await reported(path, text);
    assert.ok(
      rules.includes(rule),
      `${rule} on ${text.slice(0, 60)}: reported ${rules.join(', ')}`,
    );
  }
});

test('a factory is counted without the functions inside it, and edges may use the clock', async () => {
  const inner = Array.from(
    { length: 5 },
    (_, at) =>
      `  function part${at}(): void {\n${'    a.push(1);\n'.repeat(30)}  }\n  part${at}();\n`,
  );
  const factory = `export function create(a: number[]): void {\n${inner.join('')}}`;
  assert.deepEqual(await reported(CORE, factory), []);
  const inPlace = `export function f(a: number[]): void {\n  a.forEach((b) => {\n${'    a.push(b);\n'.repeat(70)}  });\n}`;
  assert.deepEqual(await reported(CORE, inPlace), ['ssmd/own-lines']);
  assert.deepEqual(await reported('cli/main.ts', 'export const now = Date.now();'), []);
});
