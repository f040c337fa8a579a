/** What holds a rigid reader to its plain twin: frames, whole or damaged, and what both say of them. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { EventBuffer } from '../../codec/event-buffer.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import type { Decode } from '../../connectors/feed.ts';
import { bufferEvents } from './buffer-events.ts';
import { hold } from './property.ts';

const utf8 = new TextEncoder();

/** One buffer for all frames of a reader, as live: what one leaves behind must not reach the next. */
export function reading(read: Decode, symbols: SymbolTable): (frame: Uint8Array) => unknown {
  const out = new EventBuffer();
  return (frame) => {
    const line = new Uint8Array(frame.length + 2);
    line.set(frame, 1);
    read(line, 1, 1 + frame.length, symbols, out);
    const { kind, channel, frame_symbol, reason, request_id, at, frame_sequence } = out;
    const said = { kind, channel, frame_symbol, reason, request_id, at, frame_sequence };
    return { ...said, events: bufferEvents(out, symbols) };
  };
}

/** As venues write numbers. */
export const usual = fc.stringMatching(/^(0|[1-9]\d{0,5})(\.\d{1,9})?$/);
/** Near the limits of the rigid reader. */
export const long = fc.oneof(
  fc.stringMatching(/^[1-9]\d{5,9}\.\d{6,10}$/),
  fc.stringMatching(/^[1-9]\d{0,4}\.\d{10}$/),
  fc.stringMatching(/^(0|[1-9]\d{0,9})\.\d{9,18}$/),
  fc.stringMatching(/^[1-9]\d{8,18}\.?$/),
);
/** Anything. */
export const odd = fc.oneof(
  fc.stringMatching(/^\d{1,20}(\.\d{0,20})?$/),
  fc.stringMatching(/^-?\d{1,3}(\.\d{1,3})?[eE][+-]?\d{1,2}$/),
  fc.constantFrom('0', '-0', '00', '0.0', '.5', '1.', 'null', '"1"', '', '1.2.3', '-1', '-0.5'),
);

export const signed = fc.oneof(
  fc.stringMatching(/^-?(0|[1-9]\d{0,3})\.\d{1,14}$/),
  fc.constantFrom('-0', '0', '-0.00', '-1', '-4294967296', '-4.294967296', '--1', '-', '-01'),
);
/** Whole numbers, most of them ids; times in milliseconds. */
export const id = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 2 ** 49 }).map(String) },
  fc.constantFrom('0', '1', '999999999999999', '1000000000000000', '9007199254740993'),
  fc.constantFrom('9223372036854775808', '01', '-2', '1e3', '1.0', '""'),
);
export const ms = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 1, max: 4_102_444_800_000 }).map(String) },
  fc.constantFrom('0', '18446744073709', '18446744073710', '999999999999999', '01', '-1', '1.5'),
);

/** Of many, most as venues write them. */
export function mostly<T>(of: (amount: fc.Arbitrary<string>) => fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 8, arbitrary: of(usual) },
    { weight: 4, arbitrary: of(long) },
    { weight: 1, arbitrary: of(odd) },
  );
}

/** A byte changed, put in, taken out or put behind; or the frame cut. */
const damage = fc.tuple(
  fc.constantFrom('none', 'none', 'set', 'insert', 'delete', 'cut', 'append'),
  fc.nat(1_000),
  fc.oneof(fc.nat(255), fc.constantFrom(...utf8.encode(' ,:"{}[]0.e-\\'))),
);

function damaged(text: string, [kind, place, byte]: readonly [string, number, number]): Uint8Array {
  const bytes = utf8.encode(text);
  const at = place % bytes.length;
  const [before, after] = [[...bytes.subarray(0, at)], [...bytes.subarray(at)]];
  switch (kind) {
    case 'set':
      return Uint8Array.from([...before, byte, ...after.slice(1)]);
    case 'insert':
      return Uint8Array.from([...before, byte, ...after]);
    case 'delete':
      return Uint8Array.from([...before, ...after.slice(1)]);
    case 'append':
      return Uint8Array.from([...bytes, byte]);
    case 'cut':
      return Uint8Array.from(before);
    default:
      return bytes;
  }
}

/** Both say the same of any of these frames, damaged or not: of those in UTF-8, as text frames are. */
export function holdTwins(
  fast: Decode,
  plain: Decode,
  symbols: SymbolTable,
  frames: fc.Arbitrary<string>,
  count = 4_000,
): void {
  const [rigid, generic] = [reading(fast, symbols), reading(plain, symbols)];
  hold(
    fc.property(frames, damage, (text, fault) => {
      const frame = damaged(text, fault);
      fc.pre(isUtf8(frame));
      assert.deepEqual(rigid(frame), generic(frame));
    }),
    count,
  );
}

/** The rigid reader, asked for each frame, and its twin for what that leaves. */
export function rigidOr(rigid: RigidDecode, plain: Decode): Decode {
  return (...frame) => {
    if (!rigid(...frame)) plain(...frame);
  };
}

/** A rigid reader: false where it leaves a frame to its twin. */
export type RigidDecode = (...frame: Parameters<Decode>) => boolean;

/** Which of the frames the rigid reader leaves to its twin. */
export function leftByRigid(
  rigid: RigidDecode,
  symbols: SymbolTable,
  frames: readonly string[],
): string[] {
  const out = new EventBuffer();
  return frames.filter((frame) => {
    const bytes = utf8.encode(`${frame}\n`);
    return !rigid(bytes, 0, bytes.length - 1, symbols, out);
  });
}
