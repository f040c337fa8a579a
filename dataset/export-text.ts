/**
 * Events as lines of text. JSON: one object a line, decimals, instants and 64-bit integers as strings,
 * absent values as null. CSV (RFC 4180): decimals as the wire's digits, instants in ns, an absent value
 * empty, an empty text `""`, a book's side as the JSON of its levels.
 */
import { formatDecimal } from '../schema/decimal.ts';
import type { Decimal } from '../schema/decimal.ts';
import type { BookLevel, EventType, MarketEvent } from '../schema/events.ts';
import { cellsOf, exportColumns } from './export-columns.ts';
import type { ExportKind } from './export-columns.ts';

/** What makes a type's lines: the one that stands first, if any, and the one of an event. */
export type LineWriter = {
  readonly head: string;
  readonly line: (event: MarketEvent) => string;
};

/** Lines end in a line feed. */
export function jsonLines(type: EventType): LineWriter {
  const columns = exportColumns(type).map(({ name, kind }) => ({ name, key: `"${name}":`, kind }));
  const line = (event: MarketEvent): string => {
    const cells = cellsOf(event);
    let text = '';
    for (const { name, key, kind } of columns) {
      text += `${text === '' ? '{' : ','}${key}${jsonText(cells[name], kind)}`;
    }
    return `${text}}\n`;
  };
  return { head: '', line };
}

/** Lines end in CR LF; the first one names the columns. */
export function csvLines(type: EventType): LineWriter {
  const columns = exportColumns(type);
  const line = (event: MarketEvent): string => {
    const cells = cellsOf(event);
    return `${columns.map(({ name, kind }) => csvText(cells[name], kind)).join(',')}\r\n`;
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
    case 'u32':
    case 'flags':
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
