/** How far something is, as a line: on a terminal in place, elsewhere a plain line now and then. */
import { formatCount, formatDuration } from './format.ts';
import type { LiveLines } from './live-lines.ts';

export type Progress = {
  /** `done` so far; `note` stands behind the numbers, several notes below them. */
  readonly update: (done: number, note?: string | readonly string[]) => void;
  /** Takes it away and leaves one line behind, or none. */
  readonly end: (line?: string) => void;
};

export type ProgressOptions = {
  readonly label: string;
  /** Absent: the end is not known, and no bar is drawn. */
  readonly total?: number;
  /** What is counted, in the plural: `frames`. Absent: nothing is, only time passes. */
  readonly unit?: string;
};

const PLAIN_EVERY_MS = 5_000;
const BAR_WIDTHS = [24, 12, 6];

/** On a terminal. `say` writes the line that is left behind. */
export function liveProgress(
  of: ProgressOptions,
  lines: LiveLines,
  say: (line: string) => void,
): Progress {
  const from = performance.now();
  const line = lines.add();
  const update: Progress['update'] = (done, note = []) => {
    const elapsed_ms = performance.now() - from;
    const notes = typeof note === 'string' ? [note] : note;
    line.show((columns) => progressRows(of, { done, elapsed_ms, notes }, columns));
  };
  update(0);
  return {
    update,
    end(words) {
      line.remove();
      if (words !== undefined) say(words);
    },
  };
}

/** A line every five seconds, for logs and pipes. */
export function plainProgress(of: ProgressOptions, say: (line: string) => void): Progress {
  const from = performance.now();
  let shown = from;
  return {
    update(done, note = []) {
      const now = performance.now();
      if (now - shown < PLAIN_EVERY_MS) return;
      shown = now;
      const notes = typeof note === 'string' ? [note] : note;
      const words = [amount(of, done), ...pace(of, done, now - from), notes.join('; ')];
      say(`${of.label}: ${words.filter((word) => word !== '').join(', ')}`);
    },
    end(line) {
      if (line !== undefined) say(line);
    },
  };
}

type State = {
  readonly done: number;
  readonly elapsed_ms: number;
  readonly notes: readonly string[];
};

/** The widest form that fits: a shorter bar first, then no pace, then no bar. */
export function progressRows(of: ProgressOptions, state: State, columns: number): string[] {
  const { done, elapsed_ms, notes } = state;
  const [only] = notes;
  const note = notes.length === 1 && only !== undefined && only !== '' ? [only] : [];
  const below = notes.length > 1 ? notes.map((row) => `  ${row}`) : [];
  const paces = pace(of, done, elapsed_ms).join(', ');
  const forms = BAR_WIDTHS.flatMap((width) => [
    [of.label, ...bar(of, done, width), paces, ...note],
  ]).concat([
    [of.label, ...bar(of, done, BAR_WIDTHS.at(-1) ?? 0), ...note],
    [of.label, amount(of, done), ...note],
  ]);
  const rows = forms.map((parts) => parts.filter((part) => part !== '').join('  '));
  return [rows.find((row) => row.length <= columns) ?? rows.at(-1) ?? '', ...below];
}

function bar(of: ProgressOptions, done: number, width: number): string[] {
  if (of.total === undefined) return [amount(of, done)];
  const share = of.total === 0 ? 1 : Math.min(done / of.total, 1);
  const full = Math.floor(share * width);
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  return [`${'━'.repeat(full)}${'─'.repeat(width - full)} ${percent}`];
}

function amount({ total, unit }: ProgressOptions, done: number): string {
  const percent = total === undefined || total === 0 ? 100 : Math.floor((done / total) * 100);
  if (unit === undefined) return total === undefined ? '' : `${percent} %`;
  if (total === undefined) return `${formatCount(done)} ${unit}`;
  return `${formatCount(done)} of ${formatCount(total)} ${unit} (${percent} %)`;
}

/** Rate so far, and time left or passed, in words. */
function pace({ total, unit }: ProgressOptions, done: number, elapsed_ms: number): string[] {
  const seconds = Math.max(elapsed_ms / 1_000, 0.001);
  const rate = done / seconds;
  const rates = unit === undefined ? [] : [`${formatCount(rate)} ${unit}/s`];
  if (total === undefined) return unit === undefined ? [`${Math.floor(seconds)} s`] : rates;
  if (rate === 0) return [];
  return [...rates, `${formatDuration(Math.ceil((total - done) / rate) * 1_000)} left`];
}
