import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { CRC32_START, appendZeros, crc32, finishCrc32, updateCrc32 } from '../../books/crc32.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test('the check value of CRC-32/ISO-HDLC', () => {
  assert.equal(crc32(bytesOf('123456789')).toString(16), 'cbf43926');
  assert.equal(crc32(new Uint8Array(0)), 0);
});

test('every length and offset agrees with zlib', () => {
  const bytes = Uint8Array.from({ length: 97 }, (_, index) => (index * 151 + 7) & 255);
  for (let start = 0; start < 6; start++) {
    for (let end = start; end <= bytes.length; end++) {
      assert.equal(crc32(bytes, start, end), zlibCrc32(bytes.subarray(start, end)));
    }
  }
});

test('a sum joined from parts is the sum of the whole', () => {
  const whole = bytesOf('0123456789'.repeat(60));
  for (const cut of [0, 1, 3, 17, 63, 64, 65, 130, whole.length]) {
    const length = whole.length - cut;
    const before = updateCrc32(CRC32_START, whole, 0, cut);
    const part = updateCrc32(0, whole, cut, whole.length);
    assert.equal(finishCrc32(appendZeros(before, length) ^ part), zlibCrc32(whole), `cut ${cut}`);
  }
});
