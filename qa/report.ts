/**
 * A day's results as one HTML file: no script, no network, nothing but what `results.json` says, so
 * that the two always agree. Everything that came from data is escaped.
 */
import type { CheckStatus, Sample } from './check.ts';
import { detailOf } from './holes.ts';
import { escape, number, renderPage } from './page.ts';
import { COVERAGE_BUCKETS, COVERAGE_MINUTES } from './results.ts';
import type { CheckResult, Coverage, DayResults, ResultGap } from './results.ts';

/** Symbols drawn in the coverage strip, results, gaps and objects in their tables; the rest is counted. */
const ROWS_SHOWN_MAX = 200;

const STATUS_WORDS: Readonly<Record<CheckStatus, string>> = {
  passed: '✓ passed',
  warned: '! warned',
  failed: '✗ failed',
  not_evaluated: '– not evaluated',
  errored: '✗ errored',
};

const CONDITION_WORDS = {
  available: 'available: nothing is known to be wrong or missing',
  degraded: 'degraded: use with the reservations below',
  pending: 'pending: the day is not finished',
  missing: 'missing: there is no record of this day',
} as const;

/** The report of a day, a complete HTML document. */
export function renderReport(results: DayResults): string {
  const title = `${results.feed} ${results.date}: ${results.day_condition}`;
  const parts = [
    head(results),
    reasons(results),
    tiles(results),
    coverage(results),
    checks(results),
    gaps(results),
    inputs(results),
    foot(results),
  ];
  return renderPage({ title, parts });
}

function head(results: DayResults): string {
  const { feed, date, day_condition, origin, version, normalizer } = results;
  const badge =
    origin === null || origin === 'live'
      ? ''
      : `<span class="badge origin">origin: ${escape(origin)}</span>`;
  const names = [
    version === null ? '' : `version ${version}`,
    normalizer === null ? '' : `normalizer ${normalizer}`,
    `suite ${results.suite.file}`,
  ].filter(Boolean);
  return `<div class="head">
<h1>${escape(feed)} · ${escape(date)}</h1>
<span class="badge ${day_condition}">${escape(day_condition)}</span>${badge}
</div>
<p class="soft">${names.map(escape).join(' · ')}</p>`;
}

function reasons({ day_condition, condition_reasons }: DayResults): string {
  if (condition_reasons.length === 0) return '';
  const shown = condition_reasons.slice(0, 20);
  const more = condition_reasons.length - shown.length;
  const items = shown.map((reason) => `<li>${escape(reason)}</li>`).join('');
  const rest = more > 0 ? `<li>and ${number(more)} more</li>` : '';
  return `<div class="reasons ${day_condition}-day"><b>${escape(CONDITION_WORDS[day_condition])}</b>
<ul>${items}${rest}</ul></div>`;
}

function tiles(results: DayResults): string {
  const { statistics, records, gaps_total } = results;
  const tile = (value: number, label: string, tone: string): string =>
    `<div class="tile ${value > 0 ? tone : ''}"><b>${number(value)}</b><span>${label}</span></div>`;
  return `<div class="tiles">
${tile(statistics.passed, 'passed', 'on-ok')}
${tile(statistics.warned, 'warned', 'on-warn')}
${tile(statistics.failed, 'failed', 'on-bad')}
${tile(statistics.not_evaluated, 'not evaluated', '')}
${statistics.errored > 0 ? tile(statistics.errored, 'errored', 'on-bad') : ''}
${tile(gaps_total, gaps_total === 1 ? 'gap' : 'gaps', 'on-warn')}
${tile(records, 'records', '')}
</div>`;
}

function coverage(results: DayResults): string {
  const rows = results.coverage.slice(0, ROWS_SHOWN_MAX);
  if (rows.length === 0) return '';
  const more = results.coverage.length - rows.length;
  const hours = [0, 3, 6, 9, 12, 15, 18, 21, 24]
    .map((hour) => `<span>${String(hour).padStart(2, '0')}</span>`)
    .join('');
  return `<h2>Coverage<small>records in every ${COVERAGE_MINUTES} minutes, UTC</small></h2>
<div class="card"><div class="strip">
<span></span><div class="hours">${hours}</div><span></span>
${rows.map((row) => strip(row, results)).join('\n')}
</div>
<div class="legend"><span><i style="background:var(--fill)"></i>records, stronger is more</span>
<span><i style="background:var(--none)"></i>no record</span>
<span><i style="background:var(--bad)"></i>known gap</span>${
    more > 0 ? `<span>${number(more)} more symbols in results.json</span>` : ''
  }</div></div>`;
}

