/** What the command line prints: numbers in words, errors, exit codes, colours only where wanted. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { CommanderError } from 'commander';
import { formatBytes, formatCount, formatDuration } from '../../cli/format.ts';
import { createOutput, exitCodeOf, printError } from '../../cli/output.ts';
import type { Output } from '../../cli/output.ts';
import { SsmdError, invalidInput } from '../../schema/errors.ts';

type Captured = { readonly output: Output; readonly out: string[]; readonly err: string[] };

function capture(env: Record<string, string> = {}, isTTY = false): Captured {
  const out: string[] = [];
  const err: string[] = [];
  const stdout = { isTTY, write: (text: string) => out.push(text) };
  const stderr = { isTTY, write: (text: string) => err.push(text) };
  return { output: createOutput({ stdout, stderr, env }), out, err };
}

test('counts, sizes and times are written for people', () => {
  assert.equal(formatCount(1_234_567), '1,234,567');
  assert.equal(formatCount(12n), '12');
  assert.equal(formatBytes(999), '999 B');
  assert.equal(formatBytes(4_194_304), '4.19 MB');
  assert.equal(formatBytes(12_345_678_901), '12.3 GB');
  assert.equal(formatDuration(850), '850 ms');
  assert.equal(formatDuration(12_340), '12.3 s');
  assert.equal(formatDuration(245_000), '4 min 05 s');
});

test('exit codes: 2 input, 3 machine or server, 130 stopped, 1 the rest', () => {
  assert.equal(exitCodeOf(invalidInput('x', [])), 2);
  assert.equal(exitCodeOf(new SsmdError('SSMD_INVALID_CONFIG', 'x')), 2);
  assert.equal(exitCodeOf(new SsmdError('SSMD_DAY_NOT_OVER', 'x')), 2);
  assert.equal(exitCodeOf(new CommanderError(1, 'commander.unknownOption', 'x')), 2);
  assert.equal(exitCodeOf(new CommanderError(0, 'commander.helpDisplayed', 'x')), 0);
  assert.equal(exitCodeOf(new SsmdError('SSMD_UNAVAILABLE', 'x')), 3);
  assert.equal(exitCodeOf(new SsmdError('SSMD_TOOL_MISSING', 'x')), 3);
  assert.equal(exitCodeOf(new SsmdError('SSMD_INTERRUPTED', 'x')), 130);
  assert.equal(exitCodeOf(new SsmdError('SSMD_CORRUPT', 'x')), 1);
  assert.equal(exitCodeOf(new Error('x')), 1);
});

test('an error says its message and code; a bug shows where', () => {
  const { output, err } = capture();
  printError(new SsmdError('SSMD_UNAVAILABLE', 'nats is away'), output, false);
  assert.deepEqual(err, ['error: nats is away [SSMD_UNAVAILABLE]\n']);
  const bug = capture();
  printError(new TypeError('oops'), bug.output, false);
  assert.match(bug.err.join(''), /TypeError: oops[\s\S]*cli-output\.test\.ts/);
});

test('with --json an error is one object on stdout', () => {
  const { output, out, err } = capture();
  printError(new SsmdError('SSMD_NOT_FOUND', 'no day', { facts: { t: 12n } }), output, true);
  assert.deepEqual(JSON.parse(out.join('')), {
    error: { code: 'SSMD_NOT_FOUND', message: 'no day', facts: { t: '12' } },
  });
  assert.deepEqual(err, []);
});

test('a table is aligned text without colour or borders where it is no terminal', () => {
  const { output, out } = capture();
  output.table(
    ['feed', 'frames'],
    [
      ['kraken', '12'],
      ['binance-usdm', '3'],
    ],
  );
  assert.equal(out.join(''), 'feed          frames\nkraken        12\nbinance-usdm  3\n');
});

test('colour needs a terminal and no NO_COLOR', () => {
  assert.ok(capture({}, true).output.color.isColorSupported);
  assert.ok(!capture({ NO_COLOR: '1' }, true).output.color.isColorSupported);
  assert.ok(!capture({}, false).output.color.isColorSupported);
});

test('progress without a terminal ends with its line and nothing else when it was quick', () => {
  const { output, err } = capture();
  const progress = output.progress({ label: 'archive', total: 10, unit: 'objects' });
  for (let done = 0; done <= 10; done += 1) progress.update(done);
  progress.end('archived 10 objects');
  assert.deepEqual(err, ['archived 10 objects\n']);
});
