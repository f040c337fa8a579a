/** Whatever is wrong with a segment is found: every byte flipped, every cut, every wrong neighbour. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unpackContent } from '../../cli/log/content.ts';
import { zstdFrameEnd } from '../../cli/log/zstd-frame.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import { sha256, zstd } from '../../storage/zstd.ts';
import { judge, kindsOf, verifyKeys, writeTwoSegments } from '../support/log-segments.ts';

const never = new AbortController().signal;

/** As judged when it is stored as these bytes; and the plain content that came out. */
async function judgePacked(packed: Uint8Array): Promise<{ faults: string[]; plain: Buffer }> {
  const chunks: Uint8Array[] = [];
  const content = await unpackContent(packed, {
    onChunk: (chunk) => void chunks.push(chunk.slice()),
    enough: () => false,
    signal: never,
  });
  const plain = Buffer.concat(chunks);
  const faults = kindsOf(judge(plain).faults);
  return { faults: content.fault === null ? faults : ['frame', ...faults], plain };
}

test('what the log writer wrote has nothing wrong, in chunks of any size', (t) => {
  const { plain } = writeTwoSegments(t);
  for (const chunk of [1, 7, 100, 4096]) {
    const reader = judge(plain[0], { chunk });
    assert.deepEqual(reader.faults, []);
    assert.equal(reader.sha256, sha256(plain[0]));
    assert.equal(reader.lines, reader.end === null ? 0 : reader.end.lines + 1);
    assert.equal(reader.bytes, plain[0].length);
  }
});

test('every flipped bit of the plain content is found', (t) => {
  const [plain] = writeTwoSegments(t).plain;
  for (let at = 0; at < plain.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = plain.slice();
      flipped[at] = (flipped[at] as number) ^ (1 << bit);
      assert.ok(judge(flipped).fault_count > 0, `byte ${at}, bit ${bit}`);
    }
  }
});

test('every cut is found, and says how much of a line is left', (t) => {
  const [plain] = writeTwoSegments(t).plain;
  for (let length = 0; length < plain.length; length++) {
    const { faults } = judge(plain.subarray(0, length));
    const kind = length === 0 ? 'empty' : 'cut';
    assert.equal(faults.at(-1)?.kind, kind, `cut at ${length}`);
    if (length === 0) continue;
    const whole = plain.subarray(0, length).lastIndexOf(10) + 1;
    assert.equal(faults.at(-1)?.at, whole);
    assert.match(
      faults.at(-1)?.detail ?? '',
      whole === length ? /before its end/ : /a part of a line/,
    );
  }
});

test('of a log that grows a missing end is no fault, half a line is one', (t) => {
  const [plain] = writeTwoSegments(t).plain;
  const end = plain.subarray(0, plain.length - 1).lastIndexOf(10) + 1;
  const open = judge(plain.subarray(0, end), { growing: true });
  assert.deepEqual([open.faults, open.open], [[], true]);
  const torn = judge(plain.subarray(0, end - 3), { growing: true });
  assert.deepEqual([kindsOf(torn.faults), torn.open], [['cut'], false]);
});

test('every byte flipped, cut or added in the stored file is found, or changes no content', async (t) => {
  const [plain] = writeTwoSegments(t).plain;
  const packed = zstd.compress(plain);
  assert.deepEqual(await judgePacked(packed), { faults: [], plain: Buffer.from(plain) });
  const harmless: number[] = [];
  for (let at = 0; at < packed.length; at++) {
    const flipped = packed.slice();
    flipped[at] = (flipped[at] as number) ^ (1 << ((at * 5) % 8));
    const judged = await judgePacked(flipped);
    if (judged.faults.length > 0) continue;
    assert.ok(judged.plain.equals(plain), `byte ${at}`);
    harmless.push(at);
  }
  // Bits a decoder must not read (RFC 8878 §3.1.1.1.1.3), and padding: RAW is its plain content.
  assert.ok(harmless.length <= packed.length / 100, `without effect: ${harmless.join(', ')}`);
  for (let length = 0; length < packed.length; length += 1) {
    const { faults } = await judgePacked(packed.subarray(0, length));
    assert.equal(faults[0], 'frame', `cut at ${length}`);
  }
  for (const more of [Uint8Array.of(0), packed]) {
    const { faults } = await judgePacked(Buffer.concat([packed, more]));
    assert.deepEqual(faults, ['frame'], 'a decoder stops without a word after the first frame');
  }
});

test('where a zstd frame ends is read from its blocks, whatever their number', () => {
  for (const size of [0, 1, 1000, 300_000, 3_000_000]) {
    const plain = new Uint8Array(size).map((_, at) => (at * 7919) >> (at % 5));
    const packed = zstd.compress(plain);
    assert.deepEqual(zstdFrameEnd(packed), { state: 'whole', length: packed.length });
    assert.deepEqual(zstdFrameEnd(packed.subarray(0, packed.length - 1)), { state: 'cut' });
  }
  assert.deepEqual(zstdFrameEnd(new TextEncoder().encode('hello')), { state: 'foreign' });
});

