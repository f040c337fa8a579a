/** A report of figures and tables as one HTML file: no script, no network; what came from data is escaped. */
import { escape, number, renderPage } from './page.ts';

export type PlainReport = {
  readonly title: string;
  readonly badge: { readonly words: string; readonly look: 'passed' | 'failed' | 'pending' };
  readonly intro: string;
  readonly tiles: readonly {
    readonly name: string;
    readonly value: number;
    readonly bad?: boolean;
  }[];
  readonly sections: readonly PlainSection[];
  readonly foot: string;
};

export type PlainSection = {
  readonly title: string;
  readonly note: string;
  readonly columns: readonly string[];
  /** Numbers stand right, in groups of digits. */
  readonly rows: readonly (readonly (string | number)[])[];
};

/** Rows of a table; the rest is counted. */
const ROWS_SHOWN_MAX = 500;

/** A complete HTML document. */
export function renderPlain(report: PlainReport): string {
  const { title, badge, intro, tiles, sections, foot } = report;
  const parts = [
    `<div class="head"><h1>${escape(title)}</h1><span class="badge ${badge.look}">${escape(badge.words)}</span></div>`,
    `<p class="soft">${escape(intro)}</p>`,
    `<div class="tiles">\n${tiles.map(tile).join('\n')}\n</div>`,
    ...sections.map(section),
    `<footer>${escape(foot)}</footer>`,
  ];
  return renderPage({ title, parts });
}

function tile({ name, value, bad }: PlainReport['tiles'][number]): string {
  const look = bad === true ? ' on-bad' : '';
  return `<div class="tile${look}"><b>${number(value)}</b><span>${escape(name)}</span></div>`;
}

function section({ title, note, columns, rows }: PlainSection): string {
  const head = `<h2>${escape(title)}<small>${escape(note)}</small></h2>`;
  if (rows.length === 0) return `${head}\n<p class="soft">none</p>`;
  const numeric = columns.map((_, at) => rows.every((row) => typeof row[at] === 'number'));
  const mark = (at: number): string => (numeric[at] === true ? ' class="num"' : '');
  const names = columns.map((name, at) => `<th${mark(at)}>${escape(name)}</th>`).join('');
  const shown = rows.slice(0, ROWS_SHOWN_MAX);
  const body = shown.map((row) => `<tr>${row.map((it, at) => cell(it, mark(at))).join('')}</tr>`);
  const left = rows.length - shown.length;
  const more =
    left === 0 ? '' : `\n<p class="soft">and ${number(left)} more, in the JSON beside it</p>`;
  return `${head}
<div class="card"><table><thead><tr>${names}</tr></thead>
<tbody>${body.join('\n')}</tbody></table></div>${more}`;
}

function cell(value: string | number, mark: string): string {
  return `<td${mark}>${typeof value === 'number' ? number(value) : escape(value)}</td>`;
}
