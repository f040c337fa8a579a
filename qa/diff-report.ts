/**
 * The comparison of a day in two versions as one HTML file: no script, no network, nothing but what the
 * JSON beside it says. Everything that came from data is escaped.
 */
import type {
  CountsByName,
  DiffDocument,
  DiffVerdict,
  StreamDiff,
  TypeDiff,
} from '../dataset/diff.ts';
import { isEqual } from '../dataset/diff.ts';
import type { SampleFrame } from '../dataset/compare.ts';
import type { DiffCounts, DiffSample, PlainRecord } from '../dataset/diff-tally.ts';
import type { ManifestGap } from '../dataset/manifest.ts';
import { formatIso } from '../schema/time.ts';
import { DIFF_STYLE } from './diff-style.ts';
import { escape, number, renderPage } from './page.ts';

/** Streams listed, and streams whose samples are shown; the rest is counted. */
const STREAMS_SHOWN_MAX = 300;
const SAMPLED_STREAMS_MAX = 60;

const VERDICT_LOOK: Readonly<Record<DiffVerdict, string>> = {
  identical: 'passed',
  projected: 'passed',
  differs: 'failed',
};

const DROPPED_WORDS: Readonly<Record<string, string>> = {
  other_type: 'of a type that md1 has no records of',
  trade_without_side: 'a trade whose aggressor the venue does not name',
  book_part: 'a part of a book cut into several, not the last',
  book_unverified: 'a book that nothing the venue sends proves',
  book_not_whole: 'a book without a snapshot, or with a gap open',
};

/** What a report may show beside a diff. */
export type DiffExtras = {
  /** Sections of HTML, after the samples. */
  readonly sections: string;
  /** Lines of RAW by the event they yield. */
  readonly frames: Readonly<Record<string, SampleFrame>>;
};
const NO_EXTRAS: DiffExtras = { sections: '', frames: {} };

/** The report of a comparison, a complete HTML document. */
export function renderDiff(diff: DiffDocument, extras: DiffExtras = NO_EXTRAS): string {
  const title = `${diff.feed} ${diff.day}: ${diff.old.version} against ${diff.new.version}`;
  const parts = [
    head(diff),
    verdict(diff),
    tiles(diff.events),
    types(diff),
    fields(diff),
    dropped(diff),
    samples(diff, extras),
    extras.sections,
    gaps(diff),
    streams(diff),
    sides(diff),
    foot(diff),
  ];
  return renderPage({ title, style: DIFF_STYLE, parts });
}

function head({ feed, day, old, new: now, verdict: said }: DiffDocument): string {
  return `<div class="head">
<h1>${escape(feed)} · ${escape(day)}</h1>
<span class="badge ${VERDICT_LOOK[said]}">${escape(said)}</span>
</div>
<p class="soft">${escape(old.version)} (${escape(old.schema)}, ${escape(old.normalizer)}) → ${escape(
    now.version,
  )} (${escape(now.schema)}, ${escape(now.normalizer)})</p>`;
}

