/** What a run's end means for whoever looks after it: pure, of facts the run has itself. */
import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  TemporalFailure,
  TimeoutFailure,
} from '@temporalio/common';
import type { AuditReport } from '../audit.ts';
import type { BackfillReport } from '../backfill.ts';
import type { DailyArchiveReport } from '../daily-archive.ts';
import type { ReprocessReport } from '../reprocess.ts';
import type { QaReport } from '../../activities/qa.ts';
import type { AuditFinding } from '../../activities/audit-report.ts';
import { manifestKey } from '../../dataset/keys.ts';
import { JOB_TYPES } from '../../schema/jobs.ts';
import {
  CAUSES_MAX,
  CAUSE_CHARS_MAX,
  auditFingerprint,
  cutTo,
  incompleteFingerprint,
  partialFingerprint,
  qaFingerprint,
  runFingerprint,
} from '../../schema/notice.ts';
import type { Notice, Well } from '../../schema/notice.ts';
import { parseDay } from '../../schema/time.ts';
import type { Attributes } from './attributes.ts';

/** The run as it knows itself. */
export type RunFacts = {
  readonly type: string;
  readonly id: string;
  readonly run_id: string;
  /** What it filed itself under so far. */
  readonly filed: Attributes;
};

/** When it is, whoever hands it on says. */
export type NoticeDraft = Omit<Notice, 'at'>;
export type WellDraft = Omit<Well, 'at'>;

type About = Pick<Notice, 'feed' | 'day' | 'version' | 'manifest'>;

/** The run ended with `error`. */
export function failureNotice(facts: RunFacts, error: unknown): NoticeDraft {
  const { type, id, run_id } = facts;
  const about = aboutOf(facts);
  const causes = causesOf(error);
  const code = codeIn(error);
  const what = [type, about.feed, about.day].filter((it) => it !== null).join(' ');
  return {
    ...about,
    fingerprint: fingerprintOf(facts),
    kind: 'run',
    title: `${what} failed: ${code ?? causes.at(-1) ?? 'no reason given'}`,
    priority: 'high',
    team: null,
    event: `failed ${run_id}`,
    run: { type, id, run_id, activity: activityIn(error), attempt: null },
    causes,
    report: null,
    text: null,
  };
}

/** Any run of one of our jobs that went well shows that what its like failed with is over. */
export function recoveryOf(facts: RunFacts): WellDraft[] {
  const { type, id } = facts;
  if (!JOB_TYPES.some((it) => it === type)) return [];
  // Where one failed before its day was known, all there was to call it by is its id.
  const by_id = runFingerprint({ type: '', id, feed: null, day: null });
  const fingerprints = [...new Set([fingerprintOf(facts), by_id])];
  return fingerprints.map((fingerprint) => ({ fingerprint, words: `${id} succeeded` }));
}

/** What a result says of a day: a finding is no failure of the run, and somebody has to know. */
export function noticesOfResult(
  facts: RunFacts,
  result: unknown,
): { readonly told: NoticeDraft[]; readonly well: WellDraft[] } {
  if (typeof result !== 'object' || result === null) return { told: [], well: [] };
  // Of a day on which its market is closed there is nothing to say.
  if ('outcome' in result && String(result.outcome).startsWith('skipped: ')) {
    return { told: [], well: [] };
  }
  if (facts.type === 'daily-archive') return ofArchive(facts, result as DailyArchiveReport);
  if (facts.type === 'daily-qa') return ofQa(facts, result as QaReport);
  if (facts.type === 'reprocess') {
    const { feed, days, from, to, outcome } = result as ReprocessReport;
    return ofRange(facts, { feed, from, to, outcome, failed: days.failed });
  }
  if (facts.type === 'backfill') {
    const { days, ...range } = result as BackfillReport;
    return ofRange(facts, { ...range, failed: days.filter(({ state }) => state === 'failed') });
  }
  if (facts.type === 'audit') return ofAudit(facts, result as AuditReport);
  return { told: [], well: [] };
}

