/**
 * What a run shows of itself while it runs, in the UI's Current Details: a bar, a table of stages with
 * their counts, warnings, facts, and what to do next. Pure but for the one call that shows it.
 */
import { setCurrentDetails } from '@temporalio/workflow';
import type { Ticket } from '../../schema/notice.ts';

export type Stage = {
  readonly name: string;
  readonly state: 'waiting' | 'running' | 'done' | 'skipped' | 'failed';
  readonly note: string;
};

/** Stages in order; `at` is the one that runs, notes are kept by name. */
export type Progress = {
  readonly title: string;
  readonly stages: readonly Stage[];
  /** What somebody should look at, though the run goes on. */
  readonly warnings: readonly string[];
  readonly next: string;
};

export function startProgress(title: string, names: readonly string[]): Progress {
  const stages = names.map((name) => ({ name, state: 'waiting', note: '' }) as const);
  return { title, stages, warnings: [], next: '' };
}

/** `name` runs now; the one before is done. */
export function entered(progress: Progress, name: string, note = ''): Progress {
  const index = progress.stages.findIndex((stage) => stage.name === name);
  const stages = progress.stages.map((stage, at): Stage => {
    if (at === index) return { ...stage, state: 'running', note };
    if (at < index && stage.state !== 'skipped') return { ...stage, state: 'done' };
    return at > index ? { ...stage, state: 'waiting' } : stage;
  });
  return { ...progress, stages };
}

/** Somebody should look; said once each. */
export function warned(progress: Progress, words: string): Progress {
  if (progress.warnings.includes(words)) return progress;
  return { ...progress, warnings: [...progress.warnings, words] };
}

/** Everything is done; `next` says what an operator may want to type now. */
export function finished(progress: Progress, next: string): Progress {
  const stages = progress.stages.map((stage): Stage =>
    stage.state === 'skipped' || stage.state === 'waiting'
      ? { ...stage, state: 'skipped' }
      : { ...stage, state: 'done' },
  );
  return { ...progress, stages, next };
}

/** It ended where it is, with `why`; what it never came to still waits, and counts for nothing. */
export function failed(progress: Progress, why: string, next: string): Progress {
  const stages = progress.stages.map((stage): Stage =>
    stage.state === 'running' ? { ...stage, state: 'failed', note: why } : stage,
  );
  const told = stages.some((stage) => stage.state === 'failed');
  const words = `**It failed**${told ? '' : `: ${why}`}. Next:\n\n${next}`;
  return { ...progress, stages, next: words };
}

const BAR_CELLS = 24;

/** Markdown for the UI's Current Details; `ssmd job watch` shows the same without its marks. */
export function renderProgress(
  { title, stages, warnings, next }: Progress,
  tickets: readonly Ticket[] = [],
): string {
  const rows = stages.map(
    ({ name, state, note }) => `| ${MARK[state]} | ${name} | ${cell(note)} |`,
  );
  const table = ['| | stage | |', '|---|---|---|', ...rows].join('\n');
  const alarms = warnings.map((words) => `**Warning**: ${words}`);
  const parts = [`**${title}**`, bar(stages), table, ...alarms, ticketLine(tickets), next];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** The tickets of the troubles a run is in; nothing where there are none. */
export function ticketLine(tickets: readonly Ticket[]): string {
  const links = tickets.map(({ id, url }) => (url === null ? id : `[${id}](${url})`));
  return links.length === 0 ? '' : `**Ticket**: ${links.join(', ')}`;
}

/** Of stages, since how long one takes is not known; a run with one stage needs none. */
function bar(stages: readonly Stage[]): string {
  if (stages.length < 2) return '';
  const past = stages.filter(({ state }) => state === 'done' || state === 'skipped').length;
  const over = stages.every(({ state }) => state === 'done' || state === 'skipped');
  const share = over ? 1 : past / stages.length;
  const full = Math.round(share * BAR_CELLS);
  const line = '█'.repeat(full) + '░'.repeat(BAR_CELLS - full);
  return `\`${line}\` ${past} of ${stages.length} stages`;
}

/** What would end a table's cell early. */
function cell(note: string): string {
  return note.replaceAll('|', '/').replaceAll(/\s*\n\s*/g, ' ');
}

/** Says where a run is; null: it is over. */
export type Show = (stage: string | null, note?: string) => void;

/** Of this run: in the sandbox each run has modules of its own. */
let shown: Progress | null = null;
let tickets: readonly Ticket[] = [];

/** Shows a run's progress from now on. */
export function showProgress(progress: Progress): void {
  shown = progress;
  setCurrentDetails(renderProgress(progress, tickets));
}

/** A run's progress, shown in the UI's Current Details as it changes. */
export function createShow(title: string, stages: readonly string[]): Show {
  shown = startProgress(title, stages);
  return (stage, note = '') => {
    const progress = shown ?? startProgress(title, stages);
    showProgress(stage === null ? finished(progress, note) : entered(progress, stage, note));
  };
}

/** Adds a ticket to what the run shows, from now on. */
export function showTicket(ticket: Ticket): void {
  tickets = [...tickets.filter(({ id }) => id !== ticket.id), ticket];
  if (shown === null) setCurrentDetails(ticketLine(tickets));
  else showProgress(shown);
}

/** Adds a warning to what the run shows. */
export function showWarning(title: string, words: string): void {
  showProgress(warned(shown ?? startProgress(title, []), words));
}

/** The run is over, and did not do. */
export function showFailure(title: string, why: string, next: string): void {
  showProgress(failed(shown ?? startProgress(title, []), why, next));
}

const MARK: { readonly [S in Stage['state']]: string } = {
  waiting: ' ',
  running: '>',
  done: 'x',
  skipped: '-',
  failed: '!',
};
