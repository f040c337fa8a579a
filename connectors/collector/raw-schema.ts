/**
 * The collector's RAW schema, version 1: fixed, and the same in every file. One row is one WebSocket
 * message that a venue sent; there are no other rows. `docs/collector.md` explains each column; a golden
 * test holds the bytes to it. A change of anything here is a new version beside this one, never this one.
 */
import type { Cell, OpenTable, TableColumn } from '../../schema/table.ts';

export const RAW_SCHEMA = 'ssmd.collector.raw';
export const RAW_SCHEMA_VERSION = 1;

export const RAW_COLUMNS: readonly TableColumn[] = [
  /** The feed's name: `okx`. */
  { name: 'exchange', kind: 'text', nullable: false },
  /** The venue's word for the channel, or `control`, or `unknown`. */
  { name: 'stream', kind: 'text', nullable: false },
  /** The venue's own spelling, null where the frame is about none or several. */
  { name: 'symbol', kind: 'text', nullable: true },
  /** The venue's time of the first event in the frame, ns UTC; null where it states none. */
  { name: 'ts_event', kind: 'timestamp', nullable: true },
  /** When this process had the frame, ns UTC. */
  { name: 'ts_recv', kind: 'timestamp', nullable: false },
  /** Which socket: `{run}.{number}`, of no other process or socket. */
  { name: 'connection', kind: 'text', nullable: false },
  /** Counts the frames received on the connection from 1, those that were dropped as well. */
  { name: 'sequence', kind: 'uint64', nullable: false },
  /** The message's own bytes. */
  { name: 'payload', kind: 'bytes', nullable: false },
];

export type RawRow = {
  readonly exchange: string;
  readonly stream: string;
  readonly symbol: string | null;
  readonly ts_event: bigint | null;
  readonly ts_recv: bigint;
  readonly connection: string;
  readonly sequence: number;
  readonly payload: Uint8Array;
};

/** Metadata of each file: what it holds, by which version, and whether the venue was a real one. */
export function rawMetadata(origin: string): Readonly<Record<string, string>> {
  return {
    'ssmd.schema': RAW_SCHEMA,
    'ssmd.schema_version': String(RAW_SCHEMA_VERSION),
    'ssmd.origin': origin,
  };
}

/** Rows of one row group at most, and bytes of payload after which one ends. */
export const GROUP_ROWS_MAX = 4_000;
export const GROUP_BYTES_MAX = 2 * 1024 * 1024;

/** Rows as one file's bytes; `breathe` is waited for between two groups, so that sockets are heard. */
export async function encodeRaw(
  rows: readonly RawRow[],
  openTable: OpenTable,
  breathe: () => Promise<void>,
): Promise<Uint8Array> {
  const table = openTable(RAW_COLUMNS);
  const parts: Uint8Array[] = [];
  for (let from = 0; from < rows.length;) {
    const to = groupEnd(rows, from);
    parts.push(table.group(cellsOf(rows.slice(from, to))));
    from = to;
    if (from < rows.length) await breathe();
  }
  parts.push(table.finish());
  return joined(parts);
}

function groupEnd(rows: readonly RawRow[], from: number): number {
  let bytes = 0;
  let to = from;
  while (to < rows.length && to - from < GROUP_ROWS_MAX && bytes < GROUP_BYTES_MAX) {
    bytes += (rows[to] as RawRow).payload.length;
    to += 1;
  }
  return to;
}

function cellsOf(rows: readonly RawRow[]): readonly (readonly Cell[])[] {
  return [
    rows.map((it) => it.exchange),
    rows.map((it) => it.stream),
    rows.map((it) => it.symbol),
    rows.map((it) => it.ts_event),
    rows.map((it) => it.ts_recv),
    rows.map((it) => it.connection),
    rows.map((it) => BigInt(it.sequence)),
    rows.map((it) => it.payload),
  ];
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
