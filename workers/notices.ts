/**
 * Where notices of this worker go: the desk (one standing run a trouble, on the Temporal server the jobs
 * have anyway) and the channels that are configured; without one, a file and the log.
 */
import { join } from 'node:path';
import { Client, WorkflowNotFoundError } from '@temporalio/client';
import type { ConnectionLike } from '@temporalio/client';
import type { WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createDeliveryActivities } from '../activities/notices.ts';
import type { DeliveryDeps, NoticeDesk, Tickets } from '../activities/notices.ts';
import type { NotifySettings } from '../environments/alerts-file.ts';
import { createFileNotifier } from '../notify/file.ts';
import { createLinearNotifier } from '../notify/linear.ts';
import type { Notifier, Place } from '../notify/notifier.ts';
import { createWebhookNotifier } from '../notify/webhook.ts';
import type { Notice, NoticeRun, Ticket, Well } from '../schema/notice.ts';
import { asSummary } from '../schema/run-words.ts';
import { NOTICE_ID_PREFIX, NOTIFY_QUEUE } from '../workflows/lib/queues.ts';

/** Deliveries at once. */
const DELIVERIES_MAX = 4;

/** The standing runs, over a connection that is open already. */
export function createNoticeDesk(connection: ConnectionLike, namespace: string): NoticeDesk {
  const client = new Client({ connection, namespace });
  return {
    told: async (notice: Notice) => {
      const { fingerprint } = notice;
      await client.workflow.signalWithStart('notice', {
        taskQueue: NOTIFY_QUEUE,
        workflowId: `${NOTICE_ID_PREFIX}${fingerprint}`,
        args: [{ fingerprint }],
        signal: 'told',
        signalArgs: [notice],
        staticSummary: asSummary(notice.title),
      });
    },
    well: async (well: Well) => {
      const handle = client.workflow.getHandle(`${NOTICE_ID_PREFIX}${well.fingerprint}`);
      try {
        await handle.signal('well', well);
        return true;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },
  };
}

/** How long the end of a run is held up by a ticket that is being opened, at most. */
export const TICKET_WAIT_MS = 2_000;
const TICKET_LOOK_MS = 100;
/** Asked in passing. */
const TICKET_ASK_MS = 2_000;

/** The tickets that standing runs bear. */
export function createTickets(
  connection: ConnectionLike,
  namespace: string,
  wait_ms: number = TICKET_WAIT_MS,
): Tickets {
  const client = new Client({ connection, namespace });
  const look = async (fingerprint: string): Promise<{ open: boolean; ticket: Ticket | null }> => {
    try {
      const { status, memo } = await client.workflow
        .getHandle(`${NOTICE_ID_PREFIX}${fingerprint}`)
        .describe();
      const open = status.name === 'RUNNING';
      const { ticket: id, ticket_url: url } = memo ?? {};
      if (typeof id !== 'string') return { open, ticket: null };
      return { open, ticket: { id, url: typeof url === 'string' ? url : null } };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return { open: false, ticket: null };
      throw error;
    }
  };
  const soon = <T>(ask: () => Promise<T>): Promise<T> =>
    connection.withDeadline(Date.now() + TICKET_ASK_MS, ask);
  return {
    open: async (fingerprints) => {
      const found = await soon(() => Promise.all(fingerprints.map(look)));
      return found.flatMap(({ open, ticket }) => (open && ticket !== null ? [ticket] : []));
    },
    told: async (fingerprints) => {
      const late = Date.now() + wait_ms;
      for (;;) {
        const found = await soon(() => Promise.all(fingerprints.map(look)));
        const tickets = found.flatMap(({ ticket }) => (ticket === null ? [] : [ticket]));
        const waits = found.some(({ open, ticket }) => open && ticket === null);
        if (!waits || Date.now() >= late) return tickets;
        await new Promise((resolve) => setTimeout(resolve, TICKET_LOOK_MS));
      }
    },
  };
}

/** Fingerprints of troubles that are not over, of those that begin so. */
export async function openNotices(
  connection: ConnectionLike,
  namespace: string,
  prefix: string,
): Promise<string[]> {
  const client = new Client({ connection, namespace });
  const ours = `WorkflowType = "notice" AND ExecutionStatus = "Running"`;
  const query = `${ours} AND WorkflowId STARTS_WITH "${NOTICE_ID_PREFIX}${prefix}"`;
  const found: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query })) {
    found.push(workflowId.slice(NOTICE_ID_PREFIX.length));
  }
  return found;
}

/** How often the last activity of a run was tried that did not succeed. */
export async function attemptsOf(
  connection: ConnectionLike,
  namespace: string,
  run: NoticeRun,
): Promise<number | null> {
  const client = new Client({ connection, namespace });
  const { events = [] } = await client.workflow.getHandle(run.id, run.run_id).fetchHistory();
  const started = new Map<string, number>();
  let attempts: number | null = null;
  for (const event of events ?? []) {
    const start = event.activityTaskStartedEventAttributes;
    if (start != null) started.set(String(start.scheduledEventId), start.attempt ?? 1);
    const ended =
      event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
    if (ended == null) continue;
    attempts = started.get(String(ended.scheduledEventId)) ?? attempts;
  }
  return attempts;
}

export type NoticeChannels = Pick<DeliveryDeps, 'notifiers' | 'last_resort'>;

/** The channels, in the order they are told; said once, so that nobody looks elsewhere. */
export function openChannels(of: {
  readonly root: string;
  readonly place: Place;
  readonly logger: Logger;
  readonly others: readonly Notifier[];
}): NoticeChannels {
  const { root, place, logger, others } = of;
  const path = join(root, '.ssmd', place.environment, 'notices.jsonl');
  const file = createFileNotifier({
    path,
    place,
    log: ({ body, ...line }) => logger.warn({ ...line, event: 'notice', notice: line.event, body }),
  });
  const notifiers = others.length === 0 ? [file] : others;
  const channels = notifiers.map(({ name }) => name);
  const hint =
    others.length === 0
      ? 'no key of Linear and no webhook: notices go to this file and this log; docs/alerts.md'
      : 'what a channel cannot be told within a day goes to this file';
  logger.info({ event: 'notices.channels', channels, file: path }, hint);
  return { notifiers, last_resort: file };
}

/** The channels that are configured. */
export function configured(settings: NotifySettings, place: Place): Notifier[] {
  const { linear, webhook } = settings;
  const notifiers: Notifier[] = [];
  if (linear !== null) {
    const { api_key, url, team } = linear;
    const access = { api_key, url, now_ms: Date.now };
    notifiers.push(createLinearNotifier({ access, place, team }));
  }
  if (webhook !== null) notifiers.push(createWebhookNotifier({ url: webhook.url, place }));
  return notifiers;
}

/** The worker of the notices' queue, without its workflows. */
export function noticeWorker(
  deps: DeliveryDeps,
): Pick<
  WorkerOptions,
  'taskQueue' | 'activities' | 'maxConcurrentActivityTaskExecutions' | 'shutdownGraceTime'
> & { readonly shutdownForceTime: '25 seconds' } {
  return {
    taskQueue: NOTIFY_QUEUE,
    activities: createDeliveryActivities(deps),
    maxConcurrentActivityTaskExecutions: DELIVERIES_MAX,
    shutdownGraceTime: '5 seconds',
    shutdownForceTime: '25 seconds',
  };
}
