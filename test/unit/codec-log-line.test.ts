/** Log lines, case by case: facts of every kind, and what is refused with which words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  encodeCaptureLine,
  encodeEndLine,
  encodeFactLine,
  encodeFrameLine,
  LineBuffer,
} from '../../codec/line-buffer.ts';
import { factOf, LineCursor, LogLine, parseLogLine } from '../../codec/log-line.ts';
import { checkSegment } from '../../codec/segment-check.ts';
import { FACT_KEYS } from '../../schema/log.ts';
import type { FactKey, Facts } from '../../schema/log.ts';
import { sha256 } from '../../storage/zstd.ts';
import { sampleCapture } from '../support/log.ts';

const config = {
  feed: 'kraken',
  shard: 'tier1',
  symbols: [{ symbol: 'BTCUSD', external: 'BTC/USD', depth: 'l2' as const }],
  channels: ['book'],
  book_depth: 10,
};
const samples: { readonly [K in FactKey]: Facts[K] } = {
  _open: { c: 1, url: 'wss://venue/v2', day: '2026-11-20' },
  _sent: { c: 1, text: '{"method":"subscribe"}\n' },
  _close: { c: 1, code: null, reason: '', by: 'network' },
  _drop: { c: 1, frames: 3, bytes: 99, from: '1763712000000000000', reason: 'queue full' },
  _alarm: { kind: 'no_ack', c: 1, channel: 'book', symbol: null, detail: 'no ack in 10 s' },
  _clock: { step_ns: '-1500000000', bad: true, detail: 'stepped' },
  _config: { sha256: 'a'.repeat(64), config },
  _day: { day: '2026-11-21', taken: false },
  _midnight: { day: '2026-11-21' },
  _take: { prev: { epoch: 5, t: '7' }, ids: { BTCUSD: '12' } },
};

function parse(text: string): LogLine {
  const line = new LogLine();
  const bytes = new TextEncoder().encode(`${text}\n`);
  parseLogLine(bytes, 0, bytes.length - 1, line);
  return line;
}

test('every fact is read back with its type', () => {
  for (const key of FACT_KEYS) {
    const out = new LineBuffer(8);
    encodeFactLine(out, 42n, key, samples[key]);
    const cursor = new LineCursor(out.view());
    const line = new LogLine();
    assert.ok(cursor.next());
    assert.ok(parseLogLine(cursor.bytes, cursor.start, cursor.end, line), line.reason);
    assert.deepEqual([line.kind, line.t, line.key], ['fact', 42n, key]);
    assert.deepEqual(factOf(line, key), samples[key]);
    assert.equal(cursor.next(), false);
  }
});

test('a fact with a field missing, wrong or unknown is named', () => {
  for (const key of FACT_KEYS) {
    for (const field of Object.keys(samples[key])) {
      const short: Record<string, unknown> = { ...samples[key] };
      delete short[field];
      assert.equal(
        parse(`{"t":"1","${key}":${JSON.stringify(short)}}`).reason,
        `${key}.${field} is missing`,
      );
      const wrong = { ...samples[key], [field]: [[]] };
      const line = parse(`{"t":"1","${key}":${JSON.stringify(wrong)}}`);
      assert.match(line.reason, new RegExp(`^${key}\\.${field} is not what the format defines`));
    }
    const more = parse(`{"t":"1","${key}":${JSON.stringify({ ...samples[key], extra: 1 })}}`);
    assert.equal(more.reason, `${key}.extra is unknown, written by a newer version`);
  }
});

test('a capture of this format is read, a newer one refused by its number', () => {
  const out = new LineBuffer();
  encodeCaptureLine(out, sampleCapture);
  const line = new LogLine();
  assert.ok(parseLogLine(out.bytes, 0, out.used - 1, line), line.reason);
  assert.deepEqual(line.capture, sampleCapture);
  const newer = parse(JSON.stringify({ _capture: { ...sampleCapture, format: 2, more: true } }));
  assert.match(newer.reason, /log format 2 was written by a newer version/);
});

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ['', /not one JSON object/],
  ['[]', /not one JSON object/],
  ['{}', /neither a frame nor a fact/],
  ['{"t":"1"}', /neither a frame nor a fact/],
  ['{"t":"1","c":1,"raw":{"a":1}', /not one JSON/],
  ['{"t":"1","c":1,"raw":{"a":1}}}', /not one JSON/],
  ['{"t":"1","c":1,"raw":}', /not one JSON/],
  ['{"t":"1","c":1,"raw":1,"raw":2}', /not one JSON value/],
  ['{"c":1,"t":"1","raw":1,"raw":2}', /twice/],
  ['{"c":1,"t":"1","raw":1,"text":"2"}', /exclude each other/],
  ['{"t":"1","t":"2","c":1,"raw":1}', /twice/],
  ['{"t":"01","c":1,"raw":1}', /not an instant/],
  ['{"t":"-1","c":1,"raw":1}', /not an instant/],
  ['{"t":"12345678901234567890","c":1,"raw":1}', /not an instant/],
  ['{"t":1,"c":1,"raw":1}', /not one JSON object/],
  ['{"t":"1","c":-1,"raw":1}', /connection's number/],
  ['{"t":"1","c":1.5,"raw":1}', /connection's number/],
  ['{"t":"1","c":4294967296,"raw":1}', /connection's number/],
  ['{"t":"1","raw":1}', /needs t and c/],
  ['{"c":1,"raw":1}', /needs t and c/],
  ['{"t":"1","c":1,"text":1}', /not a string/],
  ['{"t":"1","c":1,"text":"\\ud800"}', /not what the writer would write/],
  ['{"t":"1","c":1,"base64":"AA"}', /not what the writer would write/],
  ['{"t":"1","_later":{}}', /_later is not a fact this version knows: written by a newer version/],
  ['{"_open":{}}', /_open needs a t/],
  ['{"t":"1","_capture":{}}', /_capture has a t/],
  ['{"t":"1","c":1,"_open":{}}', /c without a frame/],
  ['{"_end":{"lines":1}}', /_end\.bytes is missing/],
  ['{"_end":1}', /_end is not an object/],
];

test('what is not a line of ours is refused with the reason', () => {
  for (const [text, reason] of REFUSED) {
    const line = parse(text);
    assert.equal(line.kind, 'invalid', text);
    assert.match(line.reason, reason, text);
  }
});

/** A segment of these instants, with an end that agrees with it. */
function segmentOf(...ts: readonly bigint[]): LineBuffer {
  const out = new LineBuffer();
  encodeCaptureLine(out, sampleCapture);
  for (const t of ts) encodeFactLine(out, t, '_midnight', { day: '2026-11-20' });
  const [first, last] = [`${ts[0]}`, `${ts.at(-1)}`];
  const lines = ts.length + 1;
  encodeEndLine(out, { lines, bytes: out.used, first, last, sha256: sha256(out.view()) });
  return out;
}

