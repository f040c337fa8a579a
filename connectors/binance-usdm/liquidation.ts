/**
 * Forced orders (`forceOrder`): the latest per symbol and second only, so the venue itself leaves
 * some out and nothing can prove them complete.
 */
import { FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { KEY_END, keyTable } from '../../codec/key-table.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import type { FrameReader } from './frame-reader.ts';

const OUTER = ['e', 'E', 'o'];
const OUTER_KEYS = keyTable(...OUTER);
const OUTER_REQUIRED = 1 << 2;
const ORDER = ['s', 'S', 'o', 'q', 'p', 'ap', 'X', 'z', 'T'];
const ORDER_KEYS = keyTable(...ORDER);
/** All but the order type, the average price, the status and the filled size. */
const ORDER_REQUIRED = 0b1_0001_1011;
const TEXT_CHARACTERS_MAX = 64;
const BUY = new TextEncoder().encode('BUY');
const SELL = new TextEncoder().encode('SELL');

/** A liquidation. `S` is the side of the forced order, which is the aggressor. */
export function readForceOrder(reader: FrameReader, out: EventBuffer): void {
  const { scanner } = reader;
  out.channel = 'forceOrder';
  const event = out.begin(TYPE_CODE.liquidation, -1, 0);
  for (;;) {
    const key = scanner.nextKey(OUTER_KEYS);
    if (key === KEY_END) break;
    if (key >= 0) reader.see(key, OUTER);
    if (key === 2) {
      const { seen } = reader;
      reader.seen = 0;
      readOrder(reader, out, event);
      reader.seen = seen;
    } else {
      scanner.skip();
    }
  }
  reader.demand(OUTER_REQUIRED, OUTER);
}

function readOrder(reader: FrameReader, out: EventBuffer, event: number): void {
  const { scanner } = reader;
  if (!scanner.beginObject()) return;
  for (;;) {
    const key = scanner.nextKey(ORDER_KEYS);
    if (key === KEY_END) break;
    if (key >= 0) reader.see(key, ORDER);
    switch (key) {
      case 0:
        reader.readSymbol();
        break;
      case 1:
        readSide(reader, out, event);
        break;
      case 2:
        readWord(reader, out, event, FIELD.liquidation.order_type);
        break;
      case 3:
        reader.size(out, event, FIELD.liquidation.size, 'o.q');
        break;
      case 4:
        reader.decimal(out, event, FIELD.liquidation.price);
        break;
      case 5:
        reader.decimal(out, event, FIELD.liquidation.average_price);
        break;
      case 6:
        readWord(reader, out, event, FIELD.liquidation.status);
        break;
      case 7:
        reader.size(out, event, FIELD.liquidation.filled_size, 'o.z');
        break;
      case 8:
        reader.time('o.T');
        out.setTsEvent(event, reader.instant.hi, reader.instant.lo);
        break;
      default:
        scanner.skip();
    }
  }
  reader.demand(ORDER_REQUIRED, ORDER);
}

function readSide(reader: FrameReader, out: EventBuffer, event: number): void {
  const { scanner } = reader;
  if (!scanner.string()) return;
  if (scanner.textIs(BUY)) out.setSide(event, FIELD.liquidation.side, 1);
  else if (scanner.textIs(SELL)) out.setSide(event, FIELD.liquidation.side, 2);
  else reader.wrong('bad_side:o.S');
}

function readWord(reader: FrameReader, out: EventBuffer, event: number, field: number): void {
  const { scanner } = reader;
  if (!scanner.string()) return;
  out.setText(event, field, scanner.text().slice(0, TEXT_CHARACTERS_MAX));
}
