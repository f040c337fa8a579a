/** The report of a comparison with its values: what the diff says, and how prices, sizes and times lie. */
import type { CompareDocument, ProfilePair } from '../dataset/compare.ts';
import type { Distribution, StreamProfile } from '../dataset/profile.ts';
import { renderDiff } from './diff-report.ts';
import { escape, number } from './page.ts';

/** Rows of a table; the rest is counted. */
const ROWS_SHOWN_MAX = 200;

export function renderCompare(document: CompareDocument): string {
  const { profiles, frames } = document;
  const sections = `${values(profiles)}\n${timing(profiles)}`;
  return renderDiff(document, { sections, frames });
}

type Row = {
  readonly stream: string;
  readonly field: string;
  readonly old: Distribution | null;
  readonly new: Distribution | null;
  readonly same: boolean;
};

function rowsOf(
  pairs: readonly ProfilePair[],
  pick: (profile: StreamProfile) => Readonly<Record<string, Distribution | null>>,
): Row[] {
  const rows = pairs.flatMap((pair) => {
    const [left, right] = [pair.old, pair.same ? pair.old : (pair.new ?? null)];
    const [old, now] = [left, right].map((it) => (it === null ? {} : pick(it)));
    const fields = [...new Set([...Object.keys(old ?? {}), ...Object.keys(now ?? {})])];
    return fields.flatMap((field) => {
      const one = old?.[field] ?? null;
      const other = now?.[field] ?? null;
      if (one === null && other === null) return [];
      const same = JSON.stringify(one) === JSON.stringify(other);
      return [{ stream: `${pair.type} ${pair.symbol}`, field, old: one, new: other, same }];
    });
  });
  return rows.sort((a, b) => Number(a.same) - Number(b.same));
}

function values(pairs: readonly ProfilePair[]): string {
  const rows = rowsOf(pairs, (it) => it.values);
  const note = 'extremes are exact, quantiles within 0.1 %';
  return table('Values', note, rows, (value) => [
    number(value.count),
    escape(value.min),
    figure(value.p50),
    escape(value.max),
    figure(value.mean),
  ]);
}

function timing(pairs: readonly ProfilePair[]): string {
  const rows = rowsOf(pairs, (it) => ({
    'between events': it.interarrival_ns,
    'behind the venue': it.latency_ns,
  }));
  const note = 'from one event to the next, and from the venue’s time to ours';
  return table('Timing', note, rows, (value) => [
    number(value.count),
    duration(Number(value.min)),
    duration(value.p50),
    duration(Number(value.max)),
    duration(value.mean),
  ]);
}

function table(
  title: string,
  note: string,
  rows: readonly Row[],
  cells: (value: Distribution) => readonly string[],
): string {
  if (rows.length === 0) return '';
  const differing = rows.filter((it) => !it.same).length;
  const said =
    differing === 0
      ? `all ${number(rows.length)} are the same in both`
      : `${number(differing)} of ${number(rows.length)} differ, old above new`;
  const shown = rows.slice(0, ROWS_SHOWN_MAX);
  const body = shown.map((row) => rowText(row, cells)).join('');
  const more = rows.length - shown.length;
  const rest = more > 0 ? `<p class="soft">${number(more)} more are in the JSON.</p>` : '';
  const heads = ['Count', 'Least', 'Median', 'Most', 'Mean']
    .map((name) => `<th class="num">${name}</th>`)
    .join('');
  return `<h2>${title}<small>${note}</small></h2>
<details class="check"${differing > 0 ? ' open' : ''}>
<summary><span class="badge ${differing > 0 ? 'warned' : 'passed'}">${
    differing > 0 ? 'differ' : 'same'
  }</span><b>${number(rows.length)} distributions</b><span class="what">${said}</span></summary>
<div class="inside"><table><thead><tr><th>Stream</th><th>Of</th>${heads}</tr></thead><tbody>${body}</tbody></table>${rest}</div></details>`;
}

function rowText(row: Row, cells: (value: Distribution) => readonly string[]): string {
  const lines = (row.same ? [row.old] : [row.old, row.new]).map((value) =>
    value === null ? ['none', '', '', '', ''] : cells(value),
  );
  const columns = (lines[0] ?? []).map((_, at) => {
    const told = lines.map((line) => line[at] ?? '');
    return `<td class="num">${told.join('<br>')}</td>`;
  });
  return `<tr${row.same ? '' : ' class="differs"'}><td><b>${escape(row.stream)}</b></td><td>${escape(
    row.field,
  )}</td>${columns.join('')}</tr>`;
}

function figure(value: number): string {
  return escape(number(value));
}

const UNITS = [
  ['s', 1e9],
  ['ms', 1e6],
  ['µs', 1e3],
] as const;

/** ns in the largest unit that leaves a whole number before the point. */
function duration(ns: number): string {
  const [unit, size] = UNITS.find(([, it]) => Math.abs(ns) >= it) ?? ['ns', 1];
  return `${number(Number((ns / size).toPrecision(4)))} ${unit}`;
}
