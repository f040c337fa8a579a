/**
 * What each feed's normalizer makes of a fixed set of frames. When this output changes, data archived by
 * the number in `normalizers.json` can no longer be rebuilt by this code: raise the feed's `normalizer`,
 * write the new output with `GOLDEN_UPDATE=1`, and say why in the changelog.
 *
 * The frames (`test/fixtures/<feed>`) are synthetic; their forms are those of the venues' documentation
 * and of captures. Some are no JSON.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { EventBuffer, TYPE_BOOK } from '../../codec/event-buffer.ts';
import { decoderOf } from '../../connectors/feed.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { cardOf } from '../support/cards/venues.ts';

const registryPath = join(import.meta.dirname, 'normalizers.json');

type Registry = Record<string, { readonly normalizer: number; readonly sha256: string }>;
type Line = {
  readonly kind?: string;
  readonly verdicts?: readonly number[];
  readonly events?: readonly { readonly type: string }[];
};

for (const feed of FEEDS.values()) {
  const fixtures = join(import.meta.dirname, '..', 'fixtures', feed.id);
  const goldenPath = join(fixtures, 'events.jsonl');
  const { symbols, book_depth, sessions, kinds, types, verdicts } = cardOf(feed.id).golden;

  /** Of each frame what it is and its events, then each book as it ends. */
  const normalizedOf = (file: string, day: string): string[] => {
    const out = new EventBuffer();
    const books = symbols.symbols.map(() => feed.openBook(book_depth));
    const decode = decoderOf(feed, day);
    const frames = readFileSync(join(fixtures, file));
    const lines: string[] = [];
    for (let at = 0; at < frames.length;) {
      const end = frames.indexOf(0x0a, at);
      decode(frames, at, end, symbols, out);
      const said: (number | undefined)[] = [];
      for (let event = 0; event < out.count; event++) {
        if (out.type[event] !== TYPE_BOOK) continue;
        said.push(books[out.symbol[event] ?? -1]?.apply(out, event));
      }
      const { kind, reason, channel, frame_symbol, frame_sequence, subscribed, request_id } = out;
      // A book adds to what it hears (its depth), so the events are read behind it.
      const events = bufferEvents(out, symbols);
      const frame = { kind, reason, channel, frame_symbol, frame_sequence, subscribed, request_id };
      lines.push(JSON.stringify({ ...frame, at: out.at, verdicts: said, events }));
      at = end + 1;
    }
    books.forEach((book, symbol) => {
      out.reset(new Uint8Array(0));
      book.snapshot(out, symbol);
      lines.push(JSON.stringify({ counts: book.counts(), state: bufferEvents(out, symbols) }));
    });
    return lines;
  };

  describe(feed.id, () => {
    const lines = sessions.flatMap(({ file, day }) => normalizedOf(file, day));

    test('the same frames yield the same events under the same normalizer', () => {
      const output = `${lines.join('\n')}\n`;
      const sha256 = createHash('sha256').update(output).digest('hex');
      const registry = JSON.parse(readFileSync(registryPath, 'utf8')) as Registry;
      const known = registry[feed.id];
      if (process.env['GOLDEN_UPDATE'] === '1') {
        assert.ok(
          known === undefined || known.sha256 === sha256 || feed.normalizer > known.normalizer,
          `the output changed: raise normalizer of ${feed.id} above ${known?.normalizer} first`,
        );
        writeFileSync(goldenPath, output);
        const updated = { ...registry, [feed.id]: { normalizer: feed.normalizer, sha256 } };
        writeFileSync(registryPath, `${JSON.stringify(updated, null, 2)}\n`);
        return;
      }
      assert.deepEqual(output.split('\n'), readFileSync(goldenPath, 'utf8').split('\n'));
      assert.deepEqual(known, { normalizer: feed.normalizer, sha256 });
    });

    test('the frames have every kind, type and verdict there is', () => {
      const read = lines.map((line) => JSON.parse(line) as Line);
      const all = <T>(of: (line: Line) => readonly T[]): T[] => [...new Set(read.flatMap(of))];
      assert.deepEqual(all((it) => (it.kind === undefined ? [] : [it.kind])).sort(), [...kinds]);
      const seen = all((it) => (it.events ?? []).map(({ type }) => type));
      assert.deepEqual(seen.sort(), [...types]);
      const said = all((it) => it.verdicts ?? []);
      assert.deepEqual(
        said.sort((a, b) => a - b),
        [...verdicts],
      );
    });
  });
}
