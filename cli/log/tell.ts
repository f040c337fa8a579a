/**
 * From lines of the log to what happened, in plain words: one *happening* a fact, an answer of the
 * venue or a fault of it; runs of frames are counted by connection and channel. Pure.
 */
import { factOf } from '../../codec/log-line.ts';
import type { LogLine } from '../../codec/log-line.ts';
import type { FactKey, Facts } from '../../schema/log.ts';
import { formatIso } from '../../schema/time.ts';
import type { FrameFacts, FrameReader } from './frame-facts.ts';
import { printable } from './segment-reader.ts';
import type { LinePlace } from './segment-reader.ts';

export type Happening = {
  /** The fact's name without `_`, or `frames frame accepted refused rejected system`. */
  readonly kind: string;
  readonly t: bigint;
  /** Of a run of frames or answers: the last one. */
  readonly t_to: bigint;
  readonly line: number;
  readonly c: number | null;
  readonly words: string;
  /** The same for programs. */
  readonly facts: Readonly<Record<string, unknown>>;
};

export type Teller = {
  readonly line: (line: LogLine, place: LinePlace) => void;
  /** Tells the run of frames that is open. */
  readonly flush: () => void;
};

export type TellerOptions = {
  readonly reader: FrameReader;
  /** One happening a frame, in place of counts. */
  readonly frames: boolean;
  readonly tell: (happening: Happening) => void;
};

type Run = {
  readonly kind: 'frames' | 'accepted';
  readonly t: bigint;
  readonly line: number;
  t_to: bigint;
  /** By connection, then by channel. */
  readonly counts: Map<number, Map<string, number>>;
  readonly symbols: Set<string>;
};

export function createTeller({ reader, frames, tell }: TellerOptions): Teller {
  // Answers come between data: each has a run of its own, told together.
  const runs: { accepted: Run | null; frames: Run | null } = { accepted: null, frames: null };

  function flush(): void {
    const open = [runs.accepted, runs.frames].filter((it) => it !== null);
    for (const run of open.sort((a, b) => a.line - b.line)) tell(describeRun(run));
    runs.accepted = null;
    runs.frames = null;
  }

  function count(
    kind: Run['kind'],
    { t }: LogLine,
    place: LinePlace,
    of: { readonly c: number; readonly channel: string; readonly symbol: string | null },
  ): void {
    const run = (runs[kind] ??= {
      ...{ kind, t, t_to: t, line: place.line },
      counts: new Map(),
      symbols: new Set(),
    });
    run.t_to = t;
    const channels = run.counts.get(of.c) ?? new Map<string, number>();
    run.counts.set(of.c, channels);
    channels.set(of.channel, (channels.get(of.channel) ?? 0) + 1);
    if (of.symbol !== null) run.symbols.add(of.symbol);
  }

  function frame(line: LogLine, place: LinePlace): void {
    const of = reader.read(line);
    if (frames) return tell(describeFrame(line, place, of));
    const { channel, symbol } = of;
    if (of.kind === 'ack') {
      const what = of.reason === 'unsubscribe' ? `unsubscribe ${channel}` : channel;
      return count('accepted', line, place, { c: line.c, channel: what, symbol });
    }
    if (of.kind !== 'refused' && of.kind !== 'rejected' && of.kind !== 'system') {
      return count('frames', line, place, { c: line.c, channel, symbol: null });
    }
    flush();
    tell(describeAnswer(of.kind, line, place, of));
  }

  return {
    flush,
    line(line, place) {
      if (line.kind === 'frame') return frame(line, place);
      if (line.kind !== 'fact' || line.key === null) return;
      reader.follow(line);
      const sent = factOf(line, '_sent');
      if (!frames && sent !== null && reader.isPing(sent.text)) {
        return count('frames', line, place, { c: sent.c, channel: 'our ping', symbol: null });
      }
      flush();
      const words = FACT_WORDS[line.key](line.fact as never, line.t);
      const { c = null } = line.fact as { readonly c?: number | null };
      tell({
        kind: line.key.slice(1),
        ...{ t: line.t, t_to: line.t, line: place.line, c, words: printable(words) },
        facts: line.fact as Facts[FactKey],
      });
    },
  };
}

