/** A collector's figures for machines: as JSON, and as Prometheus text of the same. */
import type { CollectorStatus } from './collector.ts';

type Row = readonly [
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  read: (it: CollectorStatus) => number,
];

/** Without `ssmd_collector_` in JSON. */
const ROWS: readonly Row[] = [
  ['ssmd_collector_up', 'gauge', '1 while it runs', () => 1],
  ['ssmd_collector_uptime_seconds', 'gauge', 'Since its start', (it) => it.uptime_s],
  ['ssmd_collector_frames_total', 'counter', 'Frames received', (it) => it.totals.frames],
  ['ssmd_collector_bytes_total', 'counter', 'Their bytes', (it) => it.totals.bytes],
  [
    'ssmd_collector_frames_written_total',
    'counter',
    'Frames that are durable',
    (it) => it.writer.frames,
  ],
  ['ssmd_collector_files_total', 'counter', 'Files put', (it) => it.writer.files],
  ['ssmd_collector_file_bytes_total', 'counter', 'Their bytes', (it) => it.writer.bytes],
  [
    'ssmd_collector_write_failures_total',
    'counter',
    'Attempts to put a file that failed',
    (it) => it.writer.failures,
  ],
  [
    'ssmd_collector_write_lost_total',
    'counter',
    'Frames given up for such failures',
    (it) => it.writer.lost,
  ],
  [
    'ssmd_collector_queue_full_drops_total',
    'counter',
    'Frames that found the queue full',
    (it) => it.totals.queue_full,
  ],
  [
    'ssmd_collector_too_large_total',
    'counter',
    "Frames over the feed's limit",
    (it) => it.totals.too_large,
  ],
  ['ssmd_collector_connects_total', 'counter', 'Sockets opened', (it) => it.totals.connects],
  ['ssmd_collector_disconnects_total', 'counter', 'Sockets ended', (it) => it.totals.disconnects],
  ['ssmd_collector_queue_frames', 'gauge', 'Frames in the queue', (it) => it.queue.frames],
  ['ssmd_collector_queue_bytes', 'gauge', 'Bytes in the queue', (it) => it.queue.bytes],
  ['ssmd_collector_queue_ratio', 'gauge', 'Share of the queue in use', (it) => it.queue.ratio],
  [
    'ssmd_collector_offline_minutes',
    'gauge',
    'Minutes without frames before this start',
    (it) => it.offline?.minutes ?? 0,
  ],
  [
    'ssmd_collector_offline_gaps',
    'gauge',
    'Streams with a gap over these minutes',
    (it) => it.offline?.gaps_total ?? 0,
  ],
];
const STATES = ['READY', 'DEGRADED', 'OFFLINE', 'ERROR'] as const;
const LABELLED = {
  state: 'ssmd_collector_state',
  gaps: 'ssmd_collector_gaps_total',
  alarms: 'ssmd_collector_alarms_total',
} as const;

/** Names without their prefix; gaps and alarms by kind. */
export function metricsJson(status: CollectorStatus): Readonly<Record<string, unknown>> {
  const plain = ROWS.map(([name, , , read]) => [
    name.slice('ssmd_collector_'.length),
    read(status),
  ]);
  return {
    state: status.state,
    ...(Object.fromEntries(plain) as Record<string, number>),
    gaps_total: status.gaps,
    alarms_total: status.alarms,
  };
}

/** Text format 0.0.4. */
export function metricsText(status: CollectorStatus): string {
  const lines = ROWS.flatMap(([name, type, help, read]) => [
    ...headOf(name, type, help),
    `${name} ${read(status)}`,
  ]);
  const labelled = (
    name: string,
    label: string,
    values: Readonly<Record<string, number>>,
  ): void => {
    for (const [key, value] of Object.entries(values))
      lines.push(`${name}{${label}="${key}"} ${value}`);
  };
  lines.push(...headOf(LABELLED.state, 'gauge', '1 for the state it is in'));
  const states = STATES.map((it) => [it, it === status.state ? 1 : 0] as const);
  labelled(LABELLED.state, 'state', Object.fromEntries(states));
  lines.push(...headOf(LABELLED.gaps, 'counter', 'Gaps by kind'));
  labelled(LABELLED.gaps, 'kind', status.gaps);
  lines.push(...headOf(LABELLED.alarms, 'counter', 'Alarms by kind'));
  labelled(LABELLED.alarms, 'kind', status.alarms);
  return `${lines.join('\n')}\n`;
}

function headOf(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

/**
 * Whether a client that sends this `Accept` header is to have the text: it asks for `text/plain` or
 * OpenMetrics, and not for JSON rather. JSON where it does not care.
 */
export function wantsText(accept: string): boolean {
  const ranges = accept.split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((it) => it.trim().toLowerCase());
    const q = parameters.find((it) => it.startsWith('q='));
    const weight = q === undefined ? 1 : Number(q.slice(2));
    return { type, weight: Number.isFinite(weight) ? weight : 0 };
  });
  const weightOf = (...types: readonly string[]): number | null =>
    ranges.reduce<number | null>(
      (best, it) => (types.includes(it.type) ? Math.max(best ?? 0, it.weight) : best),
      null,
    );
  const text = weightOf('text/plain', 'application/openmetrics-text');
  const json = weightOf('application/json') ?? weightOf('application/*', '*/*') ?? 0;
  if (text === null || text === 0) return false;
  return weightOf('application/json') === null ? text >= json : text > json;
}
