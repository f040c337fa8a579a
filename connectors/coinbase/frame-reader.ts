/** What Coinbase's frames need beyond quoted numbers. */
import { QuotedReader } from '../../codec/quoted-reader.ts';

/**
 * Why a frame is rejected, beside `ReadFault`:
 *
 * - `bad_type` an event of a channel that is neither `snapshot` nor `update`
 */
export type OwnFault = 'bad_type';

const QUOTE = 0x22;
const utf8 = new TextEncoder();

export class FrameReader extends QuotedReader<OwnFault> {
  /** A number of a connection or market, exact in a double: below 2^53. Returns it, -1 on a fault. */
  count(): number {
    const { at } = this;
    if (!this.integer()) return -1;
    const value = this.hi * 4294967296 + (this.lo >>> 0);
    if (value <= Number.MAX_SAFE_INTEGER) return value;
    this.refuse('bad_integer', at);
    return -1;
  }

  /** An RFC 3339 time in UTC into `ts_hi`, `ts_lo`. */
  instant(): boolean {
    if (this.failed) return false;
    if (this.peek() !== QUOTE) return this.refuse('bad_time', this.at);
    if (!this.string()) return false;
    const text = this.escaped ? utf8.encode(this.text()) : null;
    const isTime =
      text === null
        ? this.instants.fromIso(this.bytes, this.from, this.to)
        : this.instants.fromIso(text, 0, text.length);
    return this.timed(isTime, this.from);
  }

  /** Whole seconds since the epoch, quoted or not, into `ts_hi`, `ts_lo`. */
  seconds(): boolean {
    const { at } = this;
    if (!this.numeral('bad_time')) return false;
    const ms = (this.hi * 4294967296 + (this.lo >>> 0)) * 1000;
    const high = Math.floor(ms / 4294967296);
    const fits = this.isPlain() && ms <= Number.MAX_SAFE_INTEGER;
    return this.timed(fits && this.instants.fromMs(high, ms - high * 4294967296), at);
  }
}
