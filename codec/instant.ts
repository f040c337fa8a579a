/**
 * Venue times to u64 nanoseconds as two int32, without a bigint: a bigint costs 20-60 ns a value, and
 * every event has one. The plain twins are `nsFromMs` and `parseIso` of `schema/time.ts`.
 */
export class InstantReader {
  hi = 0;
  lo = 0;
  #minute = new Uint8Array(16);
  #minute_s = -1;
  readonly #minute_view = new DataView(this.#minute.buffer);
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
    const day = dayAt(bytes, from);
    const hour = twoDigits(bytes, from + 11);
    const minute = twoDigits(bytes, from + 14);
    if (day < 0 || bytes[from + 10] !== 0x54 || hour > 23) return false;
    if (bytes[from + 13] !== 0x3a || minute > 59) {
      return false;
    }
    for (let at = 0; at < 16; at++) cached[at] = bytes[from + at] as number;
    this.#minute_s = day * 86_400 + hour * 3600 + minute * 60;
    this.#minute_eight = this.#minute_view.getFloat64(0, true);
    this.#minute_eight_last = this.#minute_view.getFloat64(8, true);
    this.#set(this.#minute_s, 1e9, 0);
    this.#minute_hi = this.hi;
    this.#minute_lo = this.lo;
    return true;
  }
}

/** The number of two digits; a million where they are none. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] as number) ^ 0x30;
  const ones = (bytes[at + 1] as number) ^ 0x30;
  return tens <= 9 && ones <= 9 ? tens * 10 + ones : 1e6;
}

const DASH = 0x2d;
const MONTH_DAYS = Int32Array.of(31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

/** `YYYY-MM-DD` as days since 1970, -1 where it is no day of 1970 to 2553. */
function dayAt(bytes: Uint8Array, from: number): number {
  const year = twoDigits(bytes, from) * 100 + twoDigits(bytes, from + 2);
  const month = twoDigits(bytes, from + 5);
  const day = twoDigits(bytes, from + 8);
  if (bytes[from + 4] !== DASH || bytes[from + 7] !== DASH) return -1;
  if (year < 1970 || year >= YEAR_END || month < 1 || month > 12 || day < 1) return -1;
  const leaps = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const february = leaps && month === 2 ? 1 : 0;
  if (day > (MONTH_DAYS[month - 1] as number) + february) return -1;
  // Years that begin in March end with the day that may be none: 306 days are left of one then.
  const since_march = month > 2 ? month - 3 : month + 9;
  const march_year = month > 2 ? year : year - 1;
  const leap_days =
    Math.floor(march_year / 4) - Math.floor(march_year / 100) + Math.floor(march_year / 400);
  const day_of_year = Math.floor((153 * since_march + 2) / 5) + day - 1;
  return march_year * 365 + leap_days + day_of_year - DAYS_TO_1970;
}

const POWERS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/** Less than 2^32 ns. */
const NEAR_MS = 4294;

/** Largest whole milliseconds whose ns fit u64. */
const MS_MAX = 18_446_744_073_709;
/** The first year whose instants may not fit. */
const YEAR_END = 2554;
/** From the first of March of the year 0 to 1970. */
const DAYS_TO_1970 = 719_468;
