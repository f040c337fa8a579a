/** What a run shows of itself while it runs: a table of stages and a word on what to do next. */
import { setCurrentDetails } from '@temporalio/workflow';

export type Stage = {
  readonly name: string;
  readonly state: 'waiting' | 'running' | 'done' | 'skipped';
  readonly note: string;
};

/** Stages in order; `at` is the one that runs, notes are kept by name. */
export type Progress = {
  readonly title: string;
  readonly stages: readonly Stage[];
  readonly next: string;
};

export function startProgress(title: string, names: readonly string[]): Progress {
  const stages = names.map((name) => ({ name, state: 'waiting', note: '' }) as const);
  return { title, stages, next: '' };
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

export function noted(progress: Progress, name: string, note: string): Progress {
  const stages = progress.stages.map((stage) => (stage.name === name ? { ...stage, note } : stage));
  return { ...progress, stages };
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

/** Markdown for the UI's Current Details. */
export function renderProgress({ title, stages, next }: Progress): string {
  const rows = stages.map(({ name, state, note }) => `| ${MARK[state]} | ${name} | ${note} |`);
  const table = ['| | stage | |', '|---|---|---|', ...rows].join('\n');
  return `**${title}**\n\n${table}${next === '' ? '' : `\n\n${next}`}`;
}

/** Says where a run is; null: it is over. */
export type Show = (stage: string | null, note?: string) => void;

/** A run's progress, shown in the UI's Current Details as it changes. */
export function createShow(title: string, stages: readonly string[]): Show {
  let progress: Progress = startProgress(title, stages);
  return (stage, note = '') => {
    progress = stage === null ? finished(progress, note) : entered(progress, stage, note);
    setCurrentDetails(renderProgress(progress));
  };
}

const MARK: { readonly [S in Stage['state']]: string } = {
  waiting: ' ',
  running: '>',
  done: 'x',
  skipped: '-',
};
