/** Wrong command lines of the commands that compare: every fault at once, exit code 2, nothing started. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { admit } from '../../activities/admission.ts';
import { parseIso, unixNs } from '../../schema/time.ts';
import { ssmd } from '../support/command-line.ts';

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'ssmd-compare-'));
});
after(() => rm(root, { recursive: true, force: true }));

async function refused(args: readonly string[], ...said: readonly RegExp[]): Promise<void> {
  const { code, out, err } = await ssmd(args, { root, env: { SSMD_ENV: 'dev' } });
  assert.equal(code, 2, err);
  assert.equal(out, '');
  for (const words of said) assert.match(err, words);
  assert.deepEqual(await readdir(root), []);
}

test('reprocess diff names all that is wrong', async () => {
  await refused(
    ['reprocess', 'diff', '--feed', 'krakn', '--date', '2026-02-30', '--old', '1'],
    /has 4 faults/,
    /--feed: .*did you mean "kraken"\?/,
    /--date: '2026-02-30' is not a day/,
    /--old: '1' is no version/,
    /--new: is needed/,
  );
});

test('env compare names all that is wrong', async () => {
  await refused(
    [
      ...['env', 'compare', '--baseline', 'demo', '--candidate', 'dev', '--feed', 'kraken'],
      ...['--candidate-version', 'newest', '--output', 'report.txt'],
    ],
    /has 3 faults/,
    /--date: is needed/,
    /--candidate-version: 'newest' is no version/,
    /--output: 'report\.txt' does not end in \.json/,
  );
});

test('compare is judged as its job judges', async () => {
  await refused(
    ['compare', '--feed', 'krakn', '--date', '2026-02-30', '--left', '1'],
    /has 4 faults/,
    /--feed: "krakn" is not a feed of this environment/,
    /--date: "2026-02-30" is not a day/,
    /--left: "1" is no version/,
    /--right: is missing/,
  );
});

test('a version is not compared with itself', () => {
  const now = parseIso('2026-11-22T06:00:00Z') ?? unixNs(0n);
  const known = { feeds: ['kraken'], shards: [], now };
  const input = { feed: 'kraken', left: 'v2', right: 'v2' };
  const { refusal } = admit(known, { type: 'compare', input });
  assert.match(refusal?.message ?? '', /right: both sides are "v2"/);
  assert.match(refusal?.message ?? '', /"left":"current","right":"v2"/);
  const other = admit(known, { type: 'compare', input: { ...input, left: 'current' } });
  assert.equal(other.refusal, null);
});
