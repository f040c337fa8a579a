/**
 * RAW of which no day may be made, though it can be read in part: a commit is for ever, and would be
 * wrong or poorer than what a newer version, or an operator, can make of it. Nor is it replayed: what
 * is replayed is what the archive has or will have.
 */
import type { SegmentSurvey } from '../dataset/segment-survey.ts';
import { SsmdError } from '../schema/errors.ts';
import { dayStart } from '../schema/time.ts';
import type { FeedDay } from './raw-day.ts';

/** Throws `SSMD_CORRUPT`, not to be tried again: someone has to do what the message says. */
export function refuseUnfitRaw({ feed, day, findings }: FeedDay): void {
  const of = `${feed} ${day}`;
  for (const { segments } of findings) {
    const own = segments.filter((it) => it.id.t >= dayStart(day));
    const newer = own.find((it) => it.newer === true);
    if (newer !== undefined) {
      throw new SsmdError(
        'SSMD_CORRUPT',
        `raw segment ${newer.key} line ${newer.fault?.line ?? 1}: ${newer.fault?.detail ?? ''}; ${of} is ` +
          'neither archived nor replayed without it: upgrade this worker to the version of the ' +
          'connector, and start again',
        { facts: { key: newer.key, feed, day } },
      );
    }
    refuseTwoOfOneName(of, own);
  }
}

/** Segments of one epoch that two hosts wrote: both claim its interval, and nobody can say whose it is. */
function refuseTwoOfOneName(of: string, segments: readonly SegmentSurvey[]): void {
  const first = new Map<string, SegmentSurvey>();
  for (const segment of segments) {
    const { shard, epoch } = segment.id;
    const name = `${shard} ${epoch}`;
    const before = first.get(name);
    if (before === undefined && segment.capture !== null) first.set(name, segment);
    const [one, two] = [before?.capture?.host, segment.capture?.host];
    if (one === undefined || two === undefined || one === two) continue;
    throw new SsmdError(
      'SSMD_CORRUPT',
      `epoch ${epoch} of ${shard} was written by two hosts that claim the same interval: ${one} ` +
        `(${before?.key}) and ${two} (${segment.key}); ${of} is neither archived nor replayed: keep the ` +
        'segments of one of them in the raw bucket, and start again',
      { facts: { shard, epoch, hosts: [one, two] } },
    );
  }
}
