/**
 * What the normalizer of Binance USD-M makes of a fixed set of frames. When this output changes,
 * data archived by the number in `normalizers.json` can no longer be rebuilt by this code: raise
 * `binanceUsdm.normalizer`, write the new output with `GOLDEN_UPDATE=1`, and say why in the
 * changelog.
 *
 * The frames are synthetic; their forms are those of the venue's documentation and captures.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EventBuffer, TYPE_BOOK } from '../../codec/event-buffer.ts';
import { binanceUsdm } from '../../connectors/binance-usdm/feed.ts';
import { decoderOf } from '../../connectors/feed.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { SYMBOLS } from '../support/binance-frames.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'binance-usdm');
const goldenPath = join(fixtures, 'events.jsonl');
const registryPath = join(import.meta.dirname, 'normalizers.json');

type Registry = Record<string, { readonly normalizer: number; readonly sha256: string }>;

function normalized(): string {
  const out = new EventBuffer();
  const book = binanceUsdm.openBook(20);
  const decode = decoderOf(binanceUsdm, '2026-11-20');
  const frames = readFileSync(join(fixtures, 'frames.jsonl'));
  const lines: string[] = [];
  for (let at = 0; at < frames.length;) {
    const end = frames.indexOf(0x0a, at);
    decode(frames, at, end, SYMBOLS, out);
    const { kind, reason, channel, request_id } = out;
    // Read before the book hears it: it owns what it holds, not what it heard.
    const events = bufferEvents(out, SYMBOLS);
    const isBook = kind === 'data' && out.type[0] === TYPE_BOOK;
    const verdict = isBook ? book.apply(out, 0) : null;
    lines.push(JSON.stringify({ kind, reason, channel, request_id, verdict, events }));
    at = end + 1;
  }
  out.reset(new Uint8Array(0));
  book.snapshot(out, 0);
  lines.push(JSON.stringify({ counts: book.counts(), state: bufferEvents(out, SYMBOLS) }));
  return `${lines.join('\n')}\n`;
}

test('the same frames yield the same events under the same normalizer', () => {
  const output = normalized();
  const sha256 = createHash('sha256').update(output).digest('hex');
  const registry = JSON.parse(readFileSync(registryPath, 'utf8')) as Registry;
  const known = registry[binanceUsdm.id];
  if (process.env['GOLDEN_UPDATE'] === '1') {
    assert.ok(
      known === undefined || known.sha256 === sha256 || binanceUsdm.normalizer > known.normalizer,
      `the output changed: raise binanceUsdm.normalizer above ${known?.normalizer} first`,
    );
    writeFileSync(goldenPath, output);
    const entry = { normalizer: binanceUsdm.normalizer, sha256 };
    const updated = { ...registry, [binanceUsdm.id]: entry };
    writeFileSync(registryPath, `${JSON.stringify(updated, null, 2)}\n`);
    return;
  }
  assert.deepEqual(output.split('\n'), readFileSync(goldenPath, 'utf8').split('\n'));
  assert.deepEqual(known, { normalizer: binanceUsdm.normalizer, sha256 });
});