test('an instant that does not follow ends the use of its segment, whatever its end says', () => {
  for (const ts of [
    [5n, 6n, 6n, 7n],
    [5n, 6n, 4n, 7n],
  ]) {
    const check = checkSegment(segmentOf(...ts).view(), sha256);
    assert.deepEqual([check.fault?.kind, check.fault?.line, check.last], ['order', 4, 6n]);
  }
  assert.equal(checkSegment(segmentOf(5n, 6n, 7n).view(), sha256).fault, null);
});

test('what follows the end of a segment is no part of it', () => {
  const more = segmentOf(5n, 6n);
  encodeFactLine(more, 7n, '_midnight', { day: '2026-11-20' });
  const check = checkSegment(more.view(), sha256);
  assert.deepEqual([check.fault?.kind, check.good_lines, check.last], ['after_end', 3, 6n]);
  assert.equal(check.end?.last, '6', 'its end holds for what was before it');
});

test('JSON over several lines is text in the log, one line there, and the same bytes read back', () => {
  for (const frame of ['{"a":\n1}', '{"a":1}\n', '\r\n[]', '{"a":1}']) {
    const out = new LineBuffer();
    const bytes = new TextEncoder().encode(frame);
    const form = encodeFrameLine(out, 7n, 1, bytes, 0, bytes.length);
    assert.equal(form, /[\r\n]/.test(frame) ? 'text' : 'raw');
    const written = out.view();
    assert.equal(written.indexOf(10), written.length - 1, 'one line');
    const line = new LogLine();
    assert.ok(parseLogLine(written, 0, written.length - 1, line));
    assert.deepEqual(line.bytes.slice(line.from, line.to), bytes);
  }
});
