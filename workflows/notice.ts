/**
 * One trouble, from the first time it is told until it is over: `notice/{fingerprint}`. Each channel is
 * told in order and by itself, for a day; one that is away keeps neither the others nor the failed run
 * waiting. What comes in meanwhile is told as one.
 */
import {
  condition,
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { Delivered, DeliverInput, DeliveryActivities } from '../activities/notices.ts';
import type { Notice, Ticket, Well } from '../schema/notice.ts';
import { fileUnder } from './lib/attributes.ts';
import { messageOf } from './lib/failures.ts';
import { ticketLine } from './lib/progress.ts';
import { NOTIFY_QUEUE } from './lib/queues.ts';
import { ticketSignal } from './lib/ticket.ts';

export type NoticeInput = {
  readonly fingerprint: string;
  /** Of the run before this one, where that grew long. */
  readonly carried?: Carried;
};

/** `left`: nothing was heard of it for a month; its issue stays as it is. */
export type NoticeReport = { readonly outcome: 'over' | 'left'; readonly count: number };

type Carried = {
  readonly count: number;
  readonly last: Notice | null;
  readonly seen: readonly string[];
  readonly channels: readonly ChannelState[];
  readonly borne?: Borne | null;
};

/** Its ticket, and what the server knows of filing it. */
type Borne = Pick<Delivered, 'search_attributes'> & { readonly ticket: Ticket };

/** What one channel was told. */
type ChannelState = {
  readonly name: string;
  /** Repeats it was told on `day`. */
  readonly day: string;
  readonly repeats: number;
  /** Its issue is open. */
  readonly open: boolean;
};

/** Repeats one channel is told of one trouble in a day; the rest is counted. */
export const REPEATS_A_DAY_MAX = 10;
/** Occurrences known by name: an audit reports what a run told days ago. */
const SEEN_MAX = 50;
const LEFT_AFTER = '30 days';

export const toldSignal = defineSignal<[Notice]>('told');
export const wellSignal = defineSignal<[Well]>('well');

const post = proxyActivities<DeliveryActivities>({
  taskQueue: NOTIFY_QUEUE,
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '24 hours',
  retry: { initialInterval: '5 seconds', backoffCoefficient: 2, maximumInterval: '5 minutes' },
});

type Item =
  | { readonly kind: 'told'; readonly notice: Notice; readonly count: number }
  | { readonly kind: 'well'; readonly well: Well; readonly notice: Notice; readonly count: number };

type Channel = { state: ChannelState; readonly queue: Item[]; resting: boolean; busy: boolean };

/** Of this run: in the sandbox each run has modules of its own. */
let borne: Borne | null = null;
let heard: Item | null = null;

export async function notice(input: NoticeInput): Promise<NoticeReport> {
  if (input.carried?.borne) bear(input.carried.borne);
  let count = input.carried?.count ?? 0;
  let last = input.carried?.last ?? null;
  let seen = input.carried?.seen ?? [];
  const early: Item[] = [];
  const channels: Channel[] = [];
  const hear = (item: Item): void => {
    early.push(item);
    for (const { queue } of channels) queue.push(item);
    heard = item;
    setCurrentDetails(detailsOf(item));
  };
  setHandler(toldSignal, (it) => {
    // An alert goes on until it is over, whichever worker looks.
    if (seen.includes(it.event) || (it.kind === 'alert' && count > 0)) return;
    seen = [...seen, it.event].slice(-SEEN_MAX);
    count += 1;
    last = it;
    hear({ kind: 'told', notice: it, count });
  });
  setHandler(wellSignal, (well) => {
    if (last === null || count === 0) return;
    hear({ kind: 'well', well, notice: last, count });
    // What comes after a recovery is trouble anew.
    count = 0;
  });
  const known = input.carried?.channels ?? fresh(await post.noticeChannels());
  for (const state of known)
    channels.push({ state, queue: [...early], resting: false, busy: false });
  const all = Promise.all(channels.map((channel) => serve(channel, channels)));
  const long = (): boolean => workflowInfo().continueAsNewSuggested;
  const ended = await Promise.race([
    all.then((outcomes) => ({ over: outcomes.includes('over') })),
    condition(() => long() && channels.every(isQuiet)).then(() => null),
  ]);
  if (ended !== null) return { outcome: ended.over ? 'over' : 'left', count };
  const states = channels.map(({ state }) => state);
  const carried = { count, last, seen, channels: states, borne };
  return continueAsNew<typeof notice>({ fingerprint: input.fingerprint, carried });
}

function fresh(names: readonly string[]): ChannelState[] {
  return names.map((name) => ({ name, day: '', repeats: 0, open: false }));
}

/** Tells one channel what there is, until it is over for all of them. */
async function serve(channel: Channel, all: readonly Channel[]): Promise<'over' | 'left'> {
  for (;;) {
    if (channel.queue.length === 0) {
      const last = channel.state.open || channel.state.day === '' ? 'left' : 'over';
      channel.resting = last === 'over';
      const heard = await condition(
        () => channel.queue.length > 0 || (channel.resting && all.every(isResting)),
        LEFT_AFTER,
      );
      if (channel.queue.length === 0) {
        if (!channel.resting && heard) continue;
        channel.resting = true;
        return last;
      }
    }
    channel.resting = false;
    const item = taken(channel.queue);
    channel.busy = true;
    channel.state = await tell(channel.state, item);
    channel.busy = false;
  }
}

function isResting({ resting, queue }: Channel): boolean {
  return resting && queue.length === 0;
}

function isQuiet({ queue, busy }: Channel): boolean {
  return queue.length === 0 && !busy;
}

/** The next to be told: of several of one kind in a row, the last. */
function taken(queue: Item[]): Item {
  for (;;) {
    const [item, next] = queue;
    if (item === undefined) throw new Error('nothing to tell');
    queue.shift();
    if (next === undefined || next.kind !== item.kind) return item;
  }
}

async function tell(state: ChannelState, item: Item): Promise<ChannelState> {
  const { name: channel } = state;
  const { count, notice: about } = item;
  if (item.kind === 'well') {
    await deliver({ channel, kind: 'recovered', well: item.well, notice: about, count });
    return { ...state, day: item.well.at.slice(0, 10), open: false };
  }
  const day = about.at.slice(0, 10);
  const repeats = state.day === day ? state.repeats : 0;
  if (state.open && repeats >= REPEATS_A_DAY_MAX) return { ...state, day, repeats };
  await deliver({ channel, kind: 'told', notice: about, count });
  return { ...state, day, repeats: repeats + (state.open ? 1 : 0), open: true };
}

/** What no attempt of a day delivers is kept in the worker's own file: it is never lost in silence. */
async function deliver(input: DeliverInput): Promise<void> {
  const summary = `${input.channel}: ${input.kind}`;
  try {
    const done = await post.deliverNotice.executeWithOptions({ summary }, [input]);
    // Results of before there were tickets lack it.
    const { ticket = null, search_attributes }: Partial<Delivered> = done;
    if (ticket === null) return;
    bear({ ticket, search_attributes: search_attributes ?? [] });
    if (input.kind === 'told') await tellRun(input.notice, ticket);
    return;
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.error('a channel could not be told', { channel: input.channel, error: messageOf(error) });
  }
  try {
    await post.keepNotice.executeWithOptions({ summary: `kept, not told: ${summary}` }, [input]);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.error('a notice was lost', { title: input.notice.title, error: messageOf(error) });
  }
}

/** By its ticket the notice is found; also by whoever asks whether there is one. */
function bear(of: Borne): void {
  if (borne?.ticket.id === of.ticket.id) return;
  borne = of;
  const { id, url } = of.ticket;
  fileUnder(of.search_attributes, { SsmdTicket: id });
  upsertMemo({ ticket: id, ticket_url: url });
  if (heard !== null) setCurrentDetails(detailsOf(heard));
}

/** A run that goes on bears it too. One that ended meanwhile does not: nothing can be filed there. */
async function tellRun({ run }: Notice, ticket: Ticket): Promise<void> {
  if (run?.running !== true) return;
  try {
    await getExternalWorkflowHandle(run.id, run.run_id).signal(ticketSignal, ticket);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.info('the run is over', { workflow_id: run.id, ticket: ticket.id });
  }
}

function detailsOf(item: Item): string {
  const { notice: about, count } = item;
  const causes = about.causes.map((cause) => `- ${cause}`).join('\n');
  const head = item.kind === 'well' ? `over: ${item.well.words}` : `${count} times`;
  const run = about.run === null ? '' : `Run: \`${about.run.id}\``;
  const parts = [
    `**${about.title}** (${head})`,
    ticketLine(borne === null ? [] : [borne.ticket]),
    run,
    causes,
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}
