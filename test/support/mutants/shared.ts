/** Mutants of what all venues share: the book, and the reader of times. */
import type { RuleMutant } from './mutant.ts';

type Broken = Pick<RuleMutant, 'rule' | 'mistake' | 'file' | 'find' | 'replace'>;

export const SIZE_0_STORED: Broken = {
  rule: 'size 0 deletes',
  mistake: 'size 0 stored, not removed',
  file: 'books/book-side.ts',
  find: '      if (size_hi[level] === 0 && size_lo[level] === 0) {',
  replace: '      if (size_hi[level] === 0 && size_lo[level] === -1) {',
};

export const ENTRIES_SORTED: Broken = {
  rule: 'entries are applied in the order given',
  mistake: 'entries sorted before they are applied',
  file: 'books/book-side.ts',
  find: '    for (let level = from; level < to; level++) {\n      const hi',
  replace:
    '    const order = Array.from({ length: to - from }, (_, at) => from + at);\n' +
    '    order.sort((a, b) => (buffer.size_lo[b] ?? 0) - (buffer.size_lo[a] ?? 0));\n' +
    '    for (const level of order) {\n      const hi',
};

export const MS_AS_US: Broken = {
  rule: 'times are milliseconds',
  mistake: 'milliseconds read as microseconds',
  file: 'codec/instant.ts',
  find: 'this.#set(fits ? ms : 0, 1e6, 0);',
  replace: 'this.#set(fits ? ms : 0, 1e3, 0);',
};

/** The same of times that a rigid reader takes. */
export const WHOLE_MS_AS_US: Broken = {
  rule: 'times are milliseconds',
  mistake: 'milliseconds read as microseconds',
  file: 'codec/rigid-reader.ts',
  find: 'fromWholeMs((first * 10_000 + second) * 100_000 + (third * 10 + last));',
  replace: 'fromWholeMs(first * 1_000_000 + second * 100 + Math.floor(third / 100));',
};

/** Where a rigid reader has read both sides of a book. */
export const SIDES_SWAPPED =
  '  const asks = [out.ask_from[event], out.ask_to[event]];\n' +
  '  out.ask_from[event] = out.bid_from[event] ?? 0;\n' +
  '  out.ask_to[event] = out.bid_to[event] ?? 0;\n' +
  '  out.bid_from[event] = asks[0] ?? 0;\n' +
  '  out.bid_to[event] = asks[1] ?? 0;\n';
