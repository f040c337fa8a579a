/** How fast days of a feed were rebuilt here so far: what an estimate rests on, and nothing else. */
import { jsonDocument } from '../dataset/canonical.ts';
import { throughputKey } from '../dataset/keys.ts';
import { JSON_TYPE } from './datasets.ts';
import type { JobDeps } from './deps.ts';

export type Throughput = {
  readonly format: 1;
  /** Stored bytes of RAW per second of a day's building, start to commit. */
  readonly bytes_per_second: number;
  readonly days: number;
};

/** The newest day counts for a quarter: hardware and code change. */
const WEIGHT = 0.25;

export async function readThroughput(
  { normalized }: Pick<JobDeps, 'normalized'>,
  feed: string,
): Promise<Throughput | null> {
  const stored = await normalized.get(throughputKey(feed));
  if (stored === null) return null;
  try {
    const known = JSON.parse(new TextDecoder().decode(stored.body)) as Throughput;
    return known.format === 1 && known.bytes_per_second > 0 ? known : null;
  } catch {
    return null;
  }
}

/** The last writer wins: it is a rough figure. */
export async function noteThroughput(
  deps: Pick<JobDeps, 'normalized'>,
  feed: string,
  day: { readonly bytes: number; readonly seconds: number },
): Promise<void> {
  if (day.bytes === 0 || day.seconds <= 0) return;
  const known = await readThroughput(deps, feed);
  const now = day.bytes / day.seconds;
  const before = known?.bytes_per_second ?? now;
  const next: Throughput = {
    format: 1,
    bytes_per_second: Math.round(before + (now - before) * WEIGHT),
    days: (known?.days ?? 0) + 1,
  };
  await deps.normalized.put(throughputKey(feed), jsonDocument(next), JSON_TYPE);
}
