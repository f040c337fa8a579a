/**
 * Which alerts fire: rules over samples as they come in, one state for each rule and series. A condition
 * has to hold for as long as its rule says, at every look. It is over when the series is there and the
 * condition does not hold; a series that is gone changes nothing, since nobody knows. Pure.
 */
import type { Sample } from '../schema/metrics.ts';
import { alertFingerprint, cutTo } from '../schema/notice.ts';
import type { Notice, Priority, Well } from '../schema/notice.ts';
import { holds } from './condition.ts';
import type { Condition } from './condition.ts';
import { fillTemplate } from './template.ts';

export type AlertRule = {
  readonly name: string;
  /** As it is written, and as it is asked. */
  readonly text: string;
  readonly condition: Condition;
  readonly for_ms: number;
  readonly priority: Priority;
  readonly team: string | null;
  readonly template: string | null;
  readonly annotations: Readonly<Record<string, string>>;
};

/** Series one rule follows; more are not looked at, which is said. */
export const SERIES_MAX = 2_000;
const LABELS_CHARS_MAX = 120;

type Following = { since_ms: number; told: boolean };

export type AlertLook = {
  readonly told: readonly Notice[];
  readonly well: readonly Well[];
  /** Rules with more series than are followed. */
  readonly crowded: readonly string[];
};

export type Alerts = {
  /** `at_ms`: when the samples were taken, ms since the epoch. */
  readonly look: (samples: readonly Sample[], at_ms: number) => AlertLook;
};

/** `open`: fingerprints that were told before and are not over, by whoever looked then. */
export function createAlerts(rules: readonly AlertRule[], open: readonly string[]): Alerts {
  const known = new Set(open);
  const followed = new Map<string, Following>();
  return {
    look(samples, at_ms) {
      const [told, well, crowded] = [[] as Notice[], [] as Well[], [] as string[]];
      const at = new Date(at_ms).toISOString();
      for (const rule of rules) {
        const series = samples.filter(({ name }) => name === rule.condition.metric);
        if (series.length > SERIES_MAX) crowded.push(rule.name);
        for (const sample of series.slice(0, SERIES_MAX)) {
          const fingerprint = alertFingerprint(rule.name, sample.labels);
          const key = `${rule.name} ${fingerprint}`;
          if (!holds(rule.condition, sample)) {
            const was = followed.get(key);
            followed.delete(key);
            if (was?.told !== true && !known.delete(fingerprint)) continue;
            known.delete(fingerprint);
            const words = `${rule.text} does not hold any more: ${sample.value}`;
            well.push({ fingerprint, at, words });
            continue;
          }
          const it = followed.get(key) ?? { since_ms: at_ms, told: false };
          followed.set(key, it);
          if (it.told || at_ms - it.since_ms < rule.for_ms) continue;
          it.told = true;
          // Told before a restart, it is one occurrence that goes on.
          if (known.has(fingerprint)) continue;
          told.push(noticeOf(rule, sample, { fingerprint, at, since_ms: it.since_ms }));
        }
      }
      return { told, well, crowded };
    },
  };
}

function noticeOf(
  rule: AlertRule,
  sample: Sample,
  of: { readonly fingerprint: string; readonly at: string; readonly since_ms: number },
): Notice {
  const { labels, value } = sample;
  const pairs = Object.entries(labels).map(([key, held]) => `${key}=${held}`);
  const which = cutTo(pairs.join(' '), LABELS_CHARS_MAX);
  const since = new Date(of.since_ms).toISOString();
  const words = [rule.template, ...Object.values(rule.annotations)].filter((it) => it !== null);
  return {
    fingerprint: of.fingerprint,
    kind: 'alert',
    title: `${rule.name}: ${which === '' ? rule.text : which}`,
    priority: rule.priority,
    team: rule.team,
    at: of.at,
    event: `alert ${rule.name} ${since}`,
    ...{ feed: labels['feed'] ?? null, day: labels['date'] ?? null, version: null, run: null },
    causes: [`${rule.text} since ${since}: ${value}`],
    ...{ manifest: null, report: null },
    text:
      words.length === 0 ? null : words.map((it) => fillTemplate(it, sample).trim()).join('\n\n'),
  };
}
