/**
 * `ssmd_qa_check_failed{feed,check,date}` of the last days, from their results in the store: every worker
 * says the same, also one that was started a minute ago.
 */
import { Gauge, Registry } from 'prom-client';
import { qaResultsKey } from '../dataset/keys.ts';
import type { DayResults } from '../qa/results.ts';
import type { Sample } from '../schema/metrics.ts';
import { addDays, dayOf } from '../schema/time.ts';
import type { UnixNs } from '../schema/time.ts';
import type { ObjectStore } from '../storage/object-store.ts';

const METRIC = 'ssmd_qa_check_failed';
/** Days before today; older ones are for `ssmd dataset`. */
export const QA_DAYS = 7;
/** Results are read again so often. */
const FRESH_MS = 60_000;

export type QaMetrics = {
  readonly samples: () => Promise<readonly Sample[]>;
  /** Prometheus text. */
  readonly text: () => Promise<string>;
};

export function createQaMetrics(of: {
  readonly store: ObjectStore;
  readonly feeds: readonly string[];
  readonly now: () => UnixNs;
}): QaMetrics {
  const registry = new Registry();
  const gauge = new Gauge({
    name: METRIC,
    help: '1 where a check of a day failed or could not run',
    labelNames: ['feed', 'check', 'date'],
    registers: [registry],
  });
  let read: readonly Sample[] = [];
  let read_at: bigint | null = null;
  let reading: Promise<readonly Sample[]> | null = null;
  async function samples(): Promise<readonly Sample[]> {
    const now = of.now();
    if (read_at !== null && now - read_at < BigInt(FRESH_MS) * 1_000_000n) return read;
    reading ??= readAll(of).finally(() => (reading = null));
    // A store that is away says nothing of the days: what was known stays.
    read = await reading.catch(() => read);
    read_at = now;
    return read;
  }
  return {
    samples,
    async text() {
      gauge.reset();
      for (const { labels, value } of await samples()) gauge.set({ ...labels }, value);
      return registry.metrics();
    },
  };
}

async function readAll(of: {
  readonly store: ObjectStore;
  readonly feeds: readonly string[];
  readonly now: () => UnixNs;
}): Promise<Sample[]> {
  const found: Sample[] = [];
  const today = dayOf(of.now());
  for (const feed of of.feeds) {
    for (let back = 1; back <= QA_DAYS; back++) {
      const date = addDays(today, -back);
      const stored = await of.store.get(qaResultsKey(feed, date));
      if (stored === null) continue;
      const { results } = JSON.parse(new TextDecoder().decode(stored.body)) as DayResults;
      const failed = new Map<string, boolean>();
      for (const { name, status } of results) {
        if (status === 'not_evaluated') continue;
        const bad = status === 'failed' || status === 'errored';
        failed.set(name, bad || failed.get(name) === true);
      }
      for (const [check, bad] of failed) {
        found.push({ name: METRIC, labels: { feed, check, date }, value: bad ? 1 : 0 });
      }
    }
  }
  return found;
}
