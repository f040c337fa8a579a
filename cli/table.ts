/** A table as aligned text without borders, fitted to the terminal by leaving columns out. */
import Table from 'cli-table3';

export type TableOptions = {
  /** Titles of columns that may be left out where the terminal is narrow, the first one first. */
  readonly optional?: readonly string[];
};

const GAP = 2;
const NONE = '';
const CHARS = {
  ...{ top: NONE, 'top-mid': NONE, 'top-left': NONE, 'top-right': NONE },
  ...{ bottom: NONE, 'bottom-mid': NONE, 'bottom-left': NONE, 'bottom-right': NONE },
  ...{ left: NONE, 'left-mid': NONE, mid: NONE, 'mid-mid': NONE },
  ...{ right: NONE, 'right-mid': NONE, middle: NONE },
};

export function drawTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions & {
    readonly columns: number;
    readonly color: { readonly bold: (text: string) => string };
  },
): string {
  const kept = columnsKept(head, rows, options);
  const pick = (row: readonly string[]): string[] => kept.map((index) => row[index] ?? '');
  const table = new Table({
    head: pick(head).map((title) => options.color.bold(title)),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': GAP },
    chars: CHARS,
  });
  for (const row of rows) table.push(pick(row));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Indexes of the columns that are shown: all, or as many as fit. */
function columnsKept(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { columns, optional = [] }: TableOptions & { readonly columns: number },
): number[] {
  const widths = head.map((title, index) =>
    Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  let kept = head.map((_, index) => index);
  for (const title of optional) {
    const width = kept.reduce((sum, index) => sum + (widths[index] ?? 0) + GAP, -GAP);
    if (width <= columns) break;
    kept = kept.filter((index) => head[index] !== title);
  }
  return kept;
}