/** What the verdict means, in words. */
export function verdictWords(diff: DiffDocument): string {
  const { verdict: said, events, gaps: holes } = diff;
  if (said === 'identical') {
    return `${number(events.equal)} of ${number(events.old)} records are equal to the byte, and so are the gaps`;
  }
  if (said === 'projected') {
    const kept = `${number(events.equal)} of ${number(events.new)} md1 records are equal to the byte`;
    return `${kept}; of ${number(events.old)} events ${number(events.dropped)} have no form in md1`;
  }
  const parts = [
    [events.changed, 'changed'],
    [events.added, 'added'],
    [events.removed, 'removed'],
  ] as const;
  const told = parts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${number(count)} ${word}`);
  const records =
    told.length === 0 ? [] : [`${told.join(', ')} of ${number(most(events))} records`];
  const other = holes.equal
    ? []
    : [`of the gaps ${number(holes.added)} were added and ${number(holes.gone)} are gone`];
  const schema = `${diff.old.schema} cannot be the projection of ${diff.new.schema}`;
  return [...records, ...other].join('; ') || schema;
}

function most(events: DiffCounts): number {
  return Math.max(events.old, events.new);
}

function verdict(diff: DiffDocument): string {
  const look = diff.verdict === 'differs' ? '' : ' fine-day';
  const worst = diff.types
    .filter((it) => !isEqual(it.counts))
    .map(
      (it) => `${it.type}: ${number(it.streams_differing)} of ${number(it.streams)} streams differ`,
    );
  const items = worst.map((it) => `<li>${escape(it)}</li>`).join('');
  return `<div class="reasons${look}"><b>${escape(verdictWords(diff))}</b>${
    items === '' ? '' : `<ul>${items}</ul>`
  }</div>`;
}

function tiles(events: DiffCounts): string {
  const tile = (value: number, label: string, tone: string): string =>
    `<div class="tile ${value > 0 ? tone : ''}"><b>${number(value)}</b><span>${label}</span></div>`;
  return `<div class="tiles">
${tile(events.equal, 'equal', 'on-ok')}
${tile(events.changed, 'changed', 'on-bad')}
${tile(events.added, 'added', 'on-bad')}
${tile(events.removed, 'removed', 'on-bad')}
${tile(events.dropped, 'dropped by rule', '')}
</div>`;
}

function sides({ old, new: now }: DiffDocument): string {
  const rows: readonly (readonly [string, string, string])[] = [
    ['version', old.version, now.version],
    ['schema', old.schema, now.schema],
    ['normalizer', old.normalizer, now.normalizer],
    ['connector', old.connectors.join(', '), now.connectors.join(', ')],
    ['archiver', archiver(old), archiver(now)],
    ['origin', old.origin, now.origin],
    ['hours a window', number(old.window_hours), number(now.window_hours)],
    ['records', number(old.records), number(now.records)],
    ['objects', number(old.objects), number(now.objects)],
    ['plain bytes', number(old.plain_bytes), number(now.plain_bytes)],
    ['complete', old.complete ? 'yes' : 'no', now.complete ? 'yes' : 'no'],
    ['content', old.content_id.slice(0, 16), now.content_id.slice(0, 16)],
  ];
  const body = rows
    .map(
      ([name, left, right]) =>
        `<tr${left === right ? '' : ' class="differs"'}><th>${escape(name)}</th><td>${escape(
          left,
        )}</td><td>${escape(right)}</td></tr>`,
    )
    .join('');
  return `<h2>Versions<small>what differs is marked</small></h2>
<div class="card"><table class="pair"><thead><tr><th></th><th>old</th><th>new</th></tr></thead><tbody>${body}</tbody></table></div>`;
}

function archiver({ archiver: build }: DiffDocument['old']): string {
  return `${build.version} ${build.commit.slice(0, 12)}`;
}

function counts(of: DiffCounts): string {
  return [of.old, of.new, of.equal, of.changed, of.added, of.removed, of.dropped]
    .map((value, at) => {
      const tone = value > 0 && at >= 3 && at <= 5 ? ' bad' : '';
      return `<td class="num${tone}">${number(value)}</td>`;
    })
    .join('');
}

const COUNT_HEADS = ['Old', 'New', 'Equal', 'Changed', 'Added', 'Removed', 'Dropped']
  .map((name) => `<th class="num">${name}</th>`)
  .join('');

function types({ types: all }: DiffDocument): string {
  const rows = all.map((it) => `<tr><td><b>${escape(it.type)}</b></td>${counts(it.counts)}</tr>`);
  return `<h2>Types</h2>
<div class="card"><table><thead><tr><th>Type</th>${COUNT_HEADS}</tr></thead><tbody>${rows.join(
    '',
  )}</tbody></table></div>`;
}

/** The most first. */
export function mostFirst(by: CountsByName): readonly (readonly [string, number])[] {
  return Object.entries(by).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
}

function fields({ types: all }: DiffDocument): string {
  const rows = all.flatMap((it: TypeDiff) =>
    mostFirst(it.fields).map(
      ([field, count]) =>
        `<tr><td>${escape(it.type)}</td><td><code>${escape(field)}</code></td><td class="num">${number(
          count,
        )}</td><td class="num">${share(count, it.counts.changed + it.counts.equal)}</td></tr>`,
    ),
  );
  if (rows.length === 0) return '';
  return `<h2>Fields that changed<small>a changed record may differ in several</small></h2>
<div class="card"><table><thead><tr><th>Type</th><th>Field</th><th class="num">Records</th><th class="num">Of those in both</th></tr></thead><tbody>${rows.join(
    '',
  )}</tbody></table></div>`;
}

function share(count: number, of: number): string {
  if (of === 0) return '';
  const percent = (100 * count) / of;
  return percent < 0.01 ? '&lt; 0.01 %' : `${percent.toFixed(2)} %`;
}

function dropped({ dropped_by, events }: DiffDocument): string {
  const rows = mostFirst(dropped_by).map(
    ([reason, count]) =>
      `<tr><td><code>${escape(reason)}</code></td><td>${escape(
        DROPPED_WORDS[reason] ?? '',
      )}</td><td class="num">${number(count)}</td></tr>`,
  );
  if (rows.length === 0) return '';
  return `<h2>Dropped by the projection<small>${number(events.dropped)} events</small></h2>
<div class="card"><table><thead><tr><th>Reason</th><th>An event is dropped for being</th><th class="num">Events</th></tr></thead><tbody>${rows.join(
    '',
  )}</tbody></table></div>`;
}

function samples({ streams: all }: DiffDocument, extras: DiffExtras): string {
  const differing = all.filter((it) => it.samples.length > 0);
  if (differing.length === 0) return '';
  const shown = differing.slice(0, SAMPLED_STREAMS_MAX);
  const blocks = shown.map((it, at) => streamSamples(it, extras, at < 3)).join('\n');
  return `<h2>Samples<small>the first that differ in each stream</small></h2>
${blocks}${notShown(differing.length - shown.length, 'streams')}`;
}

function streamSamples(stream: StreamDiff, extras: DiffExtras, is_open: boolean): string {
  const { changed, added, removed } = stream.counts;
  const what = `${number(changed)} changed, ${number(added)} added, ${number(removed)} removed`;
  return `<details class="check"${is_open ? ' open' : ''}>
<summary><span class="badge failed">${escape(stream.type)}</span><b>${escape(stream.symbol)}</b>
<span class="what">${what}</span></summary>
<div class="inside">${stream.samples.map((it) => sample(it, extras)).join('')}</div></details>`;
}

/** What the name of an event says already. */
const IN_NAME = new Set(['type', 't', 'index', 'shard', 'feed', 'symbol', 'exchange']);

function sample(it: DiffSample, { frames }: DiffExtras): string {
  const differing = new Set(it.fields);
  const names = [...new Set([...Object.keys(it.old ?? {}), ...Object.keys(it.new ?? {})])];
  const rows = names
    .filter((field) => differing.has(field) || !IN_NAME.has(field))
    .filter((field) => differing.has(field) || isTold(it.old, field) || isTold(it.new, field))
    .map((field) => {
      const look = differing.has(field) ? ' class="differs"' : '';
      return `<tr${look}><th>${escape(field)}</th>${cell(it.old, field)}${cell(it.new, field)}</tr>`;
    })
    .join('');
  const beyond = it.fields.filter((field) => !names.includes(field)).map(escape);
  const more = beyond.length === 0 ? '' : ` <code>${beyond.join(' ')}</code>`;
  return `<div class="sample"><h3><span class="badge">${it.kind}</span> ${whenOf(it)}${more}</h3>
<table class="pair"><thead><tr><th></th><th>old</th><th>new</th></tr></thead><tbody>${rows}</tbody></table>
${traceText(it)}${frameText(it.id === null ? undefined : frames[it.id])}</div>`;
}

/** The instant of its line; of a record of md1 its place. */
function whenOf({ id, old, new: now, place }: DiffSample): string {
  const t = old?.['t'] ?? now?.['t'];
  if (typeof t === 'string' && id !== null) return `${formatIso(BigInt(t)).slice(11, 29)} UTC`;
  return `record ${number(place ?? 0)} of its stream`;
}

function traceText({ id }: DiffSample): string {
  return id === null ? '' : `<p class="soft"><code>npx ssmd trace ${escape(id)}</code></p>`;
}

function frameText(frame: SampleFrame | undefined): string {
  if (frame === undefined) return '';
  const { segment, line, text } = frame;
  return `<p class="soft raw">RAW, <code>${escape(segment)}</code> line ${number(line)}:<br><code>${escape(
    text,
  )}</code></p>`;
}

function isTold(record: PlainRecord | null, field: string): boolean {
  const value = record?.[field];
  return value !== undefined && value !== null;
}

function cell(record: PlainRecord | null, field: string): string {
  if (record === null) return '<td class="soft">not there</td>';
  const value = record[field];
  if (value === undefined || value === null) return '<td class="soft">–</td>';
  if (!Array.isArray(value)) return `<td><code>${escape(plain(value))}</code></td>`;
  const lines = value.map((it: unknown) => escape(plain(it)));
  return `<td><code>${lines.join('<br>') || 'none'}</code></td>`;
}

function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).join(' × ');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, field]) => `${name} ${plain(field)}`)
    .join(' ');
}

function gaps({ gaps: holes }: DiffDocument): string {
  if (holes.equal) {
    const said = holes.old === 0 ? 'Neither has any.' : `The same ${number(holes.old)} in both.`;
    return `<h2>Gaps</h2><p class="soft">${said}</p>`;
  }
  const rows = [
    ...holes.only_old.map((gap) => gapRow('old', gap)),
    ...holes.only_new.map((gap) => gapRow('new', gap)),
  ];
  const counted =
    `${number(holes.old)} before, ${number(holes.new)} now: ` +
    `${number(holes.added)} added, ${number(holes.gone)} gone`;
  const unlisted = holes.added + holes.gone - rows.length;
  return `<h2>Gaps<small>${counted}</small></h2>
<div class="card"><table><thead><tr><th>Only in</th><th>Shard</th><th>Cause</th><th>From (UTC)</th><th>To</th><th>Detail</th></tr></thead><tbody>${rows.join(
    '',
  )}</tbody></table>${notListed(unlisted)}</div>`;
}

function notListed(more: number): string {
  return more > 0 ? `<p class="soft">${number(more)} more are in the manifests.</p>` : '';
}

function gapRow(side: string, gap: ManifestGap): string {
  const at = (t: string): string => formatIso(BigInt(t)).slice(11, 23);
  return `<tr><td>${side}</td><td>${escape(gap.shard)}</td><td>${escape(gap.cause)}</td><td class="time">${at(
    gap.from,
  )}</td><td class="time">${at(gap.to)}</td><td><code>${escape(gap.detail)}</code></td></tr>`;
}

function streams({ streams: all }: DiffDocument): string {
  const shown = all.slice(0, STREAMS_SHOWN_MAX);
  const rows = shown.map(
    (it) =>
      `<tr><td>${escape(it.type)}</td><td><b>${escape(it.symbol)}</b></td>${counts(it.counts)}</tr>`,
  );
  return `<h2>Streams<small>${number(all.length)}, those that differ first</small></h2>
<div class="card"><table><thead><tr><th>Type</th><th>Market</th>${COUNT_HEADS}</tr></thead><tbody>${rows.join(
    '',
  )}</tbody></table>${notShown(all.length - shown.length, 'streams')}</div>`;
}

function notShown(more: number, what: string): string {
  return more > 0 ? `<p class="soft">${number(more)} more ${what} are in the JSON.</p>` : '';
}

function foot({ streams: all }: DiffDocument): string {
  const read = all.reduce((sum, it) => sum + it.objects_read, 0);
  const equal = all.reduce((sum, it) => sum + it.objects_equal, 0);
  return `<footer>${number(equal)} objects equal by name and hash, ${number(
    read,
  )} read · the same as the JSON beside it</footer>`;
}
