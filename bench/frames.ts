/**
 * Frames to measure on: as bytes, one after the other as in a log, and as text, as a socket of Node's
 * hands them out. From recordings where there are some, else from the simulated venues.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { createSymbolTable } from '../codec/symbol-table.ts';
import type { SymbolTable } from '../codec/symbol-table.ts';
import type { Feed } from '../connectors/feed.ts';
import { FEEDS } from '../connectors/registry.ts';
import { cryptofeed } from '../connectors/import/cryptofeed.ts';
import { jsonl } from '../connectors/import/jsonl.ts';
import type { RecordedFormat } from '../connectors/import/format.ts';
import { nsJson } from '../connectors/import/ns-json.ts';
import { VENUES } from '../connectors/simulator/registry.ts';
import { invariant } from '../schema/errors.ts';
import type { SymbolConfig } from '../schema/symbols.ts';
import { capturePath } from '../test/support/captures.ts';

/** Frames in one buffer, a line feed after each. */
export type Frames = {
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly texts: readonly string[];
  readonly count: number;
};

export function packFrames(texts: readonly string[]): Frames {
  const parts = texts.map((text) => Buffer.from(text));
  const bytes = Buffer.alloc(parts.reduce((sum, part) => sum + part.length + 1, 64));
  const starts = new Int32Array(parts.length);
  const ends = new Int32Array(parts.length);
  let at = 0;
  parts.forEach((part, index) => {
    starts[index] = at;
    at += part.copy(bytes, at);
    ends[index] = at;
    bytes[at++] = 0x0a;
  });
  // Strings of their own, not slices of a file's.
  return { bytes, starts, ends, texts: parts.map(String), count: parts.length };
}

/** Runs of the frames that make at least so many messages. */
export function loopsFor(frames: { readonly count: number }, messages: number): number {
  return Math.max(1, Math.ceil(messages / frames.count));
}

const FORMATS: readonly RecordedFormat[] = [cryptofeed, nsJson, jsonl];

/** The frames a recording received; what its recorder sent, and marked, is left out. */
export function recorded(path: string): string[] {
  const file = readFileSync(capturePath(path));
  const bytes = path.endsWith('.gz') ? gunzipSync(file) : file;
  const end = bytes.indexOf(0x0a);
  const format = FORMATS.find((it) => it.fits(bytes, 0, end));
  invariant(format !== undefined, `no format fits ${path}`);
  const texts: string[] = [];
  for (let start = 0; start < bytes.length;) {
    const stop = bytes.indexOf(0x0a, start);
    const line_end = stop < 0 ? bytes.length : stop;
    const line = format.read(bytes, start, line_end);
    if (line.kind === 'frame') texts.push(bytes.toString('utf8', line.from, line.to));
    start = line_end + 1;
  }
  return texts;
}

/** Our markets under the venue's names, in that order. */
export function marketsOf(externals: readonly string[]): SymbolTable {
  return createSymbolTable(
    externals.map((external): SymbolConfig => {
      return { symbol: external.replaceAll(/[^A-Z0-9]/g, ''), external, depth: 'l2' };
    }),
  );
}

export function feedOf(id: string): Feed {
  const feed = FEEDS.get(id);
  invariant(feed !== undefined, `no feed ${id}`);
  return feed;
}

/** 2026-11-21T00:00:00Z. */
const START_NS = 1_795_219_200_000_000_000n;
const STEP_NS = 1_000_000_000n;

/** What a simulated venue sends on all sockets of its markets, in order of time. */
export function simulated(
  id: string,
  externals: readonly string[],
  options: { readonly frames: number; readonly rate: number; readonly book_depth?: number },
): string[] {
  const { protocol } = feedOf(id);
  const { symbols } = marketsOf(externals);
  const config = {
    ...{ feed: id, shard: 'bench', symbols, channels: protocol.channels },
    book_depth: options.book_depth ?? protocol.book_depths[0] ?? 0,
  };
  const create = VENUES.get(id);
  invariant(create !== undefined, `no venue ${id}`);
  const { rate } = options;
  const venue = create({ seed: 7, symbols: externals, start_ns: START_NS, rate });
  const texts: string[] = [];
  let request = 0;
  const { base_path } = venue;
  for (const { path, subscriptions } of protocol.endpoints(config)) {
    const nothing = (): void => undefined;
    const frame = (text: string): void => void texts.push(text);
    const line = venue.connect(`${base_path}${path}`, START_NS, {
      frame,
      ping: nothing,
      close: nothing,
    });
    invariant(line !== null, `${id} knows no ${path}`);
    const requests = protocol.subscribe(subscriptions, config, () => String(++request));
    for (const { text } of requests) line.onMessage(text, START_NS);
  }
  let now_ns = START_NS;
  while (texts.length < options.frames) venue.advance((now_ns += STEP_NS));
  return texts.slice(0, options.frames);
}
