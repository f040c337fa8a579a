/** How this machine's clock is kept, against what its location expects: for people, with what to do. */
import { askMachine, readClock } from '../../connectors/runtime/clock-health.ts';
import type { ClockReading } from '../../connectors/runtime/clock-health.ts';
import type { Location } from '../../schema/clock.ts';
import { formatAgo, formatOffset, sinceSync } from './words.ts';

export type ClockProblem = { readonly what: string; readonly fix: string };

export type ClockFacts = {
  /** Null where it was not asked. */
  readonly reading: ClockReading | null;
  readonly lines: readonly string[];
  readonly problems: readonly ClockProblem[];
};

/**
 * Asks the machine. Where the location expects nothing, a clock that nobody keeps is told and is no
 * problem; where it does, it is.
 */
export async function clockFacts(
  location: Location,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<ClockFacts> {
  const reading = await readClock(askMachine(variables), location.clock, Date.now());
  const expects = location.clock.source !== null;
  const lines = [`clock (${location.location_id}): ${wordsOf(reading)}`];
  if (!expects) lines.push(...reading.notes.map((note) => `note: ${note}`));
  return { reading, lines, problems: expects ? problemsOf(reading, location) : [] };
}

function wordsOf(reading: ClockReading): string {
  const { clock_source, clock_sync_status, clock_offset_us, by } = reading;
  if (clock_source === 'unsynced') return 'unsynced, as far as anybody here knows';
  const ago = sinceSync(reading, Date.now());
  return (
    `${clock_source}, ${clock_sync_status}, off by ${formatOffset(clock_offset_us)}, ` +
    `${ago === null ? '' : `set right ${formatAgo(ago)}, `}says ${by}`
  );
}

/** What is not as it should be, each with what to do; empty for a clock that is well. */
export function problemsOf(reading: ClockReading, location: Location): ClockProblem[] {
  const problems = reading.notes.map((what) => ({ what, fix: fixOf(reading, location) }));
  if (problems.length > 0 || reading.clock_sync_status === 'synced') return problems;
  return [{ what: `the clock is ${reading.clock_sync_status}`, fix: fixOf(reading, location) }];
}

function fixOf(reading: ClockReading, { location_id, clock }: Location): string {
  if (reading.clock_source === 'unsynced') return startWords(clock);
  if (clock.source !== null && clock.source !== reading.clock_source) {
    return `${startWords(clock)}; or correct clock.source of ${location_id} in config/locations.yaml`;
  }
  return `npx ssmd clock sync ${location_id} asks its keeper to set it right at once`;
}

function startWords({ source, ntp_servers, ptp_domain }: Location['clock']): string {
  if (source === 'ptp') {
    const domain = ptp_domain === null ? '' : ` in domain ${ptp_domain}`;
    return `run ptp4l${domain} and phc2sys, or chrony with refclock PHC /dev/ptp0`;
  }
  if (source === 'gps' || source === 'hardware') {
    return 'run chrony with a refclock of the receiver (SHM, PPS or SOCK); chronyc sources shows it';
  }
  const servers = ntp_servers.length === 0 ? '' : ` with ${ntp_servers.join(', ')}`;
  return `run chrony or systemd-timesyncd${servers}; chronyc tracking says when it is synchronized`;
}
