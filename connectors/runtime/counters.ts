/**
 * What a connector counts for its operator, over all its epochs, and the Prometheus text of it. Plain
 * numbers on the hot path; names and labels only when somebody asks.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import type { ConnectorState } from './state.ts';

export type Counters = {
  frames: number;
  bytes: number;
  drops: number;
  gaps: number;
  events: number;
  refused: number;
  rejected: number;
  resubscribes: number;
  takeovers: number;
  segments: number;
  segment_bytes: number;
  conflicts: number;
  /** Frames by index of the symbol in the configuration, + 1; 0 for those of none. */
  readonly by_symbol: number[];
  readonly alarms: Map<string, number>;
  /** Of the last event that had one: how long before `t` the venue says it happened. */
  venue_lag_s: number | null;
};

export function createCounters(config: FoldConfig): Counters {
  return {
    frames: 0,
    bytes: 0,
    drops: 0,
    gaps: 0,
    events: 0,
    refused: 0,
    rejected: 0,
    resubscribes: 0,
    takeovers: 0,
    segments: 0,
    segment_bytes: 0,
    conflicts: 0,
    by_symbol: new Array<number>(config.symbols.length + 1).fill(0),
    alarms: new Map(),
    venue_lag_s: null,
  };
}

export function countReceived(counters: Counters, buffer: EventBuffer, bytes: number): void {
  counters.frames += 1;
  counters.bytes += bytes;
  const symbol = Math.max(buffer.frame_symbol, -1) + 1;
  counters.by_symbol[symbol] = (counters.by_symbol[symbol] ?? 0) + 1;
  if (buffer.kind === 'rejected') counters.rejected += 1;
}

export function countAlarm(counters: Counters, alarm: string): void {
  counters.alarms.set(alarm, (counters.alarms.get(alarm) ?? 0) + 1);
  if (alarm === 'refused') counters.refused += 1;
  if (alarm === 'resubscribe') counters.resubscribes += 1;
}

/** Measured when somebody asks. */
export type Gauges = {
  readonly state: ConnectorState;
  readonly connections: number;
  readonly connections_open: number;
  readonly reconnects: number;
  readonly queue_ratio: number;
  readonly lag_s: number;
  readonly local_log_bytes: number;
  readonly segments_pending: number;
};

const STATES: readonly ConnectorState[] = ['READY', 'DEGRADED', 'OFFLINE', 'ERROR'];
const LABELS = ['shard', 'feed'] as const;

/** The names are the requirements' where those have one. */
export function createMetrics(
  config: FoldConfig,
  counters: Counters,
  gauges: () => Gauges,
): { readonly text: () => Promise<string> } {
  const registry = new Registry();
  const { shard, feed } = config;
  const labels = { shard, feed };
  const total = (name: string, help: string, read: () => number): void => {
    const counter = new Counter({ name, help, labelNames: LABELS, registers: [registry] });
    reads.push(() => {
      counter.reset();
      counter.inc(labels, read());
    });
  };
  const gauge = (name: string, help: string, read: () => number | null): void => {
    const instrument = new Gauge({ name, help, labelNames: LABELS, registers: [registry] });
    reads.push(() => {
      instrument.reset();
      const value = read();
      if (value !== null) instrument.set(labels, value);
    });
  };
  const reads: (() => void)[] = [];
  let now = gauges();

  const received = new Counter({
    name: 'ssmd_connector_messages_received_total',
    help: 'Frames received and written to the log, by symbol (empty: of no symbol)',
    labelNames: [...LABELS, 'symbol'],
    registers: [registry],
  });
  const alarms = new Counter({
    name: 'ssmd_connector_alarms_total',
    help: 'Alarms by kind',
    labelNames: [...LABELS, 'kind'],
    registers: [registry],
  });
  const state = new Gauge({
    name: 'ssmd_connector_state',
    help: '1 for the state the connector is in',
    labelNames: [...LABELS, 'state'],
    registers: [registry],
  });
  reads.push(() => {
    received.reset();
    counters.by_symbol.forEach((count, index) => {
      received.inc({ ...labels, symbol: config.symbols[index - 1]?.symbol ?? '' }, count);
    });
    alarms.reset();
    for (const [kind, count] of counters.alarms) alarms.inc({ ...labels, kind }, count);
    for (const name of STATES) state.set({ ...labels, state: name }, now.state === name ? 1 : 0);
  });
  total('ssmd_connector_bytes_received_total', 'Bytes of frames received', () => counters.bytes);
  total('ssmd_connector_events_total', 'Events the fold yielded', () => counters.events);
  total('ssmd_connector_gaps_total', 'Books that broke', () => counters.gaps);
  total('ssmd_connector_drops_total', 'Frames not written to the log', () => counters.drops);
  total(
    'ssmd_connector_rejected_total',
    'Frames that could not be decoded',
    () => counters.rejected,
  );
  total(
    'ssmd_connector_segments_shipped_total',
    'Raw segments in the store',
    () => counters.segments,
  );
  total(
    'ssmd_connector_segment_conflicts_total',
    'Segments whose key held other content',
    () => counters.conflicts,
  );
  total(
    'ssmd_connector_websocket_reconnects_total',
    'Connections opened anew',
    () => now.reconnects,
  );
  gauge('ssmd_connector_up', '1 while it runs', () => 1);
  gauge('ssmd_connector_connections', 'Connections there should be', () => now.connections);
  gauge('ssmd_connector_connections_open', 'Connections that are open', () => now.connections_open);
  gauge('ssmd_connector_lag_seconds', 'The bus is this far behind the log', () => now.lag_s);
  gauge(
    'ssmd_connector_venue_lag_seconds',
    'Receive time less the venue time, last event',
    () => counters.venue_lag_s,
  );
  gauge(
    'ssmd_connector_queue_ratio',
    'Share of the queue to the bus that is full',
    () => now.queue_ratio,
  );
  gauge(
    'ssmd_connector_local_log_bytes',
    'Bytes of the log on this host',
    () => now.local_log_bytes,
  );
  gauge(
    'ssmd_connector_segments_pending',
    'Segments not yet in the store',
    () => now.segments_pending,
  );
  gauge('ssmd_shard_symbols_count', 'Symbols of the shard', () => config.symbols.length);
  return {
    text() {
      now = gauges();
      for (const read of reads) read();
      return registry.metrics();
    },
  };
}
