/**
 * From a venue's spelling in a frame's bytes to the index of our symbol, without making a string.
 * Open addressing over FNV-1a of the bytes; built once from a shard's configuration.
 */
import type { SymbolConfig } from '../schema/symbols.ts';

const FNV_START = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

export type SymbolTable = {
  readonly symbols: readonly SymbolConfig[];
  /** Index of the market spelled `bytes[start, end)`, or -1. */
  readonly find: (bytes: Uint8Array, start: number, end: number) => number;
  /**
   * The same of what stands between `start` and the next quote, as JSON writes it without escapes: one walk
   * finds its end and its index. `lengths` says how long it was. A quote or a line's end must follow.
   */
  readonly findQuoted: (bytes: Uint8Array, start: number) => number;
  /** Bytes of each market's spelling. */
  readonly lengths: Uint32Array;
  /** Index of one of our own symbols, or -1. */
  readonly indexOf: (symbol: string) => number;
};

export function createSymbolTable(symbols: readonly SymbolConfig[]): SymbolTable {
  const encoder = new TextEncoder();
  const names = symbols.map((config) => encoder.encode(config.external));
  const indexes = new Map(symbols.map((config, index) => [config.symbol, index]));
  let size = 16;
  while (size < symbols.length * 4) size *= 2;
  const mask = size - 1;
  const table = new Int32Array(size).fill(-1);
  names.forEach((name, index) => {
    let at = hash(name, 0, name.length) & mask;
    while (table[at] !== -1) at = (at + 1) & mask;
    table[at] = index;
  });
  return {
    symbols,
    find(bytes, start, end) {
      let at = hash(bytes, start, end) & mask;
      for (;;) {
        const index = table[at] as number;
        if (index === -1 || same(names[index] as Uint8Array, bytes, start, end)) return index;
        at = (at + 1) & mask;
      }
    },
    findQuoted(bytes, start) {
      let value = FNV_START;
      let end = start;
      for (let byte = bytes[end] as number; byte !== QUOTE; byte = bytes[++end] as number) {
        if (!(byte >= SPACE) || byte === BACKSLASH) return -1;
        value = Math.imul(value ^ byte, FNV_PRIME);
      }
      let at = (value >>> 0) & mask;
      for (;;) {
        const index = table[at] as number;
        if (index === -1 || same(names[index] as Uint8Array, bytes, start, end)) return index;
        at = (at + 1) & mask;
      }
    },
    lengths: Uint32Array.from(names, ({ length }) => length),
    indexOf: (symbol) => indexes.get(symbol) ?? -1,
  };
}

function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = FNV_START;
  for (let at = start; at < end; at++) {
    value = Math.imul(value ^ (bytes[at] as number), FNV_PRIME);
  }
  return value >>> 0;
}

function same(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let at = 0; at < name.length; at++) {
    if (name[at] !== bytes[start + at]) return false;
  }
  return true;
}