type Spoken = ReturnType<typeof noticesOfResult>;

function ofArchive(facts: RunFacts, report: DailyArchiveReport): Spoken {
  const { feed, day, version, complete, gaps, manifest } = report;
  const fingerprint = incompleteFingerprint(feed, day);
  if (complete) return { told: [], well: [{ fingerprint, words: `${day} is complete` }] };
  const count = `${gaps} ${gaps === 1 ? 'gap' : 'gaps'}`;
  const title = `${feed} ${day} is incomplete: ${count}`;
  const causes = [
    `the day was committed with ${count}; the manifest lists them`,
    `npx ssmd gaps list --feed ${feed} --date ${day}`,
  ];
  const about = { feed, day, version, manifest };
  // The same content committed again, or found committed, is the same occurrence.
  const event = `incomplete ${report.content_id}`;
  return { told: [finding(facts, { fingerprint, ...about, title, causes, event })], well: [] };
}

/** Days of a range that failed stop no other and do not fail the run: it says which they are. */
function ofRange(
  facts: RunFacts,
  of: Pick<BackfillReport, 'feed' | 'from' | 'to'> & {
    readonly outcome: string;
    readonly failed: readonly { readonly day: string; readonly why: string }[];
  },
): Spoken {
  const { feed, from, to, outcome, failed } = of;
  // A dry run builds nothing: it neither fails at days nor mends any.
  if (outcome === 'planned') return { told: [], well: [] };
  const fingerprint = partialFingerprint(facts.id);
  if (failed.length === 0) {
    return { told: [], well: [{ fingerprint, words: `${facts.id} did all of its days` }] };
  }
  const count = `${failed.length} ${failed.length === 1 ? 'day' : 'days'}`;
  const range = from === to ? from : `${from}..${to}`;
  const title = `${facts.type} ${feed} ${range}: ${count} failed`;
  const causes = failed.map(({ day, why }) => `${day}: ${why}`);
  const event = `partial ${facts.run_id}`;
  return { told: [finding(facts, { fingerprint, feed, title, causes, event })], well: [] };
}

function ofQa(facts: RunFacts, report: QaReport): Spoken {
  const {
    feed,
    day,
    version,
    failed_checks = [],
    passed_checks = [],
  } = report as Lenient<QaReport>;
  const told = failed_checks.map(({ name, message }) =>
    finding(facts, {
      ...{ kind: 'qa', feed, day, version, report: report.report, priority: 'high' },
      fingerprint: qaFingerprint(feed, day, name),
      title: `${feed} ${day}: check ${name} failed`,
      causes: [message, ...report.reasons.filter((reason) => reason.includes(name))],
      event: `qa ${facts.run_id} ${name}`,
    }),
  );
  const words = `the check passed in ${facts.id}`;
  const well = passed_checks.map((name) => ({
    fingerprint: qaFingerprint(feed, day, name),
    words,
  }));
  return { told, well };
}

/** Histories of before these were there lack them. */
type Lenient<T extends QaReport> = Omit<T, 'failed_checks' | 'passed_checks'> &
  Partial<Pick<T, 'failed_checks' | 'passed_checks'>>;

/** An audit speaks for runs that could not, each under the run's own name, and for itself. */
function ofAudit(facts: RunFacts, report: AuditReport): Spoken {
  const fingerprint = auditFingerprint(facts.filed.SsmdFeed ?? null);
  const runs = report.findings.filter(({ run }) => run !== undefined);
  const told = runs.map((it) => ofRun(facts, it));
  const others = report.findings_total - runs.length;
  const about = { kind: 'audit', report: report.html } as const;
  if (others <= 0) {
    return { told, well: [{ fingerprint, words: `${facts.id} found nothing` }] };
  }
  const found = [...report.findings, ...report.days.flatMap(({ findings }) => findings)];
  const causes = found
    .filter(({ run }) => run === undefined)
    .slice(0, CAUSES_MAX)
    .map(({ kind, key, detail }) => cutTo(`${kind}: ${key}: ${detail}`, CAUSE_CHARS_MAX));
  const title = `audit of ${report.from}..${report.to} found ${others} that does not hold`;
  const event = `audit ${facts.run_id}`;
  const own = finding(facts, { ...about, fingerprint, title, causes, event, priority: 'high' });
  return { told: [...told, own], well: [] };
}

