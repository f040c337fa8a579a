/**
 * What the normalizer of Coinbase makes of a fixed set of frames. When this output changes, data archived
 * by the number in `normalizers.json` can no longer be rebuilt by this code: raise `coinbase.normalizer`,
 * write the new output with `GOLDEN_UPDATE=1`, and say why in the changelog.
 *
 * The frames are synthetic; their forms are those of the venue's documentation and of captures, of
 * Advanced Trade and of the Exchange feed.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EventBuffer, TYPE_BOOK } from '../../codec/event-buffer.ts';
import { decoderOf } from '../../connectors/feed.ts';
import { coinbase } from '../../connectors/coinbase/feed.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { SYMBOLS } from '../support/coinbase-frames.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'coinbase');
const goldenPath = join(fixtures, 'events.jsonl');
const registryPath = join(import.meta.dirname, 'normalizers.json');

type Registry = Record<string, { readonly normalizer: number; readonly sha256: string }>;

const FRAMES = [
  { file: 'exchange-frames.txt', day: '2021-04-17' },
  { file: 'frames.txt', day: '2026-11-20' },
] as const;

function normalized(): string {
  return FRAMES.map(({ file, day }) => normalizedOf(file, day)).join('');
}

function normalizedOf(file: string, day: string): string {
  const out = new EventBuffer();
  const books = SYMBOLS.symbols.map(() => coinbase.openBook(0));
  const decode = decoderOf(coinbase, day);
  const frames = readFileSync(join(fixtures, file));
  const lines: string[] = [];
  for (let at = 0; at < frames.length;) {
    const end = frames.indexOf(0x0a, at);
    decode(frames, at, end, SYMBOLS, out);
    const verdicts: (number | undefined)[] = [];
    for (let event = 0; event < out.count; event++) {
      if (out.type[event] !== TYPE_BOOK) continue;
      verdicts.push(books[out.symbol[event] ?? -1]?.apply(out, event));
    }
    const { kind, reason, channel, frame_symbol, frame_sequence, subscribed } = out;
    const frame = { kind, reason, channel, frame_symbol, frame_sequence, subscribed, at: out.at };
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
  const known = registry[coinbase.id];
  if (process.env['GOLDEN_UPDATE'] === '1') {
    assert.ok(
      known === undefined || known.sha256 === sha256 || coinbase.normalizer > known.normalizer,
      `the output changed: raise coinbase.normalizer above ${known?.normalizer} first`,
    );
    writeFileSync(goldenPath, output);
    const updated = { ...registry, [coinbase.id]: { normalizer: coinbase.normalizer, sha256 } };
    writeFileSync(registryPath, `${JSON.stringify(updated, null, 2)}\n`);
    return;
  }
  assert.deepEqual(output.split('\n'), readFileSync(goldenPath, 'utf8').split('\n'));
  assert.deepEqual(known, { normalizer: coinbase.normalizer, sha256 });
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
  const all = ['ack', 'data', 'heartbeat', 'ignored', 'refused', 'rejected'];
  assert.deepEqual([...kinds].sort(), all);
  const types = new Set(lines.flatMap(({ events }) => events ?? []).map(({ type }) => type));
  assert.deepEqual([...types].sort(), ['book', 'instrument', 'ohlc', 'ticker', 'trade']);
  const verdicts = new Set(lines.flatMap(({ verdicts: of }) => of ?? []));
  assert.deepEqual(
    [...verdicts].sort((a, b) => a - b),
    [1, 3, 9, 16, 20],
  );
});
