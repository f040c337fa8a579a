/** A diff with what the values of both sides look like, and the lines of RAW behind its samples. */
import type { EventType } from '../schema/events.ts';
import { canonicalJson } from './canonical.ts';
import type { DiffDocument } from './diff.ts';
import type { StreamProfile } from './profile.ts';

/** The values of one stream; a side that has none of it is null. */
export type ProfilePair = {
  readonly type: EventType;
  readonly symbol: string;
  readonly same: boolean;
  readonly old: StreamProfile | null;
  /** Left out where it is the same. */
  readonly new?: StreamProfile | null;
};

export type CompareDocument = DiffDocument & {
  readonly profiles: readonly ProfilePair[];
  /** Lines of RAW by the event they yield, for events among the samples. */
  readonly frames: Readonly<Record<string, SampleFrame>>;
};

export type SampleFrame = {
  readonly segment: string;
  readonly line: number;
  readonly text: string;
};

export function pairProfiles(
  of: { readonly type: EventType; readonly symbol: string },
  old: StreamProfile | null,
  now: StreamProfile | null,
): ProfilePair {
  const { type, symbol } = of;
  const same = canonicalJson(old) === canonicalJson(now);
  return same ? { type, symbol, same, old } : { type, symbol, same, old, new: now };
}
