/** Where a replay begins, what it can be told, and how it says where it is. Pure. */
import type { ReplayLink, ReplayRecord, ReplayStored } from '../../bus/replay.ts';
import type { ReplaySpan } from '../../dataset/replay-span.ts';
import { isReplaySpeed } from '../../schema/replay.ts';
import type {
  ReplayCommand,
  ReplayCursor,
  ReplayMark,
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
 * last message the stream has of that pass. What that process sent beyond it is lost or never was.
 *
 * Only a stream whose messages have all gone by age asks the caller: what he knows to be stored is the
 * place where the stream ended then as it does now. Where it did not, nobody knows the place, and a new
 * pass sends from a known one, so that nobody takes for a repeat what he never had.
 */
export function startOf(of: {
  readonly span: ReplaySpan;
  readonly speed: ReplaySpeed;
  readonly resume: ReplayMark | null;
  readonly link: Pick<ReplayLink, 'record' | 'stored'>;
}): Beginning {
  const { span, speed, resume, link } = of;
  const told = link.record !== null && link.record.pass > 0 ? link.record : null;
  const from = told === null ? anew(span, resume) : takenUp(told, link.stored(), resume);
  return { ...from, speed: told?.speed ?? speed, paused: told?.paused ?? false };
}

type Place = Pick<Beginning, 'start' | 'cursor'>;

function passAt(pass: number, start: string): Place {
  return { start, cursor: { pass, t: start, k: 0 } };
}

/** A stream that was told nothing: it is the first, or the one before was deleted with all it held. */
function anew(span: ReplaySpan, resume: ReplayMark | null): Place {
  const start = span.from.toString();
  const lost = resume !== null && (resume.t !== start || resume.k > 0);
  return passAt((resume?.pass ?? 1) + (lost ? 1 : 0), start);
}

function takenUp(told: ReplayRecord, stored: ReplayStored, resume: ReplayMark | null): Place {
  const { pass, start } = told;
  const { cursor, seq } = stored;
  if (cursor !== null) return cursor.pass === pass ? { start, cursor } : passAt(pass, start);
  if (seq === 0 && resume === null) return passAt(pass, start);
  const known = resume?.pass === pass ? resume : null;
  if (known === null) return passAt(pass + 1, start);
  const { t, k } = known;
  if (known.seq === seq) return { start, cursor: { pass, t, k } };
  // A stream that has lost what was stored gets all of it again.
  return passAt(pass + 1, known.seq < seq ? t : start);
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
