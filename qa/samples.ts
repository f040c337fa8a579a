/** Failing rows kept as evidence: the first half as they came, the other half the worst. */
import { formatDecimal } from '../schema/decimal.ts';
import type { Decimal } from '../schema/decimal.ts';
import type { MarketEvent } from '../schema/events.ts';
import { formatIso } from '../schema/time.ts';
import type { Sample } from './check.ts';

export class Samples {
  readonly #limit: number;
  readonly #first: number;
  readonly #kept: { readonly sample: Sample; readonly badness: number }[] = [];
  truncated = false;

  constructor(limit: number) {
    this.#limit = limit;
    this.#first = Math.ceil(limit / 2);
  }

  /** `make` is called only for a row that is kept. */
  add(badness: number, make: () => Sample): void {
    if (this.#kept.length < this.#limit) {
      this.#kept.push({ sample: make(), badness });
      return;
    }
    this.truncated = true;
    let mildest = -1;
    for (let at = this.#first; at < this.#kept.length; at++) {
      const { badness: known } = this.#kept[at] ?? { badness: Infinity };
      if (mildest < 0 || known < (this.#kept[mildest]?.badness ?? Infinity)) mildest = at;
    }
    if (mildest >= 0 && badness > (this.#kept[mildest]?.badness ?? Infinity)) {
      this.#kept.splice(mildest, 1);
      this.#kept.push({ sample: make(), badness });
    }
  }

  list(): readonly Sample[] {
    return this.#kept.map(({ sample }) => sample);
  }
}

/** An event as a row of evidence: its identity and scalar fields; a book's levels as counts. */
export function rowOf(event: MarketEvent): Readonly<Record<string, unknown>> {
  const row: Record<string, unknown> = { ts_recv: formatIso(event.t) };
  for (const [name, value] of Object.entries<unknown>(event)) {
    if (value === null || name === 'feed' || (name === 'flags' && value === 0)) continue;
    row[name] = plain(value);
  }
  return row;
}

/** A venue's text may be 64 KiB long; evidence is read by people. */
const TEXT_CHARS_MAX = 200;

/** A text that came from outside, at a length a report can bear. */
export function shortText(text: string): string {
  if (text.length <= TEXT_CHARS_MAX) return text;
  return `${text.slice(0, TEXT_CHARS_MAX)}... (${text.length} characters)`;
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return shortText(value);
  if (Array.isArray(value)) return `${value.length} levels`;
  if (isDecimal(value)) return formatDecimal(value);
  return value;
}

function isDecimal(value: unknown): value is Decimal {
  return typeof value === 'object' && value !== null && 'mantissa' in value && 'exponent' in value;
}
