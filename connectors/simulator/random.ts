/**
 * Seeded randomness: xoshiro128** over 32-bit integers, seeded by splitmix32 from a number and a
 * label, so that every symbol and every connection has a stream of its own that no other disturbs.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number, label: string) {
    let state = hash32(label) ^ Math.imul(seed | 0, 0x9e3779b1) ^ Math.floor(seed / 4294967296);
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return z ^ (z >>> 16);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  /** 32 random bits as an unsigned integer. */
  bits(): number {
    const b = this.#b;
    const five = Math.imul(b, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9);
    const shifted = b << 9;
    this.#c ^= this.#a;
    this.#d ^= b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result >>> 0;
  }

  /** Uniform in [0, 1), 32 bits fine. */
  unit(): number {
    return this.bits() / 4294967296;
  }

  /** A whole number in [0, count), count <= 2^32. */
  below(count: number): number {
    return Math.floor(this.unit() * count);
  }

  /** Exponential with mean 1. */
  exponential(): number {
    return -Math.log(1 - this.unit());
  }

  /** Close to a standard normal, within +-3.5. */
  normal(): number {
    return (this.unit() + this.unit() + this.unit() + this.unit() - 2) * 1.7320508;
  }

  /** 0, 1, 2, ... with `p` the chance to stop at each; at most `limit`. */
  geometric(p: number, limit: number): number {
    return Math.min(limit, Math.floor(this.exponential() / -Math.log(1 - p)));
  }
}

/** FNV-1a of a text's UTF-16 units. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
