/** Words of an alert: text with `{{ $labels.NAME }}` and `{{ $value }}`, and nothing else. Pure. */
import type { Sample } from '../schema/metrics.ts';
import { suggestion } from '../schema/near-miss.ts';

/** What stands where the series has no such label: a connector that was never reached names none. */
export const UNKNOWN_LABEL = '(unknown)';

const HOLE = /\{\{(.*?)\}\}/gs;
const LABEL = /^\s*\$labels\.([a-zA-Z_][a-zA-Z0-9_]*)\s*$/;
const VALUE = /^\s*\$value\s*$/;

/** What is wrong with it for a metric with these labels; empty where nothing is. */
export function templateFaults(text: string, labels: readonly string[]): string[] {
  const faults = [...text.matchAll(HOLE)].flatMap(([whole, inside = '']) => {
    if (VALUE.test(inside)) return [];
    const [, label] = LABEL.exec(inside) ?? [];
    if (label === undefined) {
      return [`${whole} is not known: there are {{ $value }} and {{ $labels.NAME }}`];
    }
    if (labels.includes(label)) return [];
    return [`the metric has no label "${label}": ${suggestion(label, labels)}`];
  });
  const rest = text.replaceAll(HOLE, '');
  if (rest.includes('{{')) faults.push('a {{ is not closed');
  return faults;
}

/** The words for one series. */
export function fillTemplate(text: string, { labels, value }: Sample): string {
  return text.replaceAll(HOLE, (_, inside: string) => {
    const [, label] = LABEL.exec(inside) ?? [];
    return label === undefined ? String(value) : (labels[label] ?? UNKNOWN_LABEL);
  });
}