function strip(row: Coverage, results: DayResults): string {
  const most = Math.max(1, ...row.counts);
  const cells = row.counts
    .map((count, bucket) => {
      const from = clock(bucket);
      const title = `<title>${from} to ${clock(bucket + 1)}: ${number(count)} records</title>`;
      // Square root: quiet stretches stay visible beside busy ones.
      const strength = count === 0 ? 0 : 0.2 + 0.8 * Math.sqrt(count / most);
      const look = count === 0 ? 'fill-opacity="0"' : `fill-opacity="${strength.toFixed(2)}"`;
      return `<rect class="fill" x="${bucket}" width="1.02" height="10" ${look}>${title}</rect>`;
    })
    .join('');
  const holes = results.gaps
    .filter((gap) => !gap.repaired && (gap.symbol === null || gap.symbol === row.symbol))
    .map((gap) => hole(gap, results.date))
    .join('');
  return `<span class="name">${escape(row.symbol)}</span>
<svg viewBox="0 0 ${COVERAGE_BUCKETS} 10" preserveAspectRatio="none" role="img" aria-label="${escape(
    `${row.symbol}: ${row.records} records over the day`,
  )}">${cells}${holes}</svg>
<span class="count">${number(row.records)}</span>`;
}

function hole(gap: ResultGap, date: string): string {
  const start = Date.parse(`${date}T00:00:00Z`);
  const place = (iso: string): number => {
    const minutes = (Date.parse(`${iso.slice(0, 23)}Z`) - start) / 60_000;
    return Math.min(Math.max(minutes / COVERAGE_MINUTES, 0), COVERAGE_BUCKETS);
  };
  const from = place(gap.from);
  const width = Math.max(place(gap.to) - from, 0.25);
  const title = `<title>${escape(`${gap.cause}: ${short(gap.from)} to ${short(gap.to)}`)}</title>`;
  return `<rect class="hole" x="${from.toFixed(2)}" width="${width.toFixed(2)}" height="10">${title}</rect><rect class="hole-edge" x="${from.toFixed(2)}" y="8" width="${width.toFixed(2)}" height="2">${title}</rect>`;
}

function clock(bucket: number): string {
  const minutes = bucket * COVERAGE_MINUTES;
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

/** `14:03:07.123` of an ISO instant. */
function short(iso: string): string {
  return iso.slice(11, 23);
}

const WORST_FIRST: readonly CheckStatus[] = [
  'errored',
  'failed',
  'warned',
  'passed',
  'not_evaluated',
];

function worstOf(results: readonly CheckResult[]): CheckStatus {
  return (
    WORST_FIRST.find((status) => results.some((result) => result.status === status)) ??
    'not_evaluated'
  );
}

function checks({ results }: DayResults): string {
  const byName = new Map<string, CheckResult[]>();
  for (const result of results) {
    byName.set(result.name, [...(byName.get(result.name) ?? []), result]);
  }
  const [named, judged] = [count(byName.size, 'check'), count(results.length, 'result')];
  const small = `<small>${named}, ${judged}: of each market, and of its types by themselves</small>`;
  return `<h2>Checks${small}</h2>\n${[...byName.values()].map(check).join('\n')}`;
}

function count(value: number, word: string): string {
  return `${number(value)} ${word}${value === 1 ? '' : 's'}`;
}

/** What a result is about: `BTCUSD`, `BTCUSD book`; all where it is about no market. */
function groupOf({ group }: CheckResult): string {
  return [group['symbol'] ?? 'all', group['type']].filter((it) => it !== undefined).join(' ');
}

/** The worst first, so that what is cut off is the least of it. */
function worstFirst(results: readonly CheckResult[]): readonly CheckResult[] {
  return results.toSorted((a, b) => WORST_FIRST.indexOf(a.status) - WORST_FIRST.indexOf(b.status));
}

function check(results: readonly CheckResult[]): string {
  const worst = worstOf(results);
  const [first] = results;
  if (first === undefined) return '';
  const told = results.filter((result) => result.status === worst);
  const [one] = told;
  const about = one?.group['symbol'] === undefined ? '' : `${groupOf(one)}: `;
  const share = results.length === 1 ? '' : `${told.length} of ${results.length} · `;
  const message = `${share}${about}${one?.message ?? ''}`;
  const shown = worstFirst(results).slice(0, ROWS_SHOWN_MAX);
  const isOpen = worst === 'failed' || worst === 'warned' || worst === 'errored';
  return `<details class="check"${isOpen ? ' open' : ''}>
<summary><span class="badge ${worst}">${STATUS_WORDS[worst]}</span><b>${escape(first.name)}</b>
<span class="what">${escape(message)}</span></summary>
<div class="inside">
<p class="soft">${escape(first.type)}, a failing row counts as ${first.severity === 'fail' ? 'a failure' : 'a warning'} · <code>${escape(first.source.file)}:${first.source.line}</code></p>
<table><thead><tr><th>Market</th><th>Status</th><th class="num">Judged</th><th class="num">Failing</th><th>Observed</th><th>Asked for</th></tr></thead>
<tbody>${shown.map(resultRow).join('')}</tbody></table>
${notShown(results.length - shown.length)}${shown.map(samples).join('')}
</div></details>`;
}

function resultRow(result: CheckResult): string {
  return `<tr><td><b>${escape(groupOf(result))}</b></td><td><span class="badge ${result.status}">${
    STATUS_WORDS[result.status]
  }</span></td><td class="num">${number(result.evaluated)}</td><td class="num">${number(
    result.failed_rows,
  )}</td><td>${escape(result.message)}<div class="facts">${facts(result.observed)}</div></td><td class="facts">${facts(
    result.threshold,
  )}</td></tr>`;
}

function facts(values: Readonly<Record<string, number | string | null>>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      const text = typeof value === 'number' ? number(rounded(value)) : String(value);
      return `${escape(name.replaceAll('_', ' '))} <b>${escape(text)}</b>`;
    })
    .join(' · ');
}

