/**
 * Rows as lines of text. JSON: one object a line, decimals, instants and 64-bit integers as strings,
 * absent values as null. CSV (RFC 4180): decimals as the wire's digits, instants in ns, an absent value
 * empty, an empty text `""`, a book's side as the JSON of its levels.
 */
import { formatDecimal } from '../schema/decimal.ts';
import type { Decimal } from '../schema/decimal.ts';
import type { BookLevel } from '../schema/events.ts';
import type { ExportColumn, ExportKind, ExportRow } from './export-columns.ts';

/** What makes a file's lines: the one that stands first, if any, and the one of a row. */
export type LineWriter = {
  readonly head: string;
  readonly line: (row: ExportRow) => string;
};

/** Lines end in a line feed. */
export function jsonLines(of: readonly ExportColumn[]): LineWriter {
  const columns = of.map(({ name, kind }) => ({ name, key: `"${name}":`, kind }));
  const line = (row: ExportRow): string => {
    let text = '';
    for (const { name, key, kind } of columns) {
      text += `${text === '' ? '{' : ','}${key}${jsonText(row[name], kind)}`;
    }
    return `${text}}\n`;
  };
  return { head: '', line };
}

/** Lines end in CR LF; the first one names the columns. */
export function csvLines(columns: readonly ExportColumn[]): LineWriter {
  const line = (row: ExportRow): string => {
    return `${columns.map(({ name, kind }) => csvText(row[name], kind)).join(',')}\r\n`;
  };
  return { head: `${columns.map(({ name }) => name).join(',')}\r\n`, line };
}

function jsonText(value: unknown, kind: ExportKind): string {
  if (value === null || value === undefined) return 'null';
  switch (kind) {
    case 'decimal':
      return `"${formatDecimal(value as Decimal)}"`;
    case 'levels':
      return levelsText(value as readonly BookLevel[]);
    case 'instant':
    case 'u64':
      return `"${String(value)}"`;
    case 'double_levels':
      return JSON.stringify(value);
    case 'u32':
    case 'flags':
    case 'double':
      return String(value);
    case 'side':
    case 'text':
      return JSON.stringify(value);
    default:
      return kind satisfies never;
  }
}

function csvText(value: unknown, kind: ExportKind): string {
  if (value === null || value === undefined) return '';
  if (kind === 'decimal') return formatDecimal(value as Decimal);
  if (kind === 'levels') return quoted(levelsText(value as readonly BookLevel[]));
  if (kind === 'double_levels') return quoted(JSON.stringify(value));
  const text = String(value);
  return kind === 'text' && (text === '' || /[",\r\n]|^\s|\s$/.test(text)) ? quoted(text) : text;
}

function levelsText(levels: readonly BookLevel[]): string {
  const parts = levels.map(
    ({ price, size }) => `{"price":"${formatDecimal(price)}","size":"${formatDecimal(size)}"}`,
  );
  return `[${parts.join(',')}]`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