/** The text of a segment, changed, with an end that agrees with it. */
function rewritten(plain: Uint8Array, change: (text: string) => string): Uint8Array {
  const text = Buffer.from(plain).toString('latin1');
  const at = text.lastIndexOf('{"_end"');
  const content = change(text.slice(0, at));
  const end = JSON.parse(text.slice(at)) as { _end: Record<string, unknown> };
  const bytes = Buffer.from(content, 'latin1');
  const lines = content.split('\n').length - 1;
  const ts = [...content.matchAll(/^\{"t":"(\d+)"/gm)].map((match) => match[1]);
  const agreed = {
    lines,
    bytes: bytes.length,
    first: ts[0],
    last: ts.at(-1),
    sha256: sha256(bytes),
  };
  return Buffer.concat([
    bytes,
    Buffer.from(`${JSON.stringify({ _end: { ...end._end, ...agreed } })}\n`),
  ]);
}

test('each kind of fault has its name, its place, and both values', (t) => {
  const [plain] = writeTwoSegments(t).plain;
  const swap = (text: string): string => {
    const lines = text.split('\n');
    [lines[2], lines[3]] = [lines[3] ?? '', lines[2] ?? ''];
    return lines.join('\n');
  };
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ['order', rewritten(plain, swap)],
    [
      'minute',
      rewritten(plain, (text) =>
        text
          .replace('000005","c":1', '000005","c":1')
          .replace(/"t":"17636832000000000(05)"/, '"t":"17636833000000000$1"'),
      ),
    ],
    ['invalid', rewritten(plain, (text) => text.replace('"c":2', '"c":"2"'))],
    ['newer', rewritten(plain, (text) => text.replace('"_sent"', '"_whispered"'))],
    ['after_end', Buffer.concat([plain, Buffer.from('{}\n')])],
    ['after_end', Buffer.concat([plain, Buffer.from('{')])],
  ];
  for (const [kind, bytes] of cases) {
    const { faults } = judge(bytes);
    assert.deepEqual(kindsOf(faults), [kind]);
    const [fault] = faults;
    assert.ok(fault?.line !== null && fault?.at !== null, kind);
    assert.ok(fault?.expected !== null && fault?.received !== null, kind);
  }
});

test('a line that is not ours is named, and the rest is still read', (t) => {
  const [plain] = writeTwoSegments(t).plain;
  const seen: number[] = [];
  const bytes = rewritten(plain, (text) =>
    text.replace('{"t":"1763683200000000003"', 'GET / HTTP/1.1'),
  );
  const { faults, lines } = judge(bytes, { visitor: { line: (_, { line }) => seen.push(line) } });
  assert.deepEqual(kindsOf(faults), ['invalid']);
  assert.equal(faults[0]?.line, 4);
  assert.match(faults[0]?.received ?? '', /GET/);
  assert.deepEqual(seen, [1, 2, 3, 5, 6, 7]);
  assert.equal(lines, 7);
});

test('a newer format is refused with what to do, a foreign file is named; neither is read', (t) => {
  const [plain] = writeTwoSegments(t).plain;
  const newer = judge(rewritten(plain, (text) => text.replace('"format":1', '"format":2')));
  assert.deepEqual([kindsOf(newer.faults), newer.refused], [['newer'], true]);
  assert.match(newer.faults[0]?.detail ?? '', /format 2 .* newer version: .* upgrade/);
  for (const foreign of [
    Buffer.from('hello'),
    Buffer.from('{"some":"json"}\n{}\n'),
    new Uint8Array(3_000_000).fill(65),
    new Uint8Array(5000),
  ]) {
    const reader = judge(foreign, { chunk: 4096 });
    assert.deepEqual([kindsOf(reader.faults), reader.refused], [['foreign'], true]);
  }
});

test('segments are chained: number, hash, name, order of t', async (t) => {
  const { keys, plain } = writeTwoSegments(t);
  const [first, second] = keys;
  const store = createMemoryObjectStore();
  const put = (key: string, bytes: Uint8Array): Promise<void> =>
    store.put(key, zstd.compress(bytes));
  const found = async (
    some: readonly string[],
  ): Promise<readonly (readonly [string, readonly string[]])[]> =>
    (await verifyKeys(store, some)).map(({ chain, reader }) => [chain, kindsOf(reader.faults)]);

  await put(first, plain[0]);
  await put(second, plain[1]);
  assert.deepEqual(await found(keys), [
    ['first', []],
    ['holds', []],
  ]);
  assert.deepEqual(await found([second]), [['holds', []]], 'the one before is looked up');

  await put(
    first,
    rewritten(plain[0], (text) => text.replace('heartbeat', 'heartbeet')),
  );
  assert.deepEqual(
    await found(keys),
    [
      ['first', []],
      ['broken', ['chain']],
    ],
    'well formed, another',
  );
  await store.delete(first);
  assert.deepEqual(await found([second]), [['unchecked', []]]);

  await put(
    first,
    rewritten(plain[1], (text) => text),
  );
  assert.deepEqual((await found([first]))[0]?.[1], ['key'], 'under a name of another minute');
  await put(first, plain[0]);
  await put(
    second,
    rewritten(plain[1], (text) => text.replace('"segment":1', '"segment":2')),
  );
  assert.deepEqual(await found(keys), [
    ['first', []],
    ['broken', ['sequence']],
  ]);
  await put(
    second,
    rewritten(plain[1], (text) =>
      text.replace(/"previous_sha256":"\w+"/, '"previous_sha256":null'),
    ),
  );
  assert.deepEqual(await found(keys), [
    ['first', []],
    ['broken', ['chain']],
  ]);
});
