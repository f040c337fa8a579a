/** Which file a row goes to: by exchange, stream, day and hour of `ts_recv`. */
import { NS_PER_HOUR, dayOf, dayStart } from '../../schema/time.ts';
import type { RawRow } from './raw-schema.ts';

export type Batch = {
  /** `okx/books/date=2026-11-21/hour=14` */
  readonly folder: string;
  readonly rows: readonly RawRow[];
};

/** Rows parted by their folder; within one they keep their order. */
export function batchesOf(rows: readonly RawRow[]): readonly Batch[] {
  const byFolder = new Map<string, RawRow[]>();
  let hour = -1n;
  let when = '';
  for (const row of rows) {
    const own = row.ts_recv / NS_PER_HOUR;
    if (own !== hour) {
      hour = own;
      when = hourFolder(row.ts_recv);
    }
    const folder = `${spelled(row.exchange)}/${spelled(row.stream)}/${when}`;
    const batch = byFolder.get(folder);
    if (batch === undefined) byFolder.set(folder, [row]);
    else batch.push(row);
  }
  return [...byFolder].map(([folder, own]) => ({ folder, rows: own }));
}

function hourFolder(ns: bigint): string {
  const day = dayOf(ns);
  const hour = (ns - dayStart(day)) / NS_PER_HOUR;
  return `date=${day}/hour=${hour.toString().padStart(2, '0')}`;
}

/** What a file system or a key would take otherwise is escaped, as in a URL. */
function spelled(name: string): string {
  return name === '.' || name === '..' ? '%2E' : encodeURIComponent(name);
}

/** `{run}-{number}.parquet`: no two files of a process, and no two processes, share one. */
export function fileName(run: string, number: number): string {
  return `${run}-${String(number).padStart(8, '0')}.parquet`;
}
