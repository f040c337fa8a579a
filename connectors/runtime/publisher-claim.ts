/**
 * Claiming a shard: when it is free, when to wait for the one that has it, and what it left. Decided
 * from the last `ctl` alone; the server's expected sequence makes sure that only one claim wins.
 */
import type { StoredMessage } from '../../bus/bus.ts';
import type { StoredCtl } from '../../bus/ctl.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { MarketEvent } from '../../schema/events.ts';
import type { Clock } from './clock.ts';
import type { PublisherLink } from './publisher-link.ts';
import { SILENCE_NS, STANDBY_SILENCE_NS, WARM_UP_NS } from './publisher-limits.ts';
import type { StreamPosition } from './publisher-position.ts';
import type { Claim } from './publishing.ts';

export type ClaimOptions = {
  readonly epoch: number;
  readonly shard: string;
  readonly feed: string;
  readonly clock: Clock;
  readonly watermark: () => bigint;
  readonly position: StreamPosition;
  readonly open: () => Promise<PublisherLink>;
  readonly standby: boolean;
  readonly warm: () => boolean;
  readonly signal: AbortSignal;
  readonly pause: (wait_ms: number) => Promise<void>;
  readonly onAway: (error: unknown) => void;
  /** A message of the shard that is not ours, or a newer version's: it says nothing. */
  readonly onUnreadable: (subject: string, error: unknown) => void;
};

/** The claim, with the connection it was made over; null where the bus is away. */
export type Claimed = {
  readonly claim: Claim;
  readonly link: PublisherLink | null;
  /** Position of the claim: everything this epoch publishes lies after it. */
  readonly t: bigint;
};

/** Between two looks at a shard that another connector has. */
const CLAIM_RETRY_MS = 500;
/** A bus that was reached and is gone for this long is away: the shard may be taken without it. */
const AWAY_NS = 3_000_000_000n;

/** Resolves when the shard is ours, or may be taken without the bus. Throws `SSMD_FENCED`. */
export async function claimShard(options: ClaimOptions): Promise<Claimed> {
  const { clock, position } = options;
  const since = clock.wallNs();
  let link: PublisherLink | null = null;
  /** Whose the shard was at the last look, and how far it had got. */
  let known: Claim = { prev: null, ids: {}, seen: null };
  let reached_ns: bigint | null = null;
  for (;;) {
    try {
      options.signal.throwIfAborted();
      link ??= await options.open();
      const last = await link.lastCtl();
      reached_ns = clock.monoNs();
      const own = last !== null && position.isOwn(last);
      if (!own && last !== null) {
        known = { prev: positionOf(last), ...(await lastWords(link, options)) };
      }
      if (own || mayClaim(last, { ...options, since, now: clock.wallNs(), warm: options.warm() })) {
        const t = own ? takeBack(position, last) : await putClaim(link, options, last);
        if (t === null) continue;
        const words = await lastWords(link, options);
        // Aborted while the claim was on the wire: it is stored, but nobody will speak for it.
        options.signal.throwIfAborted();
        return { claim: { prev: known.prev, ...words }, link, t };
      }
    } catch (error) {
      void link?.close();
      link = null;
      options.signal.throwIfAborted();
      if (error instanceof SsmdError && error.code === 'SSMD_FENCED') throw error;
      options.onAway(error);
      const away = reached_ns === null || clock.monoNs() - reached_ns > AWAY_NS;
      if (away && !options.standby) {
        // As it was last seen: what only we heard is spoken, and the rest of the hole is told.
        return { claim: known, link: null, t: options.watermark() };
      }
    }
    await options.pause(CLAIM_RETRY_MS);
  }
}

const positionOf = ({ record }: StoredCtl): { epoch: number; t: bigint } => ({
  epoch: record.epoch,
  t: record.t,
});

export type ClaimView = {
  readonly epoch: number;
  readonly now: bigint;
  /** Since when this connector has wanted the shard. */
  readonly since: bigint;
  readonly standby: boolean;
  /** It could speak for everything. */
  readonly warm: boolean;
};

/**
 * Whether to claim now. A living connector is given way to for `WARM_UP_NS`, or until this one is
 * warm; one that was fenced before waits for silence. Throws `SSMD_FENCED` where the shard's epoch is
 * not older than ours: only a new start can have it.
 */
