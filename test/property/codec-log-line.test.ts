/** Log lines: what is written is read back to the byte, whatever the frame; a cut never lies. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBase64, encodeBase64, base64Length } from '../../codec/base64.ts';
import {
  encodeCaptureLine,
  encodeEndLine,
  encodeFactLine,
  encodeFrameLine,
  LineBuffer,
} from '../../codec/line-buffer.ts';
import { factOf, LineCursor, LogLine, parseLogLine, sliceLogLine } from '../../codec/log-line.ts';
import { checkSegment } from '../../codec/segment-check.ts';
import { hold } from '../support/property.ts';
import { sampleCapture } from '../support/log.ts';

const utf8 = new TextEncoder();
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const jsonFrame = fc.json().map((text) => utf8.encode(text));
const spacedFrame = fc
  .tuple(fc.jsonValue(), fc.constantFrom(' ', '\t', '  '))
  .map(([value, space]) => utf8.encode(`${space}${JSON.stringify(value)}${space}`));
const textFrame = fc.string({ unit: 'binary' }).map((text) => utf8.encode(text.toWellFormed()));
const binaryFrame = fc.uint8Array({ maxLength: 64 });
const frame = fc.oneof(jsonFrame, spacedFrame, textFrame, binaryFrame);
const instant = fc.bigInt({ min: 0n, max: 9_999_999_999_999_999_999n });
const connection = fc.integer({ min: 0, max: 0xffff_ffff });

test('a frame comes back to the byte, in the form its bytes demand', () => {
  hold(
    fc.property(frame, instant, connection, fc.nat(5), (bytes, t, c, margin) => {
      const padded = new Uint8Array(bytes.length + margin * 2).fill(0x7d);
      padded.set(bytes, margin);
      const out = new LineBuffer(8);
      const form = encodeFrameLine(out, t, c, padded, margin, margin + bytes.length);
      const written = out.view();
      assert.equal(written.indexOf(10), written.length - 1, 'one line');
      for (const read of [parseLogLine, sliceLogLine]) {
        const line = new LogLine();
        assert.ok(read(written, 0, written.length - 1, line), line.reason);
        assert.equal(line.kind, 'frame');
        assert.equal(line.t, t);
        assert.equal(line.c, c);
        assert.equal(line.form, form);
        assert.deepEqual(line.bytes.slice(line.from, line.to), Uint8Array.from(bytes));
        assert.notEqual(line.bytes[line.to], undefined, 'one byte past the frame is readable');
      }
      const parsed = JSON.parse(new TextDecoder().decode(written)) as Record<string, unknown>;
      assert.equal(parsed['t'], t.toString(), 'the line is JSON to anyone');
    }),
    500,
  );
});

test('a line spelled otherwise means the same', () => {
  hold(
    fc.property(fc.json(), instant, connection, fc.boolean(), (json, t, c, swap) => {
      const pairs = [`"t" : "${t}"`, `"c": ${c}`, `"raw":\t${json}`];
      if (swap) pairs.reverse();
      const bytes = utf8.encode(` { ${pairs.join(' , ')} }\n`);
      const line = new LogLine();
      assert.ok(parseLogLine(bytes, 0, bytes.length - 1, line), line.reason);
      assert.deepEqual([line.kind, line.t, line.c], ['frame', t, c]);
      assert.equal(new TextDecoder().decode(line.bytes.subarray(line.from, line.to)), json);
    }),
  );
});

test('base64 is the standard one, and has one spelling', () => {
  hold(
    fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      const out = new Uint8Array(base64Length(bytes.length));
      assert.equal(encodeBase64(bytes, 0, bytes.length, out, 0), out.length);
      assert.equal(Buffer.from(out).toString('latin1'), Buffer.from(bytes).toString('base64'));
      const back = new Uint8Array(64);
      assert.equal(decodeBase64(out, 0, out.length, back), bytes.length);
      assert.deepEqual(back.slice(0, bytes.length), bytes);
    }),
  );
  hold(
    fc.property(fc.string({ unit: fc.constantFrom('A', 'B', 'z', '/', '=', '-', '9') }), (text) => {
      const bytes = Buffer.from(text, 'latin1');
      const back = new Uint8Array(64);
      const length = bytes.length > 64 ? -1 : decodeBase64(bytes, 0, bytes.length, back);
      if (length < 0) return;
      assert.equal(Buffer.from(back.subarray(0, length)).toString('base64'), text);
    }),
    1000,
  );
});

/** A whole segment and where each of its lines ends. */
function segment(frames: readonly Uint8Array[]): { bytes: Uint8Array; ends: number[] } {
  const out = new LineBuffer();
  const ends: number[] = [];
  encodeCaptureLine(out, sampleCapture);
  ends.push(out.used);
  encodeFactLine(out, 1n, '_open', { c: 1, url: 'wss://venue/v2', day: '2026-11-20' });
  ends.push(out.used);
  frames.forEach((bytes, index) => {
    encodeFrameLine(out, BigInt(index + 2), 1, bytes, 0, bytes.length);
    ends.push(out.used);
  });
  encodeEndLine(out, {
    lines: ends.length,
    bytes: out.used,
    first: '1',
    last: String(frames.length + 1),
    sha256: sha256(out.view()),
  });
  return { bytes: out.bytes.slice(0, out.used), ends };
}

test('a segment cut at any byte yields its whole lines and says what is missing', () => {
  hold(
    fc.property(fc.array(frame, { maxLength: 4 }), (frames) => {
      const { bytes, ends } = segment(frames);
      for (let cut = 0; cut < bytes.length; cut++) {
        const check = checkSegment(bytes.subarray(0, cut), sha256);
        const whole = ends.filter((end) => end <= cut);
        assert.equal(check.good_bytes, whole.at(-1) ?? 0);
        assert.equal(check.good_lines, whole.length);
        assert.equal(check.fault?.kind, 'cut');
        assert.equal(check.lost_bytes, cut - check.good_bytes);
        assert.equal(check.last, whole.length < 2 ? null : BigInt(whole.length - 1));
      }
      const check = checkSegment(bytes, sha256);
      assert.equal(check.fault, null);
      assert.equal(check.lost_bytes, 0);
      assert.equal(check.good_lines, ends.length);
    }),
    20,
  );
});

test('a segment with any byte changed is never called proven', () => {
  hold(
    fc.property(
      fc.array(frame, { minLength: 1, maxLength: 3 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (frames, where, change) => {
        const { bytes } = segment(frames);
        const at = where % bytes.length;
        bytes[at] = (bytes[at] as number) ^ change;
        const check = checkSegment(bytes, sha256);
        assert.notEqual(check.fault, null);
        assert.ok(check.good_bytes <= bytes.length);
      },
    ),
    500,
  );
});

test('garbage is judged, not thrown at', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc
      .constantFrom('{"t":"', '1', '","c":', ',"raw":', '}', '\n', '{"_end":', '"', '{}')
      .map((x) => utf8.encode(x)),
  );
  hold(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      const bytes = Uint8Array.from(pieces.flatMap((bytes) => [...bytes]));
      checkSegment(bytes, sha256);
      const line = new LogLine();
      const cursor = new LineCursor(bytes);
      while (cursor.next()) {
        const valid = parseLogLine(bytes, cursor.start, cursor.end, line);
        assert.equal(valid, line.kind !== 'invalid');
        if (!valid) assert.ok(line.reason !== '');
      }
      assert.equal(factOf(line, '_open'), null);
    }),
    1000,
  );
});
