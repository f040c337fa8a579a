/** Whether a location's clock is well: of this machine by its own word, of others by what they recorded. */
import { askMachine, readClock } from '../../connectors/runtime/clock-health.ts';
import { latestCaptures } from '../../qa/clock-history.ts';
import type { Location } from '../../schema/clock.ts';
import { NS_PER_HOUR, formatIso, nsFromMs } from '../../schema/time.ts';
import type { CliContext } from '../command.ts';
import { problemsOf } from './facts.ts';
import type { ClockProblem } from './facts.ts';
import { readClockSegments } from './raw.ts';
import { formatOffset } from './words.ts';

/** RAW of so long ago says nothing of now. */
const HOURS_BACK = 2;

export type ClockCheck = {
  readonly location_id: string;
  readonly healthy: boolean;
  /** What it was judged by. */
  readonly seen: readonly string[];
  readonly problems: readonly ClockProblem[];
};

export async function checkClock(
  location: Location,
  here: Location,
  env: string | undefined,
  context: CliContext,
): Promise<ClockCheck> {
  const own = location.location_id === here.location_id;
  const { seen, problems } = own
    ? await checkMachine(location, context)
    : await checkRecorded(location, env, context);
  return {
    location_id: location.location_id,
    healthy: problems.length === 0,
    seen,
    problems,
  };
}

type Found = Pick<ClockCheck, 'seen' | 'problems'>;

async function checkMachine(location: Location, { env }: CliContext): Promise<Found> {
  const reading = await readClock(askMachine(env), location.clock, Date.now());
  const { clock_source, clock_sync_status, clock_offset_us, by } = reading;
  const said = `this machine${by === null ? '' : `, ${by}`}`;
  const words = `${clock_source} ${clock_sync_status}, off by ${formatOffset(clock_offset_us)}`;
  return { seen: [`${said}: ${words}`], problems: problemsOf(reading, location) };
}

async function checkRecorded(
  location: Location,
  env: string | undefined,
  context: CliContext,
): Promise<Found> {
  const to = nsFromMs(Date.now());
  const from = to - BigInt(HOURS_BACK) * NS_PER_HOUR;
  const span = { from, to, feed: null, steps: false, newest: true };
  const segments = await readClockSegments({ ...span, env }, context);
  const own = latestCaptures(segments).filter(
    ({ capture }) => capture.location_id === location.location_id,
  );
  const fix = `run npx ssmd clock check ${location.location_id} there, with SSMD_LOCATION naming it`;
  if (own.length === 0) {
    const what = `nothing was recorded at ${location.location_id} in the last ${HOURS_BACK} hours`;
    return { seen: [], problems: [{ what, fix }] };
  }
  const problems: ClockProblem[] = [];
  const seen = own.map(({ capture, t }) => {
    const { feed, shard, clock_source, clock_sync_status, clock_offset_us } = capture;
    const of = `RAW of ${feed} ${shard} at ${formatIso(t).slice(0, 16)}Z`;
    const expected = location.clock.source;
    if (clock_sync_status !== 'synced') {
      problems.push({ what: `${of}: the clock is ${clock_sync_status}`, fix });
    }
    if (expected !== null && clock_source !== expected) {
      const what = `${of}: kept by ${clock_source}, the location expects ${expected}`;
      problems.push({ what, fix });
    }
    return `${of}: ${clock_source} ${clock_sync_status}, off by ${formatOffset(clock_offset_us)}`;
  });
  return { seen, problems };
}

export function printCheck(
  { location_id, healthy, seen, problems }: ClockCheck,
  { output }: CliContext,
): void {
  const { color } = output;
  output.line(`${location_id}: ${healthy ? color.green('healthy') : color.red('not healthy')}`);
  for (const it of seen) output.line(`  ${it}`);
  for (const { what, fix } of problems) {
    output.line(`${color.red('wrong')}: ${what}`);
    output.line(`  mend: ${fix}`);
  }
}