export function mayClaim(last: StoredCtl | null, view: ClaimView): boolean {
  if (last === null) return true;
  const { record } = last;
  if (record.epoch >= view.epoch) {
    throw new SsmdError(
      'SSMD_FENCED',
      `the shard belongs to epoch ${record.epoch} (${record.writer || 'writer unknown'}), which is ` +
        `not older than this one, ${view.epoch}: check this host's clock and start again`,
      { facts: { epoch: view.epoch, owner: record.epoch } },
    );
  }
  const silent = view.now - record.at;
  if (view.standby) return silent > STANDBY_SILENCE_NS;
  return silent > SILENCE_NS || view.warm || view.now - view.since > WARM_UP_NS;
}

/** Claims after `last`, at `claim_t` or now; null where someone else was faster. */
export async function putClaim(
  link: PublisherLink,
  {
    position,
    watermark,
    claim_t = null,
  }: { position: StreamPosition; watermark: () => bigint; claim_t?: bigint | null },
  last: StoredCtl | null,
): Promise<bigint | null> {
  const prev_t = last?.record.t ?? 0n;
  const now = claim_t ?? watermark();
  const t = claim_t === null && prev_t > now ? prev_t : now;
  const outcome = await link.ask(position.message(position.record(t, 0), last?.seq ?? 0));
  if (outcome === null) throw new SsmdError('SSMD_UNAVAILABLE', 'the connection was lost');
  if (outcome.type === 'stored') {
    position.claimed = true;
    position.expected = outcome.seq;
    return t;
  }
  if (outcome.reason !== 'wrong_last') {
    throw new SsmdError('SSMD_UNAVAILABLE', `the claim was refused: ${outcome.detail}`);
  }
  // It may be refused because it is there: our own, its acknowledgement lost.
  const found = await link.lastCtl();
  return found !== null && position.isOwn(found) ? takeBack(position, found) : null;
}

/** The shard is ours already, by a claim whose acknowledgement was lost. */
function takeBack(position: StreamPosition, own: StoredCtl): bigint {
  position.claimed = true;
  position.expected = own.seq;
  return own.record.t;
}

type Heard = Pick<ClaimOptions, 'shard' | 'feed' | 'onUnreadable'>;

/** What the shard has published last, whoever did. */
async function lastWords(link: PublisherLink, of: Heard): Promise<Pick<Claim, 'ids' | 'seen'>> {
  const { shard, feed } = of;
  const ids = await lastTradeIds(link, of);
  const last = await link.lastMessage(`internal.${shard}.${feed}.*.*`);
  const epoch = Number(last?.header('epoch') ?? Number.NaN);
  if (last === null || !Number.isSafeInteger(epoch)) return { ids, seen: null };
  // Packs of a backlog are in the order of their first events: any subject's may reach furthest.
  let t = -1n;
  for (const message of await link.lastMessages(`internal.${shard}.${feed}.*.*`)) {
    if (Number(message.header('epoch') ?? Number.NaN) !== epoch) continue;
    for (const event of eventsIn(message, of)) t = event.t > t ? event.t : t;
  }
  return { ids, seen: t < 0n ? null : { epoch, t } };
}

/** The last trade id of each symbol that the shard has published, whoever did. */
async function lastTradeIds(link: PublisherLink, of: Heard): Promise<Record<string, string>> {
  const ids: Record<string, string> = {};
  for (const message of await link.lastMessages(`internal.${of.shard}.${of.feed}.trade.*`)) {
    const symbol = message.subject.slice(message.subject.lastIndexOf('.') + 1);
    for (const event of eventsIn(message, of)) {
      if (event.type === 'trade' && event.trade_id !== null) ids[symbol] = event.trade_id;
    }
  }
  return ids;
}

/** None where they cannot be read: a shard that nobody could take would be mute for ever. */
function eventsIn({ subject, data }: StoredMessage, { onUnreadable }: Heard): MarketEvent[] {
  try {
    return [...decodeEvents(data)];
  } catch (error) {
    onUnreadable(subject, error);
    return [];
  }
}
