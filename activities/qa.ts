/** Runs a feed's check suite over a committed day and writes results and report. */
import { jsonDocument } from '../dataset/canonical.ts';
import { parseObjectKey, qaReportKey, qaResultsKey } from '../dataset/keys.ts';
import type { Manifest, ManifestObject } from '../dataset/manifest.ts';
import type { ExpectedSymbol } from '../qa/check.ts';
import { manifestHole } from '../qa/holes.ts';
import type { DayResults } from '../qa/results.ts';
import { openSuite } from '../qa/suite.ts';
import type { Suite, SuiteRun } from '../qa/suite.ts';
import { SsmdError } from '../schema/errors.ts';
import { EVENT_TYPES } from '../schema/events.ts';
import type { MarketEvent } from '../schema/events.ts';
import { formatIso } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { readManifest } from './datasets.ts';
import { resolveDay } from './day-input.ts';
import type { FeedDayInput } from './day-input.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { eventsOf } from './object-events.ts';
import { judgedVersion, notCommitted, withoutChecks } from './qa-version.ts';
import type { QaDay } from './qa-version.ts';
import { activity } from './run.ts';

export type QaDeps = {
  /** The suite of a feed; throws `SSMD_INVALID_CONFIG` where its file is wrong. */
  readonly suiteOf: (feed: string) => Suite;
  readonly expectedSymbols: (feed: string) => readonly ExpectedSymbol[];
  /** Results as one self-contained HTML page. */
  readonly renderReport: (results: DayResults) => string;
};

export type QaReport = QaDay & {
  /** The day's condition: `available`, `degraded`, `missing`, `pending`. */
  readonly outcome: DayResults['day_condition'];
  readonly reasons: readonly string[];
  readonly checks: DayResults['statistics'];
  /** Checks that failed or could not run, and why; a group of one stands for it. */
  readonly failed_checks: readonly { readonly name: string; readonly message: string }[];
  /** Checks that hold in all their groups. */
  readonly passed_checks: readonly string[];
  readonly records: number;
  readonly gaps: number;
  readonly results: string;
  readonly report: string;
};

const REASONS_LISTED_MAX = 20;
const CHECKS_LISTED_MAX = 50;
const MESSAGE_CHARS_MAX = 400;
/** Events between two breaths. */
const EVENTS_A_STRETCH = 20_000;

export function createQaActivities(deps: JobDeps & QaDeps) {
  return {
    /** The version whose day is checked: the one that serves it, where none is named. */
    resolveQaDay: activity((input: FeedDayInput & { readonly version?: string }) => {
      const { feed, day } = resolveDay(deps, input);
      return judgedVersion(deps, { feed: feed.id, day }, input.version);
    }),

    runQaSuite: activity((of: QaDay, context) => runQa(deps, of, context)),
  };
}

export type QaActivities = ReturnType<typeof createQaActivities>;

/** Checks one committed day; a finding is a result, only what cannot be run throws. */
export async function runQa(
  deps: JobDeps & QaDeps,
  of: QaDay,
  context: JobContext,
): Promise<QaReport> {
  const { feed, day } = resolveDay(deps, of);
  const manifest = await readManifest(deps, { version: of.version, feed: feed.id, day });
  if (manifest === null) throw notCommitted(feed.id, day, of.version);
  if (manifest.schema !== 'md2') throw withoutChecks(manifest);
  const started_at = formatIso(deps.now());
  const suite = deps.suiteOf(feed.id);
  const run = openSuite(suite, {
    run_id: `${feed.id}/${day}/${of.version}`,
    day,
    symbols: deps.expectedSymbols(feed.id),
    holes: manifest.gaps.map(manifestHole),
    complete: manifest.complete,
    pending: false,
    version: manifest.version,
    normalizer: manifest.normalizer,
    origin: manifest.origin,
    engine: `ssmd ${deps.build.version} ${deps.build.commit}`,
    inputs: manifest.objects.map(inputOf),
  });
  await feedSuite(deps, manifest, run, context);
  const results = run.finish({ started_at, finished_at: formatIso(deps.now()) });
  await writeResults(deps, feed.id, day, results);
  return {
    ...of,
    outcome: results.day_condition,
    reasons: results.condition_reasons.slice(0, REASONS_LISTED_MAX),
    checks: results.statistics,
    ...checksOf(results),
    records: results.records,
    gaps: results.gaps_total,
    results: qaResultsKey(feed.id, day),
    report: qaReportKey(feed.id, day),
  };
}

