/** What an audit says, as its JSON and as a page. */
import { renderPlain } from './plain-report.ts';

export type AuditFindingLine = {
  readonly kind: string;
  readonly key: string;
  readonly detail: string;
};

export type AuditDocument = {
  readonly format: 1;
  readonly outcome: 'passed' | 'failed';
  /** Null: all feeds of the environment. */
  readonly feed: string | null;
  readonly from: string;
  readonly to: string;
  readonly deep: boolean;
  /** More than one day: ranges, runs and leftovers were looked at as well. */
  readonly standing: boolean;
  readonly at: string;
  readonly since: string | null;
  readonly days: readonly {
    readonly feed: string;
    readonly day: string;
    readonly version: string | null;
    readonly outcome: 'passed' | 'failed';
    readonly objects: number;
    readonly equal: number;
    readonly records: number;
    readonly gaps: number;
    readonly findings: readonly AuditFindingLine[];
    readonly findings_left_off: number;
  }[];
  readonly ranges: readonly {
    readonly feed: string;
    readonly from: string;
    readonly to: string;
    readonly days: number;
    readonly manifests: number;
    readonly objects: number;
    readonly bytes: number;
  }[];
  readonly findings: readonly AuditFindingLine[];
};

/** The page of an audit, a complete HTML document. */
export function renderAudit(document: AuditDocument): string {
  const { days, ranges, findings, outcome } = document;
  const all = [
    ...findings,
    ...days.flatMap((day) =>
      day.findings.map((it) => ({ ...it, detail: `${day.feed} ${day.day}: ${it.detail}` })),
    ),
  ];
  const left_off = days.reduce((sum, it) => sum + it.findings_left_off, 0);
  const found = all.length + left_off;
  const scope = document.feed ?? 'all feeds';
  const span = document.from === document.to ? document.to : `${document.from} to ${document.to}`;
  const sum = (pick: (it: (typeof ranges)[number]) => number): number =>
    ranges.reduce((total, it) => total + pick(it), 0);
  return renderPlain({
    title: `Audit of ${scope}, ${span}`,
    badge: { words: outcome, look: outcome },
    intro: introOf(document),
    tiles: [
      { name: 'findings', value: found, bad: found > 0 },
      { name: 'days rebuilt from RAW', value: days.length },
      { name: 'days looked at', value: document.standing ? sum((it) => it.days) : days.length },
      {
        name: 'objects',
        value: sum((it) => it.objects) + (document.standing ? 0 : objectsOf(days)),
      },
    ],
    sections: [
      {
        title: 'Findings',
        note: left_off === 0 ? '' : `${left_off} more are not listed`,
        columns: ['kind', 'what', 'detail'],
        rows: all.map(({ kind, key, detail }) => [kind, key, detail]),
      },
      {
        title: 'Days rebuilt',
        note: 'each object compared with RAW, to the byte',
        columns: ['feed', 'day', 'version', 'outcome', 'objects', 'equal', 'records', 'known gaps'],
        rows: days.map((it) => [
          ...[it.feed, it.day, it.version ?? '', it.outcome],
          ...[it.objects, it.equal, it.records, it.gaps],
        ]),
      },
      {
        title: 'Ranges',
        note: 'manifests against RAW and its inventories, objects against what was proved',
        columns: ['feed', 'from', 'to', 'days', 'manifests', 'objects', 'bytes'],
        rows: ranges.map((it) => [
          ...[it.feed, it.from, it.to, it.days, it.manifests, it.objects, it.bytes],
        ]),
      },
    ],
    foot: `made at ${document.at}`,
  });
}

function objectsOf(days: AuditDocument['days']): number {
  return days.reduce((sum, it) => sum + it.objects, 0);
}

function introOf({ deep, standing, since }: AuditDocument): string {
  if (!standing) return 'The day was rebuilt from RAW and compared with the archive.';
  const rebuilt = deep
    ? 'Every committed day was rebuilt'
    : 'The newest day and one more were rebuilt';
  return `${rebuilt} from RAW; runs of jobs were looked at since ${since ?? 'the beginning'}.`;
}
