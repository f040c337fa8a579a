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
