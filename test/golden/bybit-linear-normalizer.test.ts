/**
 * What the normalizer of Bybit makes of a fixed set of frames. When this output changes, data archived
 * by the number in `normalizers.json` can no longer be rebuilt by this code: raise `bybitLinear.normalizer`,
 * write the new output with `GOLDEN_UPDATE=1`, and say why in the changelog.
 *
 * The frames are synthetic; their forms are those of the venue's documentation.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EventBuffer, TYPE_BOOK } from '../../codec/event-buffer.ts';
import { decoderOf } from '../../connectors/feed.ts';
import { bybitLinear } from '../../connectors/bybit-linear/feed.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { SYMBOLS } from '../support/bybit-frames.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'bybit-linear');
const goldenPath = join(fixtures, 'events.jsonl');
const registryPath = join(import.meta.dirname, 'normalizers.json');

type Registry = Record<string, { readonly normalizer: number; readonly sha256: string }>;

function normalized(): string {
  const out = new EventBuffer();
  const books = SYMBOLS.symbols.map(() => bybitLinear.openBook(50));
  const decode = decoderOf(bybitLinear, '2026-11-20');
  const frames = readFileSync(join(fixtures, 'frames.txt'));
  const lines: string[] = [];
  for (let at = 0; at < frames.length;) {
    const end = frames.indexOf(0x0a, at);
    decode(frames, at, end, SYMBOLS, out);
    const verdicts: (number | undefined)[] = [];
    for (let event = 0; event < out.count; event++) {
      if (out.type[event] !== TYPE_BOOK) continue;
      verdicts.push(books[out.symbol[event] ?? -1]?.apply(out, event));
    }
    const { kind, reason, channel, frame_symbol, request_id } = out;
    const frame = { kind, reason, channel, frame_symbol, request_id, at: out.at };
    const events = bufferEvents(out, SYMBOLS);
    lines.push(JSON.stringify({ ...frame, verdicts, events }));
    at = end + 1;
  }
  books.forEach((book, symbol) => {
    out.reset(new Uint8Array(0));
    book.snapshot(out, symbol);
    lines.push(JSON.stringify({ counts: book.counts(), state: bufferEvents(out, SYMBOLS) }));
  });
  return `${lines.join('\n')}\n`;
}

test('the same frames yield the same events under the same normalizer', () => {
  const output = normalized();
  const sha256 = createHash('sha256').update(output).digest('hex');
  const registry = JSON.parse(readFileSync(registryPath, 'utf8')) as Registry;
  const known = registry[bybitLinear.id];
  if (process.env['GOLDEN_UPDATE'] === '1') {
    assert.ok(
      known === undefined || known.sha256 === sha256 || bybitLinear.normalizer > known.normalizer,
      `the output changed: raise bybitLinear.normalizer above ${known?.normalizer} first`,
    );
    writeFileSync(goldenPath, output);
    const updated = { ...registry, [bybitLinear.id]: { normalizer: bybitLinear.normalizer, sha256 } };
    writeFileSync(registryPath, `${JSON.stringify(updated, null, 2)}\n`);
    return;
  }
  assert.deepEqual(output.split('\n'), readFileSync(goldenPath, 'utf8').split('\n'));
  assert.deepEqual(known, { normalizer: bybitLinear.normalizer, sha256 });
});

type Line = {
  readonly kind?: string;
  readonly verdicts?: readonly number[];
  readonly events?: readonly { readonly type: string }[];
};

test('the frames have every kind, type and verdict there is', () => {
  const lines = readFileSync(goldenPath, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const kinds = new Set(lines.flatMap(({ kind }) => kind ?? []));
  const all = ['ack', 'data', 'ignored', 'pong', 'refused', 'rejected'];
  assert.deepEqual([...kinds].sort(), all);
  const types = new Set(lines.flatMap(({ events }) => events ?? []).map(({ type }) => type));
  assert.deepEqual([...types].sort(), ['book', 'liquidation', 'mark', 'ohlc', 'quote', 'ticker', 'trade']);
  const verdicts = new Set(lines.flatMap(({ verdicts: of }) => of ?? []));
  assert.deepEqual(
    [...verdicts].sort((a, b) => a - b),
    [0, 1, 9, 16, 20],
  );
});
