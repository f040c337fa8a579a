/** What is there, and how it fits what the environment says: as JSON and as a page. */
import { renderPlain } from './plain-report.ts';

export type UsageRow = {
  /** Empty where it is of no feed. */
  readonly feed: string;
  readonly version: string;
  /** A type of event, a month of RAW, or a folder. */
  readonly what: string;
  readonly objects: number;
  readonly bytes: number;
};

export type UsageRetention = {
  readonly bucket: string;
  /** As the environment says; -1 is for ever. */
  readonly retention_days: number;
  readonly oldest_day: string | null;
  readonly days: number;
  /** Days that are kept longer than that, and their bytes. */
  readonly days_over: number;
  readonly bytes_over: number;
};

export type UsageDocument = {
  readonly format: 1;
  readonly at: string;
  /** Null: all feeds of the environment. */
  readonly feed: string | null;
  readonly raw: readonly UsageRow[];
  readonly normalized: readonly UsageRow[];
  readonly retention: readonly UsageRetention[];
  readonly entitlements: readonly {
    readonly client_id: string;
    readonly name: string;
    readonly type: string;
    readonly feeds: readonly string[];
    readonly symbols: readonly string[];
    readonly data_types: readonly string[];
  }[];
};

/** A complete HTML document. */
export function renderUsage(document: UsageDocument): string {
  const { raw, normalized, retention, entitlements } = document;
  const bytes = (rows: readonly UsageRow[]): number => rows.reduce((sum, it) => sum + it.bytes, 0);
  const count = (rows: readonly UsageRow[]): number =>
    rows.reduce((sum, it) => sum + it.objects, 0);
  const over = retention.reduce((sum, it) => sum + it.days_over, 0);
  return renderPlain({
    title: `Usage of ${document.feed ?? 'all feeds'}`,
    badge:
      over === 0 ? { words: 'as said', look: 'passed' } : { words: 'kept longer', look: 'pending' },
    intro: 'What lies in the two buckets, and how long the environment says it stays.',
    tiles: [
      { name: 'bytes of RAW', value: bytes(raw) },
      { name: 'objects of RAW', value: count(raw) },
      { name: 'bytes normalized', value: bytes(normalized) },
      { name: 'objects normalized', value: count(normalized) },
      { name: 'days beyond retention', value: over, bad: over > 0 },
    ],
    sections: [
      {
        title: 'Retention',
        note: '-1 is for ever; nothing is deleted for its age',
        columns: ['bucket', 'retention, days', 'oldest day', 'days', 'days beyond', 'bytes beyond'],
        rows: retention.map((it) => [
          ...[it.bucket, it.retention_days, it.oldest_day ?? ''],
          ...[it.days, it.days_over, it.bytes_over],
        ]),
      },
      { title: 'RAW', note: 'by feed and month', ...table(raw) },
      { title: 'Normalized', note: 'by feed, version and type', ...table(normalized) },
      {
        title: 'Entitlements',
        note: 'as the environment lists them; not enforced yet',
        columns: ['client', 'name', 'type', 'feeds', 'symbols', 'types'],
        rows: entitlements.map((it) => [
          ...[it.client_id, it.name, it.type],
          ...[it.feeds, it.symbols, it.data_types].map((list) => list.join(', ')),
        ]),
      },
    ],
    foot: `made at ${document.at}`,
  });
}

function table(rows: readonly UsageRow[]) {
  return {
    columns: ['feed', 'version', 'what', 'objects', 'bytes'],
    rows: rows.map((it) => [it.feed, it.version, it.what, it.objects, it.bytes]),
  };
}
