import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { packObject, unpackObject } from '../../dataset/object-codec.ts';
import type { Lineage } from '../../dataset/object-codec.ts';
import { zstd } from '../../storage/zstd.ts';

const lineage: Lineage = {
  schema_version: 'md2',
  processor: 'daily-archive',
  processor_version: '0.1.0',
  processor_commit: 'abc',
  processor_build: 'dev',
  source: 'raw',
  message_count: 3,
  time_range: { start: '1', end: '2' },
  inputs: ['raw/kraken/x'],
};
const plain = new TextEncoder().encode('a stream of messages '.repeat(1000));

test('what is packed is what is unpacked, with its lineage', () => {
  const packed = packObject(plain, lineage, zstd);
  assert.ok(packed.length < plain.length);
  assert.deepEqual(unpackObject(packed, zstd, 'x'), { plain, lineage });
});

test("Node's own zstd reads the stream and stops before the footer", () => {
  const packed = packObject(plain, lineage, zstd);
  assert.deepEqual(new Uint8Array(zstdDecompressSync(packed)), plain);
});

test('the zstd tool reads the stream and skips the footer', (t) => {
  const packed = packObject(plain, lineage, zstd);
  try {
    execFileSync('zstd', ['--version'], { stdio: 'ignore' });
  } catch {
    t.skip('no zstd on the PATH');
    return;
  }
  const read = execFileSync('zstd', ['-dc'], { input: packed, maxBuffer: 1e8 });
  assert.deepEqual(new Uint8Array(read), plain);
});

test('a cut or changed object is corrupt, never something else', () => {
  const packed = packObject(plain, lineage, zstd);
  const corrupt = { code: 'SSMD_CORRUPT', message: /object the-key cannot be read/ };
  for (const bytes of [0, 1, 15, 16, 40, packed.length - 1]) {
    assert.throws(() => unpackObject(packed.subarray(0, bytes), zstd, 'the-key'), corrupt);
  }
  for (let at = 0; at < packed.length; at++) {
    const changed = packed.slice();
    changed[at] = (changed[at] as number) ^ 0x40;
    let read: Uint8Array;
    try {
      read = unpackObject(changed, zstd, 'the-key').plain;
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'SSMD_CORRUPT');
      continue;
    }
    // Only the lineage may have changed: the stream is proven by its frame's checksum.
    assert.deepEqual(read, plain, `byte ${at}`);
  }
});
