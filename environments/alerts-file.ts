/**
 * `alerts/linear-integration.yaml`: who is told, and which metrics are watched. Read whole: every fault
 * with line and column. It names the variables that hold secrets, never a secret.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { AlertRule } from '../notify/alerts.ts';
import { parseCondition, parseDuration } from '../notify/condition.ts';
import { templateFaults } from '../notify/template.ts';
import type { Fault } from '../schema/errors.ts';
import { METRICS } from '../schema/metrics.ts';
import { PRIORITIES } from '../schema/notice.ts';
import type { Priority } from '../schema/notice.ts';
import type { Variables } from './endpoints.ts';
import { invalidConfig, parseYaml } from './yaml-file.ts';

export const ALERTS_FILE = join('alerts', 'linear-integration.yaml');

const variable = z.string().regex(/^[A-Z][A-Z0-9_]{1,63}$/, 'a variable is capitals, digits and _');
const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  context.addIssue({
    code: 'custom',
    message: `expected such as 30s, 5m or 1h, received "${text}"`,
  });
  return z.NEVER;
});
const words = z.string().min(1).max(4_000);

const alertSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'a name is lower-case words and dashes'),
  condition: z.string(),
  for: duration.default(0),
  severity: z.enum(['critical', 'warning', 'info']).optional(),
  annotations: z.record(z.string(), words).default({}),
  linear: z
    .strictObject({
      team: z.string().min(1).optional(),
      priority: z.enum(PRIORITIES).optional(),
      template: words.optional(),
    })
    .default({}),
});

export const alertsSchema = z.strictObject({
  linear: z
    .strictObject({
      key_from: variable.default('LINEAR_API_KEY'),
      team: z.string().min(1).optional(),
      url: z.url().optional(),
      repository: z.url().optional(),
    })
    .prefault({}),
  webhook: z.strictObject({ url_from: variable.default('SSMD_WEBHOOK_URL') }).prefault({}),
  alerts: z.array(alertSchema).default([]),
});

type File = z.output<typeof alertsSchema>;
export type AlertsFile = Pick<File, 'linear' | 'webhook'> & {
  readonly rules: readonly AlertRule[];
};

/** @throws SSMD_INVALID_CONFIG with every fault */
export function readAlerts(name: string, text: string): AlertsFile {
  const { value, where } = parseYaml(name, text.trim() === '' ? '{}' : text, alertsSchema);
  const faults: Fault[] = [];
  const names = new Set<string>();
  const rules = value.alerts.flatMap((alert, at): AlertRule[] => {
    const path = ['alerts', at];
    if (names.has(alert.name)) {
      const what = `name "${alert.name}" is used twice: a name and its labels are one trouble`;
      faults.push({ where: where([...path, 'name']), what });
    }
    names.add(alert.name);
    const condition = parseCondition(alert.condition);
    if (!('metric' in condition)) {
      faults.push({ where: where([...path, 'condition']), ...condition });
      return [];
    }
    const labels = METRICS[condition.metric] ?? [];
    const check = (text: string, ...to: readonly string[]): void => {
      for (const what of templateFaults(text, labels)) {
        faults.push({ where: where([...path, ...to]), what });
      }
    };
    const { template = null, team = null } = alert.linear;
    if (template !== null) check(template, 'linear', 'template');
    for (const [key, text] of Object.entries(alert.annotations)) check(text, 'annotations', key);
    const { name, annotations } = alert;
    const rule = { name, condition, annotations, template, team, priority: priorityOf(alert) };
    return [{ ...rule, text: alert.condition.trim(), for_ms: alert.for }];
  });
  if (faults.length > 0) throw invalidConfig(name, faults);
  return { linear: value.linear, webhook: value.webhook, rules };
}

function priorityOf({ linear, severity }: File['alerts'][number]): Priority {
  if (linear.priority !== undefined) return linear.priority;
  if (severity === undefined) return 'medium';
  return { critical: 'urgent', warning: 'high', info: 'low' }[severity] as Priority;
}

/** The project's file; without one there are no rules, and the usual variables. */
export function loadAlerts(root: string): AlertsFile {
  const path = join(root, ALERTS_FILE);
  return readAlerts(ALERTS_FILE, existsSync(path) ? readFileSync(path, 'utf8') : '');
}

/** Who can be told, with the secrets that variables hold; null: not configured. */
export type NotifySettings = {
  readonly linear: {
    readonly api_key: string;
    readonly url: string | null;
    readonly team: string | null;
    readonly repository: string | null;
  } | null;
  readonly webhook: { readonly url: string } | null;
  readonly rules: readonly AlertRule[];
  /** Base addresses of connectors of other hosts, beside those found on this one. */
  readonly metrics: readonly string[];
};

export function notifySettings(file: AlertsFile, variables: Variables): NotifySettings {
  const { linear, webhook, rules } = file;
  const api_key = variables[linear.key_from];
  const url = variables[webhook.url_from];
  const metrics = (variables['SSMD_METRICS'] ?? '').split(',').map((it) => it.trim());
  return {
    linear: api_key
      ? {
          api_key,
          url: variables['SSMD_LINEAR_URL'] ?? linear.url ?? null,
          team: linear.team ?? null,
          repository: linear.repository ?? null,
        }
      : null,
    webhook: url ? { url } : null,
    rules,
    metrics: metrics.filter((it) => it !== ''),
  };
}
