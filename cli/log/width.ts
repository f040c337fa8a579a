/** Lines no wider than the terminal. `columns` null: it is none, and nothing is cut or wrapped. Pure. */
import { formatCount } from '../format.ts';

const CUT_MIN = 20;

/** Cuts a line, and says how much of it is not shown. */
export function cutTo(line: string, columns: number | null): string {
  if (columns === null || line.length <= columns) return line;
  const mark = `.. +${formatCount(line.length - columns)}`;
  return `${line.slice(0, Math.max(CUT_MIN, columns - mark.length))}${mark}`;
}

/** Goes on in further lines, begun with `indent` spaces; a word wider than a line is left whole. */
export function wrapTo(line: string, columns: number | null, indent: number): readonly string[] {
  if (columns === null || line.length <= columns) return [line];
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns) {
    const at = rest.lastIndexOf(' ', columns);
    if (at <= indent) break;
    lines.push(rest.slice(0, at).trimEnd());
    rest = ' '.repeat(indent) + rest.slice(at + 1).trimStart();
  }
  return [...lines, rest];
}
