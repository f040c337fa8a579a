/** What OKX's frames need beyond quoted numbers. */
import { QuotedReader } from '../../codec/quoted-reader.ts';

/**
 * Why a frame is rejected, beside `ReadFault`:
 *
 * - `bad_flag` `confirm` of a candle that is neither `0` nor `1`
 * - `bad_action` an action of a book that is neither `snapshot` nor `update`
 */
export type OwnFault = 'bad_flag' | 'bad_action';

export class FrameReader extends QuotedReader<OwnFault> {
  /** `-1` is "none" here (`prevSeqId` of a snapshot): false without a fault. */
  integerOrNone(): boolean {
    const { at } = this;
    if (!this.numeral('bad_integer')) return false;
    if (this.hi === -1 && this.lo === -1 && this.exp === 0) return false;
    return this.isPlain() ? true : this.refuse('bad_integer', at);
  }

  /** A signed 32-bit number, into `lo`. */
  int32(): boolean {
    const { at } = this;
    if (!this.numeral('bad_integer')) return false;
    const fits = this.exp === 0 && this.hi === this.lo >> 31;
    return fits ? true : this.refuse('bad_integer', at);
  }
}
