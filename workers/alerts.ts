/**
 * Watches metrics for the alerts of the environment: reads the pages of its connectors and what the last
 * days' checks came to, every 15 s, and hands what fires, and what is over, to the notices' desk.
 */
import type { Logger } from 'pino';
import type { NoticeDesk } from '../activities/notices.ts';
import { createAlerts } from '../notify/alerts.ts';
import type { AlertRule } from '../notify/alerts.ts';
import { parseMetrics } from '../notify/prometheus.ts';
import type { Sample } from '../schema/metrics.ts';
import type { Notice, Well } from '../schema/notice.ts';

export const LOOK_MS = 15_000;
const SCRAPE_MS_MAX = 5_000;
const PAGE_BYTES_MAX = 16 * 1024 * 1024;
/** What the desk could not be told yet: the newest stay. */
const WAITING_MAX = 1_000;

/** A page of a connector or collector; the labels are null where it was never reached, or has none. */
export type Target = {
  readonly url: string;
  readonly feed: string | null;
  readonly shard: string | null;
  /** Which metric of the page says that it is up; left out: a connector's. */
  readonly up?: string;
};

export type AlertsDeps = {
  readonly rules: readonly AlertRule[];
  readonly desk: NoticeDesk;
  /** Fingerprints that were told before this worker began. */
  readonly open: () => Promise<readonly string[]>;
  readonly targets: () => Promise<readonly Target[]>;
  /** Of this worker itself. */
  readonly own: () => Promise<readonly Sample[]>;
  readonly now_ms: () => number;
  readonly logger: Logger;
  readonly look_ms?: number;
};

type Word = { readonly told: Notice } | { readonly well: Well };

/** Looks until the signal aborts; no error ends it. */
export async function watchAlerts(deps: AlertsDeps, signal: AbortSignal): Promise<void> {
  const { rules, desk, logger, now_ms, look_ms = LOOK_MS } = deps;
  if (rules.length === 0) return;
  const open = await deps.open().catch(() => []);
  const alerts = createAlerts(rules, open);
  const names = rules.map(({ name }) => name);
  logger.info({ event: 'alerts.watched', rules: names, open: open.length });
  const reached = new Map<string, Target>();
  const crowded = new Set<string>();
  let waiting: Word[] = [];
  while (!signal.aborted) {
    try {
      const samples = [
        ...(await scrape(await deps.targets(), reached, signal)),
        ...(await deps.own()),
      ];
      const look = alerts.look(samples, now_ms());
      for (const rule of look.crowded) {
        if (!crowded.has(rule)) logger.warn({ event: 'alerts.crowded', rule });
        crowded.add(rule);
      }
      waiting.push(...look.told.map((told) => ({ told })), ...look.well.map((well) => ({ well })));
    } catch (error) {
      logger.warn({ event: 'alerts.failed', err: error });
    }
    waiting = await hand(waiting, desk, logger);
    await pause(look_ms, signal);
  }
}

/** In order; what is left when the server is away waits for the next look. */
async function hand(waiting: Word[], desk: NoticeDesk, logger: Logger): Promise<Word[]> {
  const left = [...waiting];
  for (const word of waiting) {
    try {
      if ('told' in word) await desk.told(word.told);
      else await desk.well(word.well);
    } catch (error) {
      logger.warn({ event: 'alerts.not_told', waiting: left.length, err: error });
      return left.slice(-WAITING_MAX);
    }
    left.shift();
  }
  return left;
}

/** Samples of all pages; a connector or collector whose page does not answer is down. */
export async function scrape(
  targets: readonly Target[],
  reached: Map<string, Target>,
  signal: AbortSignal,
): Promise<Sample[]> {
  const pages = await Promise.all(
    targets.map(async (target) => ({ target, samples: await read(target.url, signal) })),
  );
  const up = new Map<string, Sample>();
  const others: Sample[] = [];
  for (const { target, samples } of pages) {
    const own = samples?.find(({ name }) => UPS.includes(name));
    if (own !== undefined) {
      const { feed = null, shard = null } = own.labels;
      reached.set(target.url, { ...target, feed, shard, up: own.name });
    }
    // Before it was reached it was down under its address: that is over.
    if (own !== undefined && target.feed === null) others.push(upAt(target.url));
    const sample = own ?? downSample(reached.get(target.url) ?? target);
    const named = sample.name === UP ? sample : ofInstance(sample, target.url);
    const key = JSON.stringify([named.name, ...Object.entries(named.labels).toSorted()]);
    // Of two connectors of one shard, one that is up will do.
    if ((up.get(key)?.value ?? 0) <= named.value) up.set(key, named);
    const rest = (samples ?? []).filter(({ name }) => !UPS.includes(name));
    others.push(...rest.map((it) => (named.name === UP ? it : ofInstance(it, target.url))));
  }
  return [...up.values(), ...others];
}

const UP = 'ssmd_connector_up';
const UPS: readonly string[] = [UP, 'ssmd_collector_up'];

function downSample({ url, feed, shard, up = UP }: Target): Sample {
  const labels = feed === null || shard === null ? { instance: url } : { shard, feed };
  return { name: up, labels, value: 0 };
}

function upAt(url: string): Sample {
  return { name: UP, labels: { instance: url }, value: 1 };
}

/** A collector's page does not say which one it is. */
function ofInstance(sample: Sample, url: string): Sample {
  return { ...sample, labels: { instance: url, ...sample.labels } };
}

async function read(url: string, signal: AbortSignal): Promise<Sample[] | null> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(SCRAPE_MS_MAX)]);
    const answer = await fetch(new URL('/metrics', url), {
      ...{ signal: limit, redirect: 'error', headers: { accept: 'text/plain' } },
    });
    const text = await answer.text();
    return answer.ok && text.length <= PAGE_BYTES_MAX ? parseMetrics(text) : null;
  } catch {
    return null;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    if (signal.aborted) resolve();
  });
}
