/** Schedules on a terminal: one a line, one whole, and what an apply did. */
import type { Client } from '@temporalio/client';
import { nextTimes } from '../workers/schedule-times.ts';
import type { Applied } from '../workers/schedule-apply.ts';
import type { WantedSchedule } from '../workers/schedules.ts';
import type { CliContext } from './command.ts';
import { countOf } from './format.ts';
import { seconds } from './schedule-rows.ts';
import type { ScheduleRow } from './schedule-rows.ts';
import { sameEnv } from './same-env.ts';

const NEXT_SHOWN = 10;

export function printRows(rows: readonly ScheduleRow[], { output }: CliContext): void {
  output.table(
    ['schedule', 'state', 'next (UTC)', 'last (UTC)', 'runs', 'missed', 'skipped', 'waiting'],
    rows.map((row) => [
      row.id,
      row.paused ? 'paused' : 'active',
      row.paused ? '' : short(row.next[0]),
      short(row.recent.at(-1)?.due),
      ...[row.taken, row.missed, row.overlap_skipped + row.buffer_dropped, row.buffered].map(
        String,
      ),
    ]),
    { optional: ['waiting', 'last (UTC)'] },
  );
  const lost = rows.filter((it) => it.missed > 0 || it.buffer_dropped > 0);
  for (const { id } of lost) {
    output.note(`${id}: some due runs were never started; see: npx ssmd schedule show ${id}`);
  }
}

function short(at: string | undefined): string {
  return at === undefined ? '' : at.slice(0, 16).replace('T', ' ');
}

/** How a run ended; `gone` where the server no longer keeps it. */
export type RunState = { readonly status: string; readonly outcome: string | null };

export async function statesOf(client: Client, row: ScheduleRow): Promise<RunState[]> {
  return Promise.all(
    row.recent.map(async ({ id, run_id }) => {
      const found = await client.workflow
        .getHandle(id, run_id)
        .describe()
        .catch(() => null);
      const outcome = found?.memo?.['outcome'];
      const status = found?.status.name ?? 'gone';
      return { status, outcome: typeof outcome === 'string' ? outcome : null };
    }),
  );
}

export function printRow(
  row: ScheduleRow,
  states: readonly RunState[],
  { output }: CliContext,
): void {
  const { color, line } = output;
  const state = row.paused ? color.yellow('paused') : 'active';
  line(`${color.bold(row.id)}  ${state}${row.note === null ? '' : `: ${row.note}`}`);
  line(`  starts     ${row.job} ${JSON.stringify(row.input)}`);
  line(`  fires      ${row.fires.join('; ')} ${row.tz}`);
  if (row.skips.length > 0) line(`  not        ${row.skips.join('; ')}`);
  const days = row.catchup_s / 86_400;
  const back = days >= 1 ? countOf(days, 'day') : countOf(row.catchup_s, 'second');
  line(`  late       makes up for ${back}; while one runs: ${OVERLAP[row.overlap] ?? row.overlap}`);
  if (row.pause_on_failure) line('  failure    pauses it');
  const { taken, missed, overlap_skipped, buffered, buffer_dropped } = row;
  line(
    `  counts     ${taken} started, ${missed} missed, ${overlap_skipped} skipped for overlap, ` +
      `${buffered} waiting, ${buffer_dropped} dropped`,
  );
  line(`  next       ${nextOf(row)}`);
  if (row.recent.length > 0) line('  last');
  row.recent.forEach(({ due, id }, index) => {
    const { status = '', outcome = null } = states[index] ?? {};
    line(`    ${due}  ${status}${outcome === null ? '' : ` (${outcome})`}  ${id}`);
  });
}

/** The server counts on where it is paused, though nothing starts then. */
function nextOf({ id, paused, next }: ScheduleRow): string {
  if (paused) return `nothing until it is resumed: npx ssmd schedule resume ${id}`;
  return next.slice(0, NEXT_SHOWN).join('\n             ');
}

const OVERLAP: Readonly<Record<string, string>> = {
  ALLOW_ALL: 'the next starts beside it',
  BUFFER_ALL: 'all wait',
  BUFFER_ONE: 'one waits, others are skipped',
  SKIP: 'the next is skipped',
};

/** Times a schedule would fire; the nearest first. */
export function upcoming(wanted: WantedSchedule, now_ms: number): string[] {
  return nextTimes(wanted.times, now_ms, NEXT_SHOWN).map((at) => seconds(new Date(at)));
}

const WOULD: { readonly [O in Applied['outcome']]: string } = {
  created: 'would be created',
  updated: 'would be updated',
  unchanged: 'unchanged',
  unwanted: 'is wanted no more',
  deleted: 'would be deleted',
};

export function printApplied(
  applied: readonly (Applied & { readonly next: readonly string[] })[],
  dry_run: boolean,
  context: CliContext,
): void {
  const { output } = context;
  for (const { id, outcome, diff, paused, next } of applied) {
    const words = dry_run || outcome === 'unwanted' ? WOULD[outcome] : outcome;
    output.line(`${id}: ${words}${paused ? ' (paused, and stays so)' : ''}`);
    for (const line of diff) {
      output.line(`  ${line.startsWith('-') ? output.color.red(line) : output.color.green(line)}`);
    }
    if (dry_run && next.length > 0) output.line(`  next: ${next.join(', ')}`);
  }
  if (applied.some(({ outcome }) => outcome === 'unwanted')) {
    output.note(
      `to delete what is wanted no more: npx ssmd schedule apply --prune${sameEnv(context)}`,
    );
  }
}
