/**
 * What a connector counts for its operator, over all its epochs, and the Prometheus text of it. Plain
 * numbers on the hot path; names and labels only when somebody asks.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { NO_CHECKS } from '../../fold/counts.ts';
import type { BookChecks } from '../../fold/counts.ts';
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
  /** Of every book of the shard, by the venue's own rule. */
  readonly books: BookChecks;
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
    books: { ...NO_CHECKS },
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
  readonly stream_ratio: number | null;
  readonly lag_s: number;
  readonly local_log_bytes: number;
  readonly segments_pending: number;
};

const STATES: readonly ConnectorState[] = ['READY', 'DEGRADED', 'OFFLINE', 'ERROR'];
const LABELS = ['shard', 'feed'] as const;

type Read = (counters: Counters, now: Gauges) => number | null;
type Row = readonly [name: string, help: string, read: Read];

/** What only grows. Names are the requirements' where those have one. */
const TOTALS: readonly Row[] = [
  ['ssmd_connector_bytes_received_total', 'Bytes of frames received', (it) => it.bytes],
  ['ssmd_connector_events_total', 'Events the fold yielded', (it) => it.events],
  ['ssmd_connector_gaps_total', 'Books that broke', (it) => it.gaps],
  ['ssmd_connector_drops_total', 'Frames not written to the log', (it) => it.drops],
  ['ssmd_connector_rejected_total', 'Frames that could not be decoded', (it) => it.rejected],
  ['ssmd_connector_segments_shipped_total', 'Raw segments in the store', (it) => it.segments],
  [
    'ssmd_connector_segment_conflicts_total',
    'Segments whose key held other content',
    (it) => it.conflicts,
  ],
  [
    'ssmd_connector_websocket_reconnects_total',
    'Connections that ended unasked and were opened anew',
    (_, now) => now.reconnects,
  ],
];

const GAUGES: readonly Row[] = [
  ['ssmd_connector_up', '1 while it runs', () => 1],
  ['ssmd_connector_connections', 'Connections there should be', (_, now) => now.connections],
  ['ssmd_connector_connections_open', 'Connections open', (_, now) => now.connections_open],
  ['ssmd_connector_lag_seconds', 'The bus is this far behind the log', (_, now) => now.lag_s],
  [
    'ssmd_connector_queue_ratio',
    'Share of the queue to the bus in use',
    (_, now) => now.queue_ratio,
  ],
  [
    'ssmd_connector_stream_ratio',
    'Share of the bus stream in use; at 1 its oldest messages go',
    (_, now) => now.stream_ratio,
  ],
  ['ssmd_connector_local_log_bytes', 'Bytes of log on this host', (_, now) => now.local_log_bytes],
  ['ssmd_connector_segments_pending', 'Segments to be shipped', (_, now) => now.segments_pending],
  ['ssmd_shard_symbols_count', 'Symbols of the shard', (it) => it.by_symbol.length - 1],
];

/** Prometheus text of a connector; values are read when it is asked for. */
export function createMetrics(
  config: FoldConfig,
  counters: Counters,
  gauges: () => Gauges,
): { readonly text: () => Promise<string> } {
  const registers = [new Registry()];
  const labels = { shard: config.shard, feed: config.feed };
  const totals = TOTALS.map(([name, help, read]) => ({
    counter: new Counter({ name, help, labelNames: LABELS, registers }),
    read,
  }));
  const levels = GAUGES.map(([name, help, read]) => ({
    gauge: new Gauge({ name, help, labelNames: LABELS, registers }),
    read,
  }));
  const received = new Counter({
    name: 'ssmd_connector_messages_received_total',
    help: 'Frames received and written to the log, by symbol (empty: of no symbol)',
    labelNames: [...LABELS, 'symbol'],
    registers,
  });
  const alarms = new Counter({
    name: 'ssmd_connector_alarms_total',
    help: 'Alarms by kind',
    labelNames: [...LABELS, 'kind'],
    registers,
  });
  const books = new Counter({
    name: 'ssmd_connector_book_checks_total',
    help: "Messages of books by what the venue's own rule said: verified, mismatched, not_provided",
    labelNames: [...LABELS, 'result'],
    registers,
  });
  const state = new Gauge({
    name: 'ssmd_connector_state',
    help: '1 for the state the connector is in',
    labelNames: [...LABELS, 'state'],
    registers,
  });

  return {
    text() {
      const now = gauges();
      for (const { counter, read } of totals) {
        counter.reset();
        counter.inc(labels, read(counters, now) ?? 0);
      }
      for (const { gauge, read } of levels) {
        const value = read(counters, now);
        if (value === null) gauge.remove(labels);
        else gauge.set(labels, value);
      }
      received.reset();
      counters.by_symbol.forEach((count, index) => {
        received.inc({ ...labels, symbol: config.symbols[index - 1]?.symbol ?? '' }, count);
      });
      alarms.reset();
      for (const [kind, count] of counters.alarms) alarms.inc({ ...labels, kind }, count);
      books.reset();
      for (const [result, count] of Object.entries(counters.books)) {
        books.inc({ ...labels, result }, count);
      }
      for (const name of STATES) state.set({ ...labels, state: name }, now.state === name ? 1 : 0);
      return registers[0]?.metrics() ?? Promise.resolve('');
    },
  };
}
