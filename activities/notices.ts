/**
 * Telling somebody. `tellNotices` hands what a run has to say to the server and is done at once;
 * `deliverNotice` carries it to one channel, for as long as that may take.
 */
import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Delivery, Notifier, Recovered, Told } from '../notify/notifier.ts';
import { SsmdError } from '../schema/errors.ts';
import { troublesOf } from '../schema/notice.ts';
import type { Notice, NoticeRun, Ticket, Well } from '../schema/notice.ts';
import { formatIso } from '../schema/time.ts';
import type { UnixNs } from '../schema/time.ts';
import { toFailure } from './errors.ts';

/** Where notices are kept from being told twice and lost: one standing run for each fingerprint. */
export type NoticeDesk = {
  readonly told: (notice: Notice) => Promise<void>;
  /** False where nothing was known of it. */
  readonly well: (well: Well) => Promise<boolean>;
};

/** Which tickets troubles have, as the standing runs know them. */
export type Tickets = {
  /** Those troubles that are open have, now. */
  readonly open: (fingerprints: readonly string[]) => Promise<readonly Ticket[]>;
  /** Of troubles that were told just now: waits a moment for those that are being opened. */
  readonly told: (fingerprints: readonly string[]) => Promise<readonly Ticket[]>;
};

/** When it is, is said here: workflows have no clock of their own. */
export type TellInput = {
  readonly told: readonly Omit<Notice, 'at'>[];
  readonly well: readonly Omit<Well, 'at'>[];
};

/** Asked at once. */
const ASKED_AT_ONCE = 8;

/** Those of troubles that are open of the job and day of the run that asks; it never waits for them, nor fails of it. */
export async function openTickets(
  tickets: Tickets | undefined,
  { type, input }: { readonly type: string; readonly input: unknown },
  day: string,
): Promise<readonly Ticket[]> {
  if (tickets === undefined) return [];
  const id = activityInfo().workflowExecution?.workflowId ?? '';
  const { feed }: { readonly feed?: unknown } = { ...(input ?? {}) };
  const of = { type, id, feed: typeof feed === 'string' ? feed : null, day };
  return tickets.open(troublesOf(of)).catch(() => []);
}

/** `tickets`: of what was told, and of what is over. */
export type TellReport = { readonly over: number; readonly tickets?: readonly Ticket[] };

export function createNoticeActivities({
  desk,
  now,
  tickets,
}: {
  readonly desk: NoticeDesk;
  readonly now: () => UnixNs;
  /** Left out where no channel has any. */
  readonly tickets?: Tickets;
}) {
  return {
    tellNotices: async ({ told, well }: TellInput): Promise<TellReport> => {
      try {
        const at = formatIso(now());
        for (const notice of told) await desk.told({ ...notice, at });
        const over: string[] = [];
        for (let from = 0; from < well.length; from += ASKED_AT_ONCE) {
          const some = well.slice(from, from + ASKED_AT_ONCE);
          const known = await Promise.all(some.map((it) => desk.well({ ...it, at })));
          over.push(...some.filter((_, index) => known[index]).map((it) => it.fingerprint));
        }
        if (tickets === undefined) return { over: over.length };
        const about = [...told, ...well.filter((it) => over.includes(it.fingerprint))];
        // What was told stands: a ticket that nobody finds takes nothing from it.
        const found = await tickets.told(about.map((it) => it.fingerprint)).catch(() => []);
        return { over: over.length, tickets: found };
      } catch (error) {
        throw toFailure(error);
      }
    },
  };
}

export type NoticeActivities = ReturnType<typeof createNoticeActivities>;

export type DeliveryDeps = {
  /** At least one; the first that is there takes what all else refused. */
  readonly notifiers: readonly Notifier[];
  /** Takes what a channel could not be told in a day. */
  readonly last_resort: Notifier;
  /** How often the activity was tried that a run failed with; null where nobody knows. */
  readonly attemptsOf: (run: NoticeRun) => Promise<number | null>;
  /** Names of the search attributes the server knows. */
  readonly searchAttributes: () => Promise<readonly string[]>;
};

/** What the server knows comes along where there is a ticket to file under. */
export type Delivered = Delivery & { readonly search_attributes: readonly string[] };

export type DeliverInput = { readonly channel: string } & (
  ({ readonly kind: 'told' } & Told) | ({ readonly kind: 'recovered' } & Recovered)
);

/** One attempt; also the limit of what it asks of the other side. */
const ATTEMPT_MS_MAX = 45_000;

export function createDeliveryActivities(deps: DeliveryDeps) {
  const { notifiers, last_resort } = deps;
  const delivered = async (delivery: Delivery): Promise<Delivered> => ({
    ...delivery,
    search_attributes: delivery.ticket === null ? [] : await deps.searchAttributes(),
  });
  return {
    noticeChannels: (): Promise<readonly string[]> =>
      Promise.resolve(notifiers.map(({ name }) => name)),

    deliverNotice: async (input: DeliverInput): Promise<Delivered> => {
      const known = notifiers.find(({ name }) => name === input.channel);
      // Of a worker that had other channels: what is told is not lost.
      const notifier = known ?? last_resort;
      const signal = AbortSignal.any([cancellationSignal(), AbortSignal.timeout(ATTEMPT_MS_MAX)]);
      try {
        if (input.kind === 'recovered') {
          return await delivered(await notifier.recovered(input, signal));
        }
        return await delivered(await notifier.notify(await withAttempts(input, deps), signal));
      } catch (error) {
        throw asFailure(error, activityInfo().attempt);
      }
    },

    keepNotice: async (input: DeliverInput): Promise<Delivery> => {
      const { signal } = new AbortController();
      try {
        if (input.kind === 'recovered') return await last_resort.recovered(input, signal);
        return await last_resort.notify(await withAttempts(input, deps), signal);
      } catch (error) {
        throw asFailure(error, activityInfo().attempt);
      }
    },
  };
}

export type DeliveryActivities = ReturnType<typeof createDeliveryActivities>;

async function withAttempts(told: Told, { attemptsOf }: DeliveryDeps): Promise<Told> {
  const { run } = told.notice;
  if (run === null || run.activity === null || run.attempt !== null) return told;
  const attempt = await attemptsOf(run).catch(() => null);
  return { ...told, notice: { ...told.notice, run: { ...run, attempt } } };
}

/** Longer than the other side would ever ask for; a wrong clock there must not silence a notice. */
const RETRY_AFTER_MS_MAX = 3_600_000;

/** Waits as long as the other side asks, where it does. */
function asFailure(error: unknown, attempt: number): unknown {
  const failure = toFailure(error);
  if (!(error instanceof SsmdError) || !(failure instanceof ApplicationFailure)) return failure;
  const { retry_after_ms } = error.facts;
  if (typeof retry_after_ms !== 'number') return failure;
  return ApplicationFailure.create({
    message: `${error.message} (attempt ${attempt})`,
    type: error.code,
    nonRetryable: !error.retryable,
    nextRetryDelay: Math.min(Math.max(retry_after_ms, 100), RETRY_AFTER_MS_MAX),
    details: [error.facts],
  });
}
