/**
 * Lines at the bottom of a terminal that change in place, one for each thing that goes on; what stays
 * is written above them. Lines never wrap: they are cut to the terminal's width as it is now.
 */

/** The part of a terminal this needs. */
export type Screen = {
  readonly columns?: number;
  readonly write: (text: string) => unknown;
};

export type LiveLine = {
  /** Replaces the line, or the lines, by what `render` makes for a width. */
  readonly show: (render: (columns: number) => string | readonly string[]) => void;
  readonly remove: () => void;
};

export type LiveLines = {
  /** A new line below the others; it is empty, and takes no room, until it is shown. */
  readonly add: () => LiveLine;
  /** Runs `write` with the lines out of the way. */
  readonly above: (write: () => void) => void;
};

const COLUMNS_DEFAULT = 80;
/** Often enough to look alive, seldom enough to cost nothing. */
const REDRAW_MS = 100;

export function openLiveLines(screen: Screen): LiveLines {
  const lines = new Map<number, (columns: number) => string | readonly string[]>();
  let next_id = 0;
  let rows_drawn = 0;
  let drawn_at = Number.NEGATIVE_INFINITY;
  let later: NodeJS.Timeout | null = null;

  function rows(): string[] {
    // The last column is left free: some terminals wrap once it is written.
    const columns = Math.max((screen.columns ?? COLUMNS_DEFAULT) - 1, 1);
    return [...lines.values()]
      .flatMap((render) => render(columns))
      .map((row) => [...row].slice(0, columns).join('').trimEnd());
  }

  function redraw(write: () => void = () => undefined): void {
    if (later !== null) clearTimeout(later);
    later = null;
    if (rows_drawn > 0) screen.write(`\u001b[${rows_drawn}A\r\u001b[J`);
    rows_drawn = 0;
    write();
    const now = rows();
    if (now.length > 0) screen.write(`${now.join('\n')}\n`);
    rows_drawn = now.length;
    drawn_at = performance.now();
  }

  function redrawSoon(): void {
    if (later !== null) return;
    const wait_ms = REDRAW_MS - (performance.now() - drawn_at);
    if (wait_ms <= 0) redraw();
    else later = setTimeout(() => redraw(), wait_ms).unref();
  }

  return {
    add() {
      const id = next_id++;
      return {
        show(render) {
          lines.set(id, render);
          redrawSoon();
        },
        remove() {
          if (lines.delete(id)) redraw();
        },
      };
    },
    above(write) {
      if (rows_drawn === 0) write();
      else redraw(write);
    },
  };
}
