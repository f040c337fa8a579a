/** What every report shares: one HTML file without script or network, and how data is put into it. */
import { REPORT_STYLE } from './report-style.ts';

export type Page = {
  readonly title: string;
  /** Beyond what all reports look like. */
  readonly style?: string;
  /** Parts of HTML, one below the other; what came from data is escaped. */
  readonly parts: readonly string[];
};

/** A complete HTML document. */
export function renderPage({ title, style = '', parts }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escape(title)}</title>
<style>${REPORT_STYLE}${style}</style>
</head>
<body>
<main>
${parts.join('\n')}
</main>
</body>
</html>
`;
}

/** Text as HTML, in content and in quoted attributes. */
export function escape(value: unknown): string {
  return String(value).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** `12\u202f345.6`: digits in groups. */
export function number(value: number): string {
  const [whole = '', fraction] = String(value).split('.');
  if (whole.includes('e')) return String(value);
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, '\u202f');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}