function rounded(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(7));
}

function samples(result: CheckResult): string {
  if (result.samples.length === 0) return '';
  const more = result.samples_truncated ? ', the first and the worst' : '';
  const found = count(result.samples.length, 'sample');
  return `<h3>${escape(groupOf(result))}<small>${found}${more}</small></h3>
<table><thead><tr><th>Why</th><th>Row</th></tr></thead><tbody>${result.samples
    .map(sampleRow)
    .join('')}</tbody></table>`;
}

function sampleRow({ reason, row }: Sample): string {
  const text = Object.entries(row)
    .map(
      ([name, value]) =>
        `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`,
    )
    .join(' ');
  return `<tr><td>${escape(reason)}</td><td><code>${escape(text)}</code></td></tr>`;
}

function gaps(results: DayResults): string {
  const { gaps_total } = results;
  if (gaps_total === 0) {
    return '<h2>Gaps</h2><p class="soft">None known. What cannot be detected is not vouched for.</p>';
  }
  const rows = gapsAtOnce(results.gaps);
  const listed = rows.slice(0, ROWS_SHOWN_MAX);
  const told = listed.reduce((sum, gaps) => sum + gaps.length, 0);
  const note = notShown(gaps_total - told);
  return `<h2>Gaps<small>${number(gaps_total)} known</small></h2>
<div class="card"><table><thead><tr><th>From (UTC)</th><th>To</th><th class="num">Seconds</th><th>Where</th><th>Cause</th><th>Detail</th></tr></thead>
<tbody>${listed.map(gapRow).join('')}</tbody></table>${note}</div>`;
}

type Gaps = readonly [ResultGap, ...ResultGap[]];

/** One event opens a gap for each market and type it concerns: they are one row. */
function gapsAtOnce(gaps: readonly ResultGap[]): readonly Gaps[] {
  const rows = new Map<string, [ResultGap, ...ResultGap[]]>();
  for (const gap of gaps) {
    const key = JSON.stringify([gap.source, gap.cause, gap.from, detailOf(gap), gap.repaired]);
    const row = rows.get(key);
    if (row === undefined) rows.set(key, [gap]);
    else row.push(gap);
  }
  return [...rows.values()];
}

/** Of several the longest is shown. */
function gapRow(gaps: Gaps): string {
  const gap = gaps.reduce((longest, it) => (it.seconds > longest.seconds ? it : longest));
  const markets = new Map<string, Set<string>>();
  for (const it of gaps) {
    const market = it.symbol ?? it.shard ?? 'all';
    const types = markets.get(market) ?? new Set();
    for (const type of it.about ?? []) types.add(type);
    markets.set(market, types);
  }
  const where = [...markets].map(([market, types]) => [market, ...types].map(escape).join(' '));
  const most = gaps.length === 1 ? '' : '≤ ';
  const detail = [gap.repaired ? 'repaired' : '', detailOf(gap)].filter(Boolean).join('; ');
  return `<tr><td class="time">${escape(short(gap.from))}</td><td class="time">${escape(
    gap.to.slice(0, 10) === gap.from.slice(0, 10) ? short(gap.to) : '24:00:00.000',
  )}</td><td class="num">${most}${number(gap.seconds)}</td><td>${where.join('<br>')}</td><td>${escape(
    gap.cause,
  )}</td><td><code>${escape(detail)}</code></td></tr>`;
}

function notShown(more: number): string {
  return more > 0 ? `<p class="soft">${number(more)} more are not shown.</p>` : '';
}

function inputs(results: DayResults): string {
  const listed = results.inputs.slice(0, ROWS_SHOWN_MAX);
  if (listed.length === 0) return '';
  const more = results.inputs.length - listed.length;
  const rows = listed
    .map(
      ({ path, rows: count, sha256 }) =>
        `<tr><td><code>${escape(path)}</code></td><td class="num">${number(count)}</td><td><code>${escape(
          sha256.slice(0, 12),
        )}</code></td></tr>`,
    )
    .join('');
  const note = notShown(more);
  return `<h2>Read<small>${number(results.inputs.length)} objects</small></h2>
<details class="check"><summary><span class="badge">objects</span><b>${number(
    results.records,
  )} records</b><span class="what">what these checks were run over</span></summary>
<div class="inside"><table><thead><tr><th>Object</th><th class="num">Records</th><th>sha256</th></tr></thead><tbody>${rows}</tbody></table>${note}</div></details>`;
}

function foot(results: DayResults): string {
  return `<footer>Run ${escape(results.run_id)} · ${escape(results.started_at)} to ${escape(
    results.finished_at,
  )} · ${escape(results.engine)} · the same as results.json beside it</footer>`;
}
