/**
 * Types of which a venue tells what changed (`Feed.changes`): an event is made whole from what its own
 * connection said before, so that what is spoken, remembered or said again (R8) is always a whole state.
 */
import { ABSENT, SLOT_COUNT } from '../codec/event-buffer.ts';
import type { EventBuffer } from '../codec/event-buffer.ts';
import { FLAG } from '../schema/events.ts';
import { TYPES } from './state.ts';
import type { Connection } from './state.ts';

/** Columns of a slot: hi, lo, aux. */
const COLUMNS = 3;

/**
 * Fills what event `event` leaves out, and remembers it for the next one. False before a snapshot:
 * nobody knows what the change is of.
 */
export function makeWhole(
  { values }: Connection,
  buffer: EventBuffer,
  event: number,
  key: number,
): boolean {
  const { hi, lo, aux } = buffer;
  const from = buffer.slot[event] as number;
  const count = SLOT_COUNT[buffer.type[event] as number] as number;
  const isWhole = ((buffer.flags[event] as number) & FLAG.SNAPSHOT) !== 0;
  const known = values.get(key);
  if (known === undefined && !isWhole) return false;
  const value = known ?? new Int32Array(COLUMNS * count);
  if (known === undefined) values.set(key, value);
  for (let field = 0; field < count; field++) {
    const slot = from + field;
    const at = COLUMNS * field;
    if (!isWhole && aux[slot] === ABSENT) {
      hi[slot] = value[at] as number;
      lo[slot] = value[at + 1] as number;
      aux[slot] = value[at + 2] as number;
    } else {
      value[at] = hi[slot] as number;
      value[at + 1] = lo[slot] as number;
      value[at + 2] = aux[slot] as number;
    }
  }
  return true;
}

/** Frames of a connection are lost: what it said before holds no longer. `lost` hears of what. */
export function forgetValues(
  { values }: Connection,
  lost: (slot: number, type: number) => void,
): void {
  for (const key of values.keys()) lost(Math.floor(key / TYPES), key % TYPES);
  values.clear();
}