/** Checks by what came of them: once each, however many groups they have. */
export function checksOf({ results }: Pick<DayResults, 'results'>): {
  readonly failed_checks: QaReport['failed_checks'];
  readonly passed_checks: readonly string[];
} {
  const failed = new Map<string, string>();
  for (const { name, status, message } of results) {
    if (status !== 'failed' && status !== 'errored') continue;
    if (!failed.has(name)) failed.set(name, message.slice(0, MESSAGE_CHARS_MAX));
  }
  const passed = results.filter(({ status }) => status === 'passed' || status === 'warned');
  const well = new Set(passed.map(({ name }) => name).filter((name) => !failed.has(name)));
  return {
    failed_checks: [...failed]
      .slice(0, CHECKS_LISTED_MAX)
      .map(([name, message]) => ({ name, message })),
    passed_checks: [...well].slice(0, CHECKS_LISTED_MAX),
  };
}

async function writeResults(
  deps: JobDeps & QaDeps,
  feed: string,
  day: Day,
  results: DayResults,
): Promise<void> {
  const { normalized } = deps;
  const html = new TextEncoder().encode(deps.renderReport(results));
  await normalized.put(qaResultsKey(feed, day), jsonDocument(results), {
    contentType: 'application/json',
  });
  await normalized.put(qaReportKey(feed, day), html, { contentType: 'text/html; charset=utf-8' });
}

/** Hands over each symbol's events of all types, merged by `(t, index)`. */
async function feedSuite(
  deps: JobDeps,
  manifest: Manifest,
  run: SuiteRun,
  context: JobContext,
): Promise<void> {
  let records = 0;
  for (const [symbol, series] of bySymbol(manifest)) {
    const streams = series.map((objects) => eventsOf(deps, objects, context.signal));
    for await (const event of merged(streams)) {
      run.step(event);
      if (++records % EVENTS_A_STRETCH !== 0) continue;
      const stage = `${manifest.feed} ${manifest.day}: checking ${symbol}`;
      context.beat({ v: 1, stage, done: [], records, bytes: 0 });
      await breathe(context.signal);
    }
  }
}

/** Objects of each symbol, one list a type in the order of `EVENT_TYPES`, each in time's order. */
function bySymbol(manifest: Manifest): Map<string, ManifestObject[][]> {
  const symbols = new Map<string, ManifestObject[][]>();
  for (const object of manifest.objects) {
    const id = parseObjectKey(object.key);
    if (id === null) throw new SsmdError('SSMD_CORRUPT', `manifest names no object: ${object.key}`);
    const types = symbols.get(id.symbol) ?? EVENT_TYPES.map(() => []);
    types[EVENT_TYPES.indexOf(id.type)]?.push(object);
    symbols.set(id.symbol, types);
  }
  for (const types of symbols.values()) {
    for (const objects of types)
      objects.sort((a, b) => (BigInt(a.first_t) < BigInt(b.first_t) ? -1 : 1));
  }
  return symbols;
}

/** Streams in `(t, index)` order as one; at equal positions the earlier stream first. */
async function* merged(
  streams: readonly AsyncGenerator<MarketEvent>[],
): AsyncGenerator<MarketEvent> {
  const heads: { stream: AsyncGenerator<MarketEvent>; event: MarketEvent }[] = [];
  for (const stream of streams) {
    const first = await stream.next();
    if (first.done !== true) heads.push({ stream, event: first.value });
  }
  while (heads.length > 0) {
    let least = 0;
    for (let at = 1; at < heads.length; at++) {
      const [a, b] = [heads[at]?.event, heads[least]?.event];
      if (a === undefined || b === undefined) continue;
      if (a.t < b.t || (a.t === b.t && a.index < b.index)) least = at;
    }
    const head = heads[least];
    if (head === undefined) return;
    yield head.event;
    const next = await head.stream.next();
    if (next.done === true) heads.splice(least, 1);
    else head.event = next.value;
  }
}

function inputOf(object: ManifestObject): DayResults['inputs'][number] {
  return {
    path: object.key,
    sha256: object.plain_sha256,
    rows: object.records,
    min_ts: formatIso(BigInt(object.first_t)),
    max_ts: formatIso(BigInt(object.last_t)),
  };
}
