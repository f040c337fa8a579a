import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkSegment } from '../../codec/segment-check.ts';
import { nodeFiles, unsyncedFiles } from '../../connectors/runtime/log-files.ts';
import type { LogFiles } from '../../connectors/runtime/log-files.ts';
import { openLog } from '../../connectors/runtime/log-writer.ts';
import type { ClosedSegment } from '../../connectors/runtime/log-writer.ts';
import { repairSegment } from '../../connectors/runtime/recovery.ts';
import { sha256Hex } from '../../connectors/runtime/shipper.ts';
import { NS_PER_MINUTE, NS_PER_SECOND } from '../../schema/time.ts';
import { sampleCapture } from '../support/log.ts';
import { readSegment, scratchDirectory } from '../support/runtime.ts';

const START = 1_763_683_200_000_000_000n;
const { format: _f, segment: _s, previous_sha256: _p, ...capture } = sampleCapture;
const frame = (n: number): Uint8Array => Buffer.from(`{"channel":"trade","n":${n}}\n`);
const OF = {
  feed: capture.feed,
  shard: capture.shard,
  epoch: capture.epoch,
  origin: capture.origin,
  host: 'h',
};

/** A disk that refuses after `room` bytes, after writing what still fits. */
function smallDisk(room: { bytes: number }): LogFiles {
  return {
    ...unsyncedFiles,
    write(fd, bytes, start, end, position) {
      const fits = Math.max(0, Math.min(end - start, room.bytes));
      nodeFiles.write(fd, bytes, start, start + fits, position);
      room.bytes -= fits;
      if (fits < end - start) {
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      }
    },
  };
}

test('a segment a minute, chained by hash, whole, and nothing written for a quiet minute', (t) => {
  const dir = scratchDirectory(t);
  const log = openLog({ dir, capture: () => capture, files: unsyncedFiles });
  const closed: ClosedSegment[] = [];
  log.onSegmentClosed((segment) => closed.push(segment));
  assert.ok(log.fact(START, '_open', { c: 1, url: 'wss://x', day: '2025-11-21' }));
  for (const minute of [0n, 0n, 1n, 4n]) {
    const t = START + minute * NS_PER_MINUTE + BigInt(closed.length + 1) * NS_PER_SECOND;
    const at = log.last() >= t ? log.last() + 1n : t;
    assert.ok(log.frame(at, 1, frame(Number(minute)), 0, frame(Number(minute)).length - 1));
  }
  assert.equal(closed.length, 2);
  assert.ok(log.closeBefore(START + 5n * NS_PER_MINUTE));
  assert.equal(closed.length, 3, 'a minute that is over is closed without another line');
  let previous: string | null = null;
  for (const segment of closed) {
    const bytes = readFileSync(segment.path);
    const check = checkSegment(bytes, sha256Hex);
    assert.equal(check.fault, null);
    assert.equal(check.capture?.previous_sha256, previous);
    assert.equal(check.capture?.segment, segment.segment);
    assert.equal(sha256Hex(bytes), segment.sha256);
    assert.equal(bytes.length, segment.bytes);
    assert.equal(check.good_lines + 1, segment.lines);
    previous = segment.sha256;
  }
  assert.deepEqual(closed[0]?.connections, [{ c: 1, opened: `${START}`, closed: null, frames: 2 }]);
});

test('a full disk: the line is not there, what is there stays whole, and it goes on when space returns', (t) => {
  const dir = scratchDirectory(t);
  const room = { bytes: 1_500 };
  const log = openLog({ dir, capture: () => capture, files: smallDisk(room) });
  const closed: ClosedSegment[] = [];
  log.onSegmentClosed((segment) => closed.push(segment));
  const written: number[] = [];
  const bytes = frame(0).length - 1;
  for (let n = 0; n < 40; n++) {
    if (n === 30) room.bytes = 1e6;
    const at = START + BigInt(n) * 7n * NS_PER_SECOND;
    if (log.frame(at, 1, frame(n), 0, frame(n).length - 1)) written.push(n);
    else assert.equal(log.failure(), 'ENOSPC');
  }
  assert.ok(written.length > 5 && written.length < 40 && bytes > 0, `${written.length} lines`);
  assert.equal(log.failure(), null);
  assert.ok(log.close());
  const lines = closed.flatMap((segment) => {
    const plain = readFileSync(segment.path);
    assert.equal(checkSegment(plain, sha256Hex).fault, null);
    return readSegment(plain).lines;
  });
  const found = lines.map((line) => (line.type === 'frame' ? JSON.parse(line.frame).n : null));
  assert.deepEqual(found, written);
});

test('cut at any byte, the repair keeps every whole line, ends the segment, and is the same twice', async (t) => {
  const dir = scratchDirectory(t);
  const log = openLog({ dir, capture: () => capture, files: unsyncedFiles });
  for (let n = 0; n < 6; n++) log.frame(START + BigInt(n), 1, frame(n), 0, frame(n).length - 1);
  log.fact(START + 10n, '_close', { c: 1, code: null, reason: 'x', by: 'network' });
  log.close();
  const [name = ''] = readdirSync(dir);
  const whole = readFileSync(join(dir, name));
  const path = join(dir, 'cut');
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: whole.length }), async (cut) => {
      writeFileSync(path, whole);
      truncateSync(path, cut);
      const feeds = whole.subarray(0, cut).filter((byte) => byte === 10).length;
      const repaired = await repairSegment(path, OF);
      // The `_capture` line alone is no content.
      if (feeds < 2) return assert.equal(repaired, 'empty');
      if (typeof repaired === 'string') return assert.fail(repaired);
      const plain = readFileSync(path);
      const check = checkSegment(plain, sha256Hex);
      assert.equal(check.fault, null);
      assert.equal(readSegment(plain).lines.length, Math.min(feeds, 8) - 1);
      assert.equal(plain.length, repaired.segment.bytes);
      const again = await repairSegment(path, OF);
      if (typeof again === 'string') return assert.fail(again);
      assert.equal(again.repaired, false);
      assert.equal(again.segment.sha256, repaired.segment.sha256);
    }),
    { numRuns: 120, includeErrorInReport: true },
  );
  assert.ok(statSync(join(dir, name)).size > 0);
});

test('a segment whose _end disagrees with its content is left as it is, for readers to see', async (t) => {
  const dir = scratchDirectory(t);
  const log = openLog({ dir, capture: () => capture, files: unsyncedFiles });
  log.frame(START, 1, frame(1), 0, frame(1).length - 1);
  log.close();
  const path = join(dir, readdirSync(dir)[0] ?? '');
  const bytes = readFileSync(path);
  const at = bytes.indexOf('"n":1') + 4;
  bytes[at] = 0x39;
  writeFileSync(path, bytes);
  const found = await repairSegment(path, OF);
  if (typeof found === 'string') return assert.fail(found);
  assert.equal(found.repaired, false);
  assert.match(found.fault ?? '', /sha256/);
  assert.deepEqual(readFileSync(path), bytes);
});

test('a file that does not begin as a segment does is not ours to throw away', async (t) => {
  const path = join(scratchDirectory(t), '00000000.jsonl');
  writeFileSync(path, '{"_capture":{"format":99}}\n{"t":"1","c":1,"raw":{}}\n');
  assert.equal(await repairSegment(path, OF), 'unreadable');
  assert.ok(statSync(path).size > 0);
});
