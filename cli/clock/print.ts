/** Tables of what is recorded about clocks. */
import type { ClockHistory, ClockJumpFound } from '../../qa/clock-history.ts';
import { formatIso } from '../../schema/time.ts';
import type { CliContext } from '../command.ts';
import { countOf, formatCount, formatDuration } from '../format.ts';
import type { ExchangeSkew, LocationSkew } from './skew.ts';
import { formatOffset } from './words.ts';

function at(t: string): string {
  return formatIso(BigInt(t)).slice(0, 19).replace('T', ' ');
}

export function printHistory(spans: readonly ClockHistory[], { output }: CliContext): void {
  if (spans.length === 0) return output.line('nothing is recorded there');
  output.table(
    ['FROM', 'TO', 'LOCATION', 'FEED', 'SHARD', 'SOURCE', 'STATUS', 'OFFSET'],
    spans.map((it) => [
      at(it.from),
      at(it.to),
      it.location_id,
      it.feed,
      it.shard,
      it.clock_source,
      it.clock_sync_status,
      it.clock_offset_us_min === null
        ? '-'
        : `${formatOffset(it.clock_offset_us_min)} .. ${formatOffset(it.clock_offset_us_max)}`,
    ]),
    { optional: ['SHARD', 'TO'] },
  );
}

export function printJumps(jumps: readonly ClockJumpFound[], { output }: CliContext): void {
  if (jumps.length === 0) return output.line('no jump of a clock is recorded there');
  output.table(
    ['AT', 'LOCATION', 'FEED', 'SHARD', 'JUMP', 'TRUSTED AGAIN', 'DETAIL'],
    jumps.map((it) => [
      at(it.t),
      it.location_id,
      it.feed,
      it.shard,
      formatOffset(it.by_us),
      it.until === null ? 'not by the end' : `after ${secondsOf(it)}`,
      it.detail,
    ]),
    { optional: ['DETAIL', 'SHARD'] },
  );
  output.line(
    `${countOf(jumps.length, 'jump')}; ssmd log show --feed FEED --shard SHARD shows what was around`,
  );
}

function secondsOf({ t, until }: ClockJumpFound): string {
  return formatDuration(Number((BigInt(until ?? t) - BigInt(t)) / 1_000_000n));
}

export function printExchange(rows: readonly ExchangeSkew[], { output }: CliContext): void {
  output.table(
    ['LOCATION', 'FEED', 'SKEW', 'TREND', 'MEAN', 'STDDEV', 'P1', 'P99', 'TRADES'],
    rows.map((it) => [
      it.location_id,
      it.feed,
      formatOffset(it.p50_us),
      it.word,
      formatOffset(it.mean_us),
      formatOffset(it.stddev_us).slice(1),
      formatOffset(it.p1_us),
      formatOffset(it.p99_us),
      formatCount(it.count),
    ]),
    { optional: ['P1', 'STDDEV', 'MEAN'] },
  );
  for (const { location_id, feed, shift } of rows) {
    if (shift === null) continue;
    const when = at(`${BigInt(Math.round(shift.at_s)) * 1_000_000_000n}`);
    output.line(`  ${location_id} ${feed}: changed by ${formatOffset(shift.by_us)} at ${when}`);
  }
}

export function printLocations(rows: readonly LocationSkew[], { output }: CliContext): void {
  output.table(
    ['LOCATION A', 'LOCATION B', 'SKEW', 'TREND', 'P1', 'P99', 'TRADES'],
    rows.map((it) => [
      it.location_a,
      it.location_b,
      formatOffset(it.p50_us),
      it.word,
      formatOffset(it.p1_us),
      formatOffset(it.p99_us),
      formatCount(it.count),
    ]),
    { optional: ['P1', 'P99'] },
  );
}

/** By hour. */
export function printSteps(rows: readonly ExchangeSkew[], { output }: CliContext): void {
  output.table(
    ['FROM', 'LOCATION', 'FEED', 'SKEW', 'STDDEV', 'P1', 'P99', 'TRADES'],
    rows.flatMap(({ location_id, feed, steps }) =>
      steps.map((it) => [
        at(it.t),
        location_id,
        feed,
        formatOffset(it.p50_us),
        formatOffset(it.stddev_us).slice(1),
        formatOffset(it.p1_us),
        formatOffset(it.p99_us),
        formatCount(it.count),
      ]),
    ),
    { optional: ['P1', 'STDDEV'] },
  );
}

/** For a scrape of text files: two locations are of two environments, and no connector knows both. */
export function prometheusOf(rows: readonly LocationSkew[]): string {
  const name = 'ssmd_clock_skew_us';
  const lines = rows.map(
    ({ location_a, location_b, p50_us }) =>
      `${name}{location_a="${location_a}",location_b="${location_b}"} ${p50_us}`,
  );
  return [
    `# HELP ${name} Receive time at a less that at b, of the same trades: median`,
    `# TYPE ${name} gauge`,
    ...lines,
  ].join('\n');
}
