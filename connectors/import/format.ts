/**
 * What a format of recorded captures is to the importer: pure functions from one line to what it
 * says. A format is one file and one line in `registry.ts`.
 */

/** Why a line is not imported. */
export type RejectReason =
  /** Not a line of the format, or its frame is no JSON object or array. */
  | 'malformed'
  /** A REST reply that the recorder mixed in: RAW holds only what came over the socket. */
  | 'rest_not_raw'
  /** Longer than LINE_BYTES_MAX. */
  | 'too_long'
  /** A receive time before 2000 or in the future. */
  | 'bad_time'
  /** The file ends in the middle of its compression. */
  | 'truncated';

/** What one line says. Ranges are offsets in the bytes given; instants are ns, null where untimed. */
export type RecordedLine =
  | {
      readonly kind: 'frame';
      readonly t: bigint | null;
      readonly from: number;
      readonly to: number;
    }
  /** A socket was opened; what follows came from it. */
  | { readonly kind: 'open'; readonly t: bigint; readonly url: string }
  /** What the recorder sent. */
  | { readonly kind: 'sent'; readonly t: bigint; readonly from: number; readonly to: number }
  /** The recorder's connection was interrupted here. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'blank' }
  | { readonly kind: 'reject'; readonly reason: RejectReason; readonly detail: string };

export type RecordedFormat = {
  readonly id: string;
  /** In one line, for help and errors. */
  readonly description: string;
  /** Whether its lines carry receive times. */
  readonly timed: boolean;
  /** Whether a file whose first line that is not blank is `bytes[start, end)` is of this format. */
  readonly fits: (bytes: Uint8Array, start: number, end: number) => boolean;
  /** Reads `bytes[start, end)`, a line without its line feed. Total. */
  readonly read: (bytes: Uint8Array, start: number, end: number) => RecordedLine;
};

/** Longest line that is read. */
export const LINE_BYTES_MAX = 64 * 1024 * 1024;

export function rejected(detail: string, reason: RejectReason = 'malformed'): RecordedLine {
  return { kind: 'reject', reason, detail };
}

const decoder = new TextDecoder();

/** A piece of a line as text; for what precedes the frame, which is short. */
export function textOf(bytes: Uint8Array, from: number, to: number): string {
  return decoder.decode(bytes.subarray(from, to));
}

/** Offset of the first space in `bytes[start, end)`, or -1. */
export function spaceAfter(bytes: Uint8Array, start: number, end: number): number {
  const at = bytes.indexOf(0x20, start);
  return at < 0 || at >= end ? -1 : at;
}
