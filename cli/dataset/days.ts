/** Committed days as `ssmd dataset list` shows them: by day, its versions in their order. */
import { versionOfDay } from '../../dataset/current.ts';
import type { Current } from '../../dataset/current.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { compareVersions } from '../../dataset/version.ts';
import type { CliContext } from '../command.ts';
import { countOf, formatBytes, formatCount } from '../format.ts';

export type DayRow = Pick<Manifest, 'feed' | 'day' | 'version' | 'origin' | 'complete'> &
  Manifest['totals'] & {
    /** Whether readers of the day get this version. */
    readonly serves: boolean;
    readonly gaps: number;
  };

/** The committed days of one feed; `current` says which versions serve, null where none does. */
export function daysOf(manifests: readonly Manifest[], current: Current | null): DayRow[] {
  return manifests
    .map(({ feed, day, version, origin, complete, gaps, totals }) => ({
      ...{ feed, day, version, origin, complete, gaps: gaps.length, ...totals },
      serves: versionOfDay(current, day) === version,
    }))
    .sort((a, b) =>
      a.day === b.day ? compareVersions(a.version, b.version) : a.day < b.day ? -1 : 1,
    );
}

export function printDays(rows: readonly DayRow[], { output }: CliContext): void {
  output.table(
    ['feed', 'day', 'version', 'serves', 'origin', 'state', 'objects', 'events', 'bytes'],
    rows.map((row) => [
      row.feed,
      row.day,
      row.version,
      row.serves ? 'yes' : '',
      row.origin,
      row.complete ? 'complete' : countOf(row.gaps, 'gap'),
      formatCount(row.objects),
      formatCount(row.records),
      formatBytes(row.bytes),
    ]),
    { optional: ['origin', 'bytes'] },
  );
}
