/** Reading the log of a running epoch back: across segments, at a growing end, from a position. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { unsyncedFiles } from '../../connectors/runtime/log-files.ts';
import type { Log } from '../../connectors/runtime/log-writer.ts';
import { openLog, segmentFile } from '../../connectors/runtime/log-writer.ts';
import { openWal } from '../../connectors/runtime/wal-reader.ts';
import { NS_PER_MINUTE, NS_PER_SECOND } from '../../schema/time.ts';
import { sampleCapture } from '../support/log.ts';

const START = 1_795_252_500_000_000_000n - (1_795_252_500_000_000_000n % NS_PER_MINUTE);
const root = mkdtempSync(join(tmpdir(), 'ssmd-wal-'));
after(() => rmSync(root, { recursive: true, force: true }));

let next_dir = 0;
function newLog(): { readonly dir: string; readonly log: Log } {
  const dir = join(root, `${next_dir++}`);
  return { dir, log: openLog({ dir, capture: () => sampleCapture, files: unsyncedFiles }) };
}

/** A frame every ten seconds: six a segment. */
const tOf = (line: number): bigint => START + BigInt(line) * 10n * NS_PER_SECOND;
function write(log: Log, from: number, to: number): void {
  for (let line = from; line < to; line++) {
    const bytes = new TextEncoder().encode(`{"n":${line}}`);
    assert.ok(log.frame(tOf(line), 1, bytes, 0, bytes.length));
  }
}

/** The frames at or before `until`, as the numbers they hold. */
function read(wal: ReturnType<typeof openWal>, until: bigint): number[] {
  const found: number[] = [];
  for (let line = wal.next(until); line !== null; line = wal.next(until)) {
    const { n } = JSON.parse(new TextDecoder().decode(line.bytes.subarray(line.from, line.to))) as {
      n: number;
    };
    assert.equal(line.t, tOf(n));
    found.push(n);
  }
  return found;
}
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);

test('reads from any position, across segments, and never past what is asked for', () => {
  const { dir, log } = newLog();
  write(log, 0, 40);
  for (const after_line of [-1, 0, 5, 6, 17, 38]) {
    const wal = openWal(dir, tOf(after_line));
    assert.deepEqual(read(wal, tOf(20)), range(after_line + 1, 21));
    assert.deepEqual(read(wal, tOf(20)), []);
    assert.deepEqual(read(wal, tOf(39)), range(Math.max(after_line + 1, 21), 40));
    wal.close();
  }
  log.close();
});

test('follows the writer, into segments that did not exist when it began', () => {
  const { dir, log } = newLog();
  write(log, 0, 3);
  const wal = openWal(dir, tOf(1));
  assert.deepEqual(read(wal, tOf(1_000)), [2]);
  for (let line = 3; line < 30; line += 4) {
    write(log, line, line + 4);
    assert.deepEqual(read(wal, tOf(1_000)), range(line, line + 4));
  }
  log.close();
  assert.deepEqual(read(wal, tOf(1_000)), []);
  wal.close();
});

test('a line that is not whole yet is waited for', () => {
  const { dir, log } = newLog();
  write(log, 0, 3);
  log.close();
  const path = join(dir, segmentFile(0));
  const bytes = readFileSync(path);
  const third = bytes.lastIndexOf('{"t"');
  writeFileSync(path, bytes.subarray(0, third + 9));
  const wal = openWal(dir, 0n);
  assert.deepEqual(read(wal, tOf(9)), [0, 1]);
  appendFileSync(path, bytes.subarray(third + 9));
  assert.deepEqual(read(wal, tOf(9)), [2]);
  wal.close();
});

test('a frame longer than the buffer is read whole', () => {
  const { dir, log } = newLog();
  const bytes = new TextEncoder().encode(`{"n":0,"pad":"${'x'.repeat(1_000_000)}"}`);
  log.frame(tOf(0), 1, bytes, 0, bytes.length);
  write(log, 1, 3);
  const wal = openWal(dir, 0n);
  assert.deepEqual(read(wal, tOf(9)), [0, 1, 2]);
  wal.close();
  log.close();
});

test('segments that are needed and gone are an error, not a jump', () => {
  const { dir, log } = newLog();
  write(log, 0, 20);
  rmSync(join(dir, segmentFile(0)));
  assert.throws(() => openWal(dir, tOf(2)), {
    code: 'SSMD_CORRUPT',
    message: /segment 1 is the oldest/,
  });
  const wal = openWal(dir, tOf(6));
  assert.deepEqual(read(wal, tOf(9)), [7, 8, 9]);
  wal.close();
  log.close();
});
