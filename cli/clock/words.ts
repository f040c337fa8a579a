/** Clocks in words, for people: offsets, ages, and how well a clock is kept. */
import type { ClockHealth } from '../../schema/clock.ts';

/** `+1.2ms`, `-830μs`, `+2.5s`; `-` where nobody said. */
export function formatOffset(us: number | null): string {
  if (us === null) return '-';
  const size = Math.abs(us);
  const sign = us < 0 ? '-' : '+';
  if (size < 999.5) return `${sign}${Math.round(size)}μs`;
  if (size < 999_950) return `${sign}${digits(size / 1_000)}ms`;
  return `${sign}${digits(size / 1_000_000)}s`;
}

function digits(value: number): string {
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/** `<1s ago`, `5s ago`, `3 min ago`, `2 h ago`, `4 d ago`; `-` where nobody said. */
export function formatAgo(ms: number | null): string {
  if (ms === null) return '-';
  const seconds = ms / 1_000;
  if (seconds < 1) return '<1s ago';
  if (seconds < 120) return `${Math.floor(seconds)}s ago`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** Since the clock was last set right, ms; null where nobody said when. */
export function sinceSync({ clock_last_sync }: ClockHealth, now_ms: number): number | null {
  return clock_last_sync === null ? null : Math.max(0, now_ms - Date.parse(clock_last_sync));
}