const FACT_WORDS: { readonly [K in FactKey]: (fact: Facts[K], t: bigint) => string } = {
  _open: ({ c, url, day }) => `c${c} opened ${url}, for ${day}`,
  _sent: ({ c, text }) => `c${c} sent ${text}`,
  _close: ({ c, code, reason, by }) =>
    `c${c} closed by ${by === 'us' ? 'us' : `the ${by}`}` +
    (code === null ? '' : `, code ${code}`) +
    (reason === '' ? '' : `: ${reason}`),
  _drop: ({ c, frames, bytes, from, reason }) =>
    `c${c} LOST ${frames} frames (${bytes} bytes) since ${clock(BigInt(from))}: ${reason}`,
  _alarm: ({ kind, c, channel, symbol, detail }) =>
    `alarm ${kind}` +
    [c === null ? null : `c${c}`, channel, symbol]
      .map((it) => (it === null ? '' : ` ${it}`))
      .join('') +
    (detail === '' ? '' : `: ${detail}`),
  _clock: ({ step_ns, bad, detail }) =>
    `clock off by ${signedSeconds(BigInt(step_ns))}: what follows is ` +
    (bad ? 'marked bad-ts-recv' : 'good again') +
    (detail === '' ? '' : ` (${detail})`),
  _config: ({ sha256, config }) =>
    `configuration ${sha256.slice(0, 8)}: ${someOf(config.symbols.map((it) => it.symbol))}; ` +
    `channels ${config.channels.join(' ')}; books of ${config.book_depth}`,
  _day: ({ day, taken }) =>
    `the fold of ${day} begins, empty; ` +
    (taken ? 'this epoch speaks already' : 'this epoch does not speak yet'),
  _midnight: ({ day }) => `midnight: ${day} begins`,
  _take: ({ prev }, t) =>
    prev === null
      ? 'TAKES the shard: no epoch is known before it'
      : `TAKES the shard from epoch ${prev.epoch}, which reached ${clock(BigInt(prev.t))}: ` +
        `a hole of ${seconds(t - BigInt(prev.t))}`,
};

function describeRun({ kind, t, t_to, line, counts, symbols }: Run): Happening {
  const by_c = [...counts].sort(([a], [b]) => a - b);
  const total = by_c.flatMap(([, channels]) => [...channels.values()]).reduce((a, b) => a + b, 0);
  const parts = by_c.map(([c, channels]) => {
    const each = [...channels].sort(([a], [b]) => (a < b ? -1 : 1));
    return `c${c} ${each.map(([channel, count]) => `${channel} ${count}`).join(', ')}`;
  });
  const of = kind === 'accepted' && symbols.size > 0 ? ` (${someOf([...symbols])})` : '';
  const words =
    kind === 'accepted'
      ? `the venue accepted: ${parts.join('; ')}${of}`
      : `${total} ${total === 1 ? 'frame' : 'frames'}: ${parts.join('; ')}`;
  const [only] = by_c;
  return {
    ...{ kind, t, t_to, line, words: printable(words) },
    c: by_c.length === 1 ? (only?.[0] ?? null) : null,
    facts: {
      count: total,
      connections: by_c.map(([c, channels]) => ({ c, channels: Object.fromEntries(channels) })),
    },
  };
}

function describeAnswer(
  kind: 'refused' | 'rejected' | 'system',
  line: LogLine,
  place: LinePlace,
  { channel, symbol, reason }: FrameFacts,
): Happening {
  const about = [channel === kind ? null : channel, symbol].filter((it) => it !== null).join(' ');
  const frame = frameText(line);
  const words = {
    refused: `c${line.c} the venue REFUSED ${about}: ${reason}`,
    rejected: `c${line.c} a frame REJECTED as ${reason}: ${frame.text ?? frame.base64}`,
    system: `c${line.c} the venue says (${about}): ${reason === '' ? frame.text : reason}`,
  }[kind];
  return {
    ...{ kind, t: line.t, t_to: line.t, line: place.line, c: line.c },
    words: printable(words),
    facts: { channel, symbol, reason, ...frame },
  };
}

function describeFrame(line: LogLine, place: LinePlace, of: FrameFacts): Happening {
  const frame = frameText(line);
  const bytes = line.to - line.from;
  const what =
    of.kind === 'data' || of.kind === of.channel ? of.channel : `${of.kind} ${of.channel}`;
  return {
    ...{ kind: 'frame', t: line.t, t_to: line.t, line: place.line, c: line.c },
    words: printable(`c${line.c} ${what} ${bytes} B  ${frame.text ?? `base64 ${frame.base64}`}`),
    facts: {
      is: of.kind,
      channel: of.channel,
      symbol: of.symbol,
      form: line.form,
      bytes,
      ...frame,
    },
  };
}

/** A frame's bytes for JSON: as text where they are UTF-8, else as base64. */
function frameText(line: LogLine): { readonly text?: string; readonly base64?: string } {
  const bytes = line.bytes.subarray(line.from, line.to);
  try {
    return { text: fatal.decode(bytes) };
  } catch {
    return { base64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')) };
  }
}
const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const NAMES_SHOWN_MAX = 6;

function someOf(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN_MAX).join(' ');
  return names.length > NAMES_SHOWN_MAX
    ? `${shown} and ${names.length - NAMES_SHOWN_MAX} more`
    : shown;
}

/** `14:03:07.123456789` */
export function clock(t: bigint): string {
  return formatIso(t).slice(11, 29);
}

/** `1.204 s` */
export function seconds(ns: bigint): string {
  const ms = (ns < 0n ? -ns : ns) / 1_000_000n;
  return `${ns < 0n ? '-' : ''}${ms / 1000n}.${(ms % 1000n).toString().padStart(3, '0')} s`;
}

function signedSeconds(ns: bigint): string {
  return ns < 0n ? seconds(ns) : `+${seconds(ns)}`;
}

/** Whether a happening is one that loses data or may: shown so that it is not overlooked. */
export function isLoss({ kind, facts }: Happening): boolean {
  if (kind === 'close') return facts['by'] !== 'us';
  return ['drop', 'alarm', 'refused', 'rejected', 'take', 'clock'].includes(kind);
}
