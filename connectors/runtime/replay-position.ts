/** Where a replay begins, what it can be told, and how it says where it is. Pure. */
import type { ReplayLink } from '../../bus/replay.ts';
import type { ReplaySpan } from '../../dataset/replay-span.ts';
import { isReplaySpeed } from '../../schema/replay.ts';
import type {
  ReplayCommand,
  ReplayCursor,
  ReplayPosition,
  ReplaySpeed,
  ReplayState,
} from '../../schema/replay.ts';
import { formatIso, parseUnixNs } from '../../schema/time.ts';

export type Beginning = {
  /** Where the pass began. */
  readonly start: string;
  readonly cursor: ReplayCursor;
  readonly speed: ReplaySpeed;
  readonly paused: boolean;
};

/**
 * Goes on where the process before this one was: as it was last told (the stream's record), after the
 * last message the stream has of that pass, or after what the caller knows where that is further.
 */
export function startOf(of: {
  readonly span: ReplaySpan;
  readonly speed: ReplaySpeed;
  readonly resume: ReplayCursor | null;
  readonly link: Pick<ReplayLink, 'record' | 'last'>;
}): Beginning {
  const { span, speed, resume, link } = of;
  const { record, last } = link;
  const told = record !== null && record.pass > 0 ? record : null;
  const pass = told?.pass ?? resume?.pass ?? 1;
  const start = told?.start ?? resume?.t ?? span.from.toString();
  let cursor: ReplayCursor = { pass, t: start, k: 0 };
  for (const known of [last, resume]) {
    if (known?.pass === pass && isBeyond(known, cursor)) cursor = known;
  }
  return { start, cursor, speed: told?.speed ?? speed, paused: told?.paused ?? false };
}

function isBeyond(one: ReplayCursor, other: ReplayCursor): boolean {
  const [t, u] = [BigInt(one.t), BigInt(other.t)];
  return t > u || (t === u && one.k > other.k);
}

/** Why a replay does not do what it is told; null where it does. */
export function commandFault(
  command: ReplayCommand,
  span: ReplaySpan,
  now: { readonly over: boolean; readonly paused: boolean },
): string | null {
  if (now.over) return 'the replay is over';
  switch (command.op) {
    case 'position':
    case 'stop':
      return null;
    case 'pause':
      return now.paused ? 'the replay is paused already' : null;
    case 'resume':
      return now.paused ? null : 'the replay is not paused';
    case 'speed':
      return isReplaySpeed(command.speed) ? null : `${String(command.speed)} is no speed`;
    case 'seek': {
      const to = parseUnixNs(command.to);
      if (to !== null && to >= span.from && to < span.to) return null;
      const where = to === null ? command.to : formatIso(to);
      return `${where} is outside the replay: ${formatIso(span.from)} to ${formatIso(span.to)}`;
    }
    default:
      return `there is no command ${JSON.stringify(command satisfies never)}`;
  }
}

/** The position, as it is told. */
export function positionOf(
  { from, to }: ReplaySpan,
  now: {
    readonly state: ReplayState;
    readonly t: bigint;
    readonly speed: ReplaySpeed;
    readonly pass: number;
    readonly events: number;
    readonly late_ns: bigint;
  },
): ReplayPosition {
  const { state, t, speed, pass, events, late_ns } = now;
  const share = state === 'ended' ? 1 : Number(t - from) / Number(to - from);
  return {
    ...{ state, speed, pass, events },
    t: t.toString(),
    at: formatIso(t),
    late_ms: Math.max(0, Math.round(Number(late_ns) / 1e6)),
    share: Math.round(Math.min(1, Math.max(0, share)) * 1e4) / 1e4,
  };
}
