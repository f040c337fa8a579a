/** How the stack says what it is doing; the command line and the tests each bring their own. */
export type Report = {
  /** A line that stays. */
  readonly line: (text: string) => void;
  /** What is going on this second; a terminal rewrites it in place, a log shows a few of them. */
  readonly step: (text: string) => void;
};

/** Says nothing. */
export const silentReport: Report = { line: () => undefined, step: () => undefined };

/** Plain lines to a writer: permanent lines at once, steps at most every `every_ms`. */
export function plainReport(write: (text: string) => void, every_ms = 10_000): Report {
  let shown = Number.NEGATIVE_INFINITY;
  return {
    line: (text) => write(`${text}\n`),
    step: (text) => {
      const now = performance.now();
      if (now - shown < every_ms) return;
      shown = now;
      write(`${text}\n`);
    },
  };
}
