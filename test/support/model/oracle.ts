/**
 * What a run left, read back by plain means: lines with `JSON.parse`, events from a fold that runs over
 * an epoch's lines from its first to its last. No plan, no window, no manifest is believed here.
 */
import { readHeader } from '../../../codec/md2.ts';
import { epochDirectory } from '../../../connectors/runtime/epoch-files.ts';
import { parseRawSegmentKey } from '../../../dataset/keys.ts';
import { createShardFold } from '../../../fold/shard-fold.ts';
import { EVENT_TYPES } from '../../../schema/events.ts';
import type { FactKey, Facts, Inventory } from '../../../schema/log.ts';
import type { Feed } from '../../../connectors/feed.ts';
import { SHARD } from './feed.ts';
import { LOG_DIR } from './host.ts';
import type { ModelHost } from './host.ts';
import type { Run } from './run.ts';
import { storedZstd } from './stored-zstd.ts';

export type Line = {
  readonly t: bigint;
  /** The line as it stands in the log. */
  readonly text: string;
  readonly c: number | null;
  /** A frame, or null where the line is a fact. */
  readonly frame: string | null;
  readonly key: FactKey | null;
  readonly fact: unknown;
};

export type EpochLog = {
  readonly epoch: number;
  readonly host: ModelHost;
  /** Everything that was ever written, and of that what is known to be durable. */
  readonly written: readonly Line[];
  readonly synced: readonly Line[];
  /** What RAW has of it, and how RAW says that it ended. */
  readonly raw: readonly Line[];
  readonly crashed: boolean;
};

/** One event as the fold yielded it. */
export type Spoken = {
  readonly t: bigint;
  /** `{type} {symbol}` */
  readonly series: string;
  /** `{t} {type} {symbol} {index}` */
  readonly id: string;
  readonly bytes: Uint8Array;
};

const text = new TextDecoder();

export function parseLines(bytes: Uint8Array): Line[] {
  const lines: Line[] = [];
  for (const line of text.decode(bytes).split('\n')) {
    // What is not a whole line is none.
    if (!line.endsWith('}')) continue;
    const value = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (value['t'] === undefined) continue;
    const frame = value['raw'] === undefined ? null : JSON.stringify(value['raw']);
    const key = Object.keys(value).find((it) => it.startsWith('_')) ?? null;
    lines.push({
      t: BigInt(value['t'] as string),
      text: line,
      c: typeof value['c'] === 'number' ? value['c'] : null,
      frame,
      key: key as FactKey | null,
      fact: key === null ? null : value[key],
    });
  }
  return lines;
}

export function factOf<K extends FactKey>(line: Line, key: K): Facts[K] | null {
  return line.key === key ? (line.fact as Facts[K]) : null;
}

/** Every epoch of the run, by the record of what was written and by what RAW holds. */
export async function readEpochs(run: Run): Promise<readonly EpochLog[]> {
  const raw = new Map<number, Line[]>();
  const keys: { readonly key: string; readonly epoch: number; readonly t: bigint }[] = [];
  for await (const { key } of run.raw.list('raw/')) {
    const id = parseRawSegmentKey(key);
    if (id !== null) keys.push({ key, epoch: id.epoch, t: id.t });
  }
  keys.sort((a, b) => (a.t < b.t ? -1 : 1));
  for (const { key, epoch } of keys) {
    const stored = await run.raw.get(key);
    const lines = stored === null ? [] : parseLines(storedZstd.decompress(stored.body));
    raw.set(epoch, [...(raw.get(epoch) ?? []), ...lines]);
  }
  const crashed = await crashedEpochs(run);
  const epochs: EpochLog[] = [];
  for (const host of run.hosts) {
    const byEpoch = new Map<number, { readonly written: Line[]; readonly synced: Line[] }>();
    const base = epochDirectory(LOG_DIR, { feed: run.feed.id, shard: SHARD, epoch: 0 }).slice(
      0,
      -1,
    );
    for (const path of [...host.written.keys()].sort()) {
      const [epoch = ''] = path.slice(base.length).split('/');
      const record = host.written.get(path);
      if (record === undefined || path.endsWith('closed.jsonl')) continue;
      const of = byEpoch.get(Number(epoch)) ?? { written: [], synced: [] };
      of.written.push(...parseLines(record.bytes.subarray(0, record.size)));
      of.synced.push(...parseLines(record.bytes.subarray(0, record.synced)));
      byEpoch.set(Number(epoch), of);
    }
    for (const [epoch, lines] of byEpoch) {
      epochs.push({
        ...{ epoch, host, ...lines, raw: raw.get(epoch) ?? [] },
        crashed: crashed.has(epoch),
      });
    }
  }
  return epochs.sort((a, b) => a.epoch - b.epoch);
}

async function crashedEpochs(run: Run): Promise<Set<number>> {
  const crashed = new Set<number>();
  for await (const { key } of run.raw.list(`raw/${run.feed.id}/_manifests/`)) {
    const stored = await run.raw.get(key);
    const { epoch, end } = JSON.parse(text.decode(stored?.body)) as Inventory;
    if (end === 'crash') crashed.add(epoch);
  }
  return crashed;
}

/** What the fold says to these lines, in order. */
export function foldLines(feed: Feed, lines: readonly Line[]): readonly Spoken[] {
  const fold = createShardFold(feed, SHARD);
  const spoken: Spoken[] = [];
  const encoder = new TextEncoder();
  for (const line of lines) {
    if (line.frame !== null) {
      const bytes = encoder.encode(`${line.frame}\0`);
      fold.frame(line.t, line.c ?? 0, bytes, 0, bytes.length - 1);
    } else if (line.key !== null) fold.fact(line.t, line.key, line.fact as never);
    const { out } = fold;
    for (let at = 0; at < out.count; at++) {
      const series = `${EVENT_TYPES[out.type[at] as number]} ${out.symbol[at]}`;
      const t = out.t[at] as bigint;
      spoken.push({
        t,
        series,
        id: `${t} ${series} ${out.index[at]}`,
        bytes: out.view(at).slice(),
      });
    }
    out.clear();
  }
  return spoken;
}

/** The events of a message or an object of one series. */
export function* eventsIn(series: string, bytes: Uint8Array): Generator<Spoken> {
  for (let at = 0; at < bytes.length;) {
    const { t, index, length } = readHeader(bytes, at);
    yield { t, series, id: `${t} ${series} ${index}`, bytes: bytes.subarray(at, at + length) };
    at += length;
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
