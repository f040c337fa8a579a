/** One run on a page: where it is, why it waits, what it returned or why it failed, what to type next. */
import type { CliContext } from './command.ts';
import type { JobStatus } from './job-runs.ts';
import { sameEnv } from './same-env.ts';
import { shellWord } from './shell-word.ts';

export function printJob(found: JobStatus, context: CliContext): void {
  const { job, says, stuck, working_on, result, failure } = found;
  const { output } = context;
  const { color } = output;
  output.line(`${color.bold(job.type)} ${job.id}: ${job.status}`);
  output.line(`  started ${job.started}${job.closed === null ? '' : `, closed ${job.closed}`}`);
  if (job.outcome !== null) output.line(`  outcome ${job.outcome}`);
  if (stuck !== null) output.line(color.red(`  waits: ${stuck}`));
  if (says !== null) output.line(`\n${plainDetails(says)}\n`);
  for (const { activity, attempt, cursor, last_failure } of working_on) {
    output.line(`  ${activity}, attempt ${attempt}: ${cursor ?? 'no word yet'}`);
    if (last_failure !== null) output.line(`    the attempt before: ${last_failure}`);
  }
  if (failure !== null) output.line(color.red(`  ${failure}`));
  if (result !== null) output.line(JSON.stringify(result, null, 2));
  for (const hint of hintsOf(found, sameEnv(context))) output.line(color.dim(hint));
}

/** What an operator may want to type now, of a run that did not end well. */
export function hintsOf({ job }: JobStatus, env: string): string[] {
  if (['RUNNING', 'COMPLETED', 'CONTINUED_AS_NEW'].includes(job.status)) return [];
  const id = shellWord(job.id);
  return [
    `  what happened: npx ssmd job logs ${id}${env}`,
    `  again:         npx ssmd job retry ${id}${env}`,
  ];
}

/** What a run shows of itself is Markdown, for Temporal's UI: here without its marks, a row a stage. */
export function plainDetails(markdown: string): string {
  return markdown
    .split('\n')
    .filter((line) => !line.startsWith('| | ') && !line.startsWith('|---'))
    .map((line) => {
      const cells = line.startsWith('|') ? line.split('|').slice(1, -1) : null;
      if (cells === null) return line.replaceAll('**', '');
      const [mark = '', ...others] = cells.map((cell) => cell.trim());
      return `  ${mark.padEnd(2)} ${others.filter((cell) => cell !== '').join('  ')}`;
    })
    .join('\n');
}
