/**
 * Venue times to u64 nanoseconds as two int32, without a bigint: a bigint costs 20-60 ns a value, and
 * every event has one. The plain twins are `nsFromMs` and `parseIso` of `schema/time.ts`.
 */
export class InstantReader {
  hi = 0;
  lo = 0;
  #minute = new Uint8Array(16);
  #minute_s = -1;
  /** The same sixteen bytes as two doubles, and the minute's start in ns. */
  #minute_eight = NaN;
  #minute_eight_last = NaN;
  #minute_hi = 0;
  #minute_lo = 0;
  /** A time in ms, and in ns. */
  #base_ms = 0;
  #base_hi = 0;
  #base_lo = 0;

  /**
   * Milliseconds since the epoch, as an int64 in two int32, to ns; false, and 0, where they are
   * negative or beyond what u64 ns can say (the year 2554).
   */
  fromMs(ms_hi: number, ms_lo: number): boolean {
    return this.fromWholeMs(ms_hi * 4294967296 + (ms_lo >>> 0));
  }

  /** The same of a whole number. Most follow the last at some distance: that is added to it. */
  fromWholeMs(ms: number): boolean {
    const since_ms = ms - this.#base_ms;
    if (since_ms >= 0 && since_ms <= NEAR_MS) {
      const lo = this.#base_lo + since_ms * 1e6;
      const carry = lo >= 4294967296 ? 1 : 0;
      this.hi = (this.#base_hi + carry) | 0;
      this.lo = (lo - carry * 4294967296) | 0;
      return true;
    }
    const fits = ms >= 0 && ms <= MS_MAX;
    this.#set(fits ? ms : 0, 1e6, 0);
    if (fits && ms <= MS_MAX - NEAR_MS) {
      this.#base_ms = ms;
      this.#base_hi = this.hi;
      this.#base_lo = this.lo >>> 0;
    }
    return fits;
  }

  /**
   * `YYYY-MM-DDTHH:MM:SS[.f{1,9}]Z` in `bytes[from, to)`; false where it is not that. Seconds 60,
   * days that are none and years from 2554 on are refused.
   */
  fromIso(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from < 20 || bytes[to - 1] !== 0x5a) return false;
    if (!this.#minuteAt(bytes, from)) return false;
    if (bytes[from + 16] !== 0x3a) return false;
    const tens = (bytes[from + 17] as number) - 0x30;
    const ones = (bytes[from + 18] as number) - 0x30;
    if (tens < 0 || tens > 5 || ones < 0 || ones > 9) return false;
    let fraction = 0;
    if (to - from > 20) {
      const digits = to - from - 21;
      if (bytes[from + 19] !== 0x2e || digits < 1 || digits > 9) return false;
      for (let at = from + 20; at < to - 1; at++) {
        const digit = (bytes[at] as number) - 0x30;
        if (digit < 0 || digit > 9) return false;
        fraction = fraction * 10 + digit;
      }
      fraction *= POWERS[9 - digits] as number;
    }
    this.#set(this.#minute_s + tens * 10 + ones, 1e9, fraction);
    return true;
  }

  /**
   * `fromIso` of exactly `YYYY-MM-DDTHH:MM:SS.ffffffZ` at `at`, which most venues write, in the minute of the
   * last time read; false where it is anything else. `view` is of `bytes`. ASCII makes no NaN and no zero,
   * so equal doubles are equal bytes.
   */
  fromMicros(view: DataView, bytes: Uint8Array, at: number): boolean {
    if (view.getFloat64(at, true) !== this.#minute_eight) return false;
    if (view.getFloat64(at + 8, true) !== this.#minute_eight_last) return false;
    if (bytes[at + 16] !== 0x3a || bytes[at + 19] !== 0x2e || bytes[at + 26] !== 0x5a) return false;
    const tens = (bytes[at + 17] as number) - 0x30;
    const ones = (bytes[at + 18] as number) - 0x30;
    if (tens < 0 || tens > 5 || ones < 0 || ones > 9) return false;
    let micros = 0;
    for (let digit_at = at + 20; digit_at < at + 26; digit_at++) {
      const digit = (bytes[digit_at] as number) - 0x30;
      if (digit < 0 || digit > 9) return false;
      micros = (Math.imul(micros, 10) + digit) | 0;
    }
    const sum = (this.#minute_lo >>> 0) + (tens * 10 + ones) * 1e9 + micros * 1e3;
    const carry = Math.floor(sum / 4294967296);
    this.hi = (this.#minute_hi + carry) | 0;
    this.lo = (sum - carry * 4294967296) | 0;
    return true;
  }

  /** `count * unit + rest`, exactly: count < 2^45, unit <= 1e9, rest < 1e9. */
  #set(count: number, unit: number, rest: number): void {
    const high = Math.floor(count / 65536);
    const low = count - high * 65536;
    const upper = high * unit;
    const upper_high = Math.floor(upper / 65536);
    const sum = (upper - upper_high * 65536) * 65536 + low * unit + rest;
    const carry = Math.floor(sum / 4294967296);
    this.hi = (upper_high + carry) | 0;
    this.lo = (sum - carry * 4294967296) | 0;
  }

  /** The minute's start in seconds, cached by its sixteen bytes. */
  #minuteAt(bytes: Uint8Array, from: number): boolean {
    const cached = this.#minute;
    let same = this.#minute_s >= 0;
    for (let at = 15; same && at >= 0; at--) same = cached[at] === bytes[from + at];
    if (same) return true;
    let text = '';
    for (let at = from; at < from + 16; at++) text += String.fromCharCode(bytes[at] as number);
    const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text) ? Date.parse(`${text}:00Z`) : NaN;
    if (
      Number.isNaN(ms) ||
      ms < 0 ||
      ms >= ISO_MS_END ||
      new Date(ms).toISOString().slice(0, 16) !== text
    ) {
      this.#minute_s = -1;
      this.#minute_eight = NaN;
      return false;
    }
    cached.set(bytes.subarray(from, from + 16));
    this.#minute_s = ms / 1000;
    const view = new DataView(cached.buffer);
    this.#minute_eight = view.getFloat64(0, true);
    this.#minute_eight_last = view.getFloat64(8, true);
    this.#set(this.#minute_s, 1e9, 0);
    this.#minute_hi = this.hi;
    this.#minute_lo = this.lo;
    return true;
  }
}

const POWERS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/** Less than 2^32 ns. */
const NEAR_MS = 4294;

/** Largest whole milliseconds whose ns fit u64. */
const MS_MAX = 18_446_744_073_709;
/** 2554-01-01: the first year whose instants may not fit. */
const ISO_MS_END = 18_429_292_800_000;
