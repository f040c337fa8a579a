/**
 * Claiming a shard: when it is free, when to wait for the one that has it, and what it left. Decided
 * from the last `ctl` alone; the server's expected sequence makes sure that only one claim wins.
 */
import type { StoredCtl } from '../../bus/ctl.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { PublisherLink } from './publisher-link.ts';
import { SILENCE_NS, STANDBY_SILENCE_NS, WARM_UP_NS } from './publisher-limits.ts';

export type ClaimView = {
  readonly epoch: number;
  /** The log clock's now. */
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

/** The last trade id of each symbol that the shard has published, whoever did. */
export async function lastTradeIds(
  link: PublisherLink,
  shard: string,
  feed: string,
): Promise<Record<string, string>> {
  const ids: Record<string, string> = {};
  for (const { subject, data } of await link.lastMessages(`internal.${shard}.${feed}.trade.*`)) {
    const symbol = subject.slice(subject.lastIndexOf('.') + 1);
    for (const event of decodeEvents(data)) {
      if (event.type === 'trade' && event.trade_id !== null) ids[symbol] = event.trade_id;
    }
  }
  return ids;
}