function ofRun(facts: RunFacts, { kind, key, detail, run }: AuditFinding): NoticeDraft {
  const { type = '', run_id = '', feed = null, day = null } = run ?? {};
  return finding(facts, {
    ...{ kind: 'run', feed, day },
    fingerprint: runFingerprint({ type, id: key, feed, day }),
    title: `${type} ${key}: ${kind.replaceAll('_', ' ')}`,
    causes: [detail],
    event: kind === 'run_failed' ? `failed ${run_id}` : `${kind} ${run_id}`,
    run: { type, id: key, run_id, activity: null, attempt: null },
  });
}

function finding(
  { type, id, run_id }: RunFacts,
  of: Partial<NoticeDraft> & Pick<Notice, 'fingerprint' | 'title' | 'causes' | 'event'>,
): NoticeDraft {
  return {
    ...{ kind: 'incomplete', priority: 'medium', team: null },
    ...{ feed: null, day: null, version: null, manifest: null, report: null, text: null },
    run: { type, id, run_id, activity: null, attempt: null },
    ...of,
    causes: of.causes.slice(0, CAUSES_MAX).map((cause) => cutTo(cause, CAUSE_CHARS_MAX)),
  };
}

function fingerprintOf({ type, id, filed }: RunFacts): string {
  const { SsmdFeed: feed = null, SsmdDay: day = null } = filed;
  return runFingerprint({ type, id, feed, day });
}

function aboutOf({ type, filed }: RunFacts): About {
  const { SsmdFeed: feed = null, SsmdDay = null, SsmdVersion: version = null } = filed;
  const day = SsmdDay === null ? null : parseDay(SsmdDay);
  // A manifest is of a day: of jobs over many there is none to point at.
  const one = type.startsWith('daily-') && feed !== null && day !== null && version !== null;
  const manifest = one ? manifestKey({ version, feed, day }) : null;
  return { feed, day: SsmdDay, version, manifest };
}

/** The chain of causes, outermost first, without what says nothing. */
export function causesOf(error: unknown): string[] {
  const words: string[] = [];
  for (let it = error; it instanceof Error && words.length < CAUSES_MAX; it = it.cause) {
    const said = wordsOf(it);
    if (said !== null) words.push(cutTo(said, CAUSE_CHARS_MAX));
  }
  return words;
}

function wordsOf(error: Error): string | null {
  if (error instanceof ActivityFailure) {
    const { retryState = 'no word of retries' } = error;
    return `the activity ${error.activityType} did not succeed (${plain(retryState)})`;
  }
  if (error instanceof ChildWorkflowFailure) {
    return `the run ${error.execution.workflowId} that it started did not succeed`;
  }
  if (error instanceof TimeoutFailure) {
    return `it ran out of time (${plain(error.timeoutType ?? 'no word which')})`;
  }
  if (error instanceof ApplicationFailure && error.type) return `${error.type}: ${error.message}`;
  return error.message === '' ? null : error.message;
}

/** `START_TO_CLOSE` as people say it. */
function plain(word: string): string {
  return word.toLowerCase().replaceAll('_', ' ');
}

function activityIn(error: unknown): string | null {
  for (let it = error; it instanceof Error; it = it.cause) {
    if (it instanceof ActivityFailure) return it.activityType;
  }
  return null;
}

function codeIn(error: unknown): string | null {
  for (let it = error; it instanceof TemporalFailure; it = it.cause) {
    if (it instanceof ApplicationFailure && it.type) return it.type;
    if (it instanceof TimeoutFailure) return 'out of time';
  }
  return null;
}
