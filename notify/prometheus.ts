/** Prometheus text as samples: as much of the format as `/metrics` of ours have. Pure. */
import type { Sample } from '../schema/metrics.ts';

/** Lines read of one page; what follows is not read. */
export const LINES_MAX = 200_000;

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** Lines that are none are left out. */
export function parseMetrics(text: string): Sample[] {
  return text.split('\n', LINES_MAX).flatMap((line) => {
    if (line === '' || line.startsWith('#')) return [];
    const [, name, inside = '', given] = LINE.exec(line) ?? [];
    const value = numberOf(given);
    if (name === undefined || value === null) return [];
    const labels = Object.fromEntries(
      [...inside.matchAll(LABEL)].map(([, key = '', text = '']) => [key, unescaped(text)]),
    );
    return [{ name, labels, value }];
  });
}

function numberOf(text: string | undefined): number | null {
  if (text === '+Inf' || text === 'Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  if (text === undefined || (text !== 'NaN' && Number.isNaN(Number(text)))) return null;
  return Number(text);
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
}
