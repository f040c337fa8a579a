/**
 * One market's books of one depth as the venue tells them: what changed among the best levels since it
 * was last told, ids that count by one, and now and then a restart of the venue's service, which begins
 * them anew at 1. What is told does not depend on who listens.
 */
import type { Market } from '../simulator/market.ts';
import { Random } from '../simulator/random.ts';
import type { Contract } from './venue-contracts.ts';
import { bookText, changes, levels, type BookPlace, type Side } from './venue-texts.ts';

/** Between two messages, by depth. */
const EVERY_US: Readonly<Record<number, number>> = { 1: 10e3, 50: 20e3, 200: 100e3, 1000: 200e3 };
/** The best level is said again after this long without a change. */
const AGAIN_US = 3e6;
/** A restart an hour and a half apart, on average. */
const RESTART_US = 5400e6;

export class ToldBook {
  readonly depth: number;
  /** When it next has something to say. */
  due_us: number;
  readonly #contract: Contract;
  readonly #market: Market;
  readonly #random: Random;
  #bids: Side;
  #asks: Side;
  #u: number;
  #seq: number;
  #cts: number;
  #restart_us: number;

  constructor(contract: Contract, market: Market, depth: number, seed: number, start_us: number) {
    this.depth = depth;
    this.#contract = contract;
    this.#market = market;
    this.#random = new Random(seed, `bybit ${contract.symbol} ${depth}`);
    this.#bids = best(market.bids, depth);
    this.#asks = best(market.asks, depth);
    this.#u = 18_000_000 + this.#random.below(1_000_000);
    this.#seq = 0;
    this.#cts = Math.floor(start_us / 1000);
    this.#restart_us = start_us + this.#restartPause();
    this.due_us = depth === 1 ? gridAfter(start_us, AGAIN_US) : Infinity;
  }

  /** The market changed. */
  touch(us: number): void {
    this.due_us = Math.min(this.due_us, gridAfter(us, EVERY_US[this.depth] as number));
  }

  /** The whole book as it was last told. */
  snapshot(us: number, seq: number): string {
    const { bids, asks } = { bids: this.#bids, asks: this.#asks };
    const place = this.#place(us, Math.max(seq, this.#seq));
    const contract = this.#contract;
    return bookText(contract, 'snapshot', levels(contract, bids), levels(contract, asks), place);
  }

  /** What is to be told at `us`, which is `due_us`; null where nothing changed in sight. */
  tell(us: number, seq: number): string | null {
    const contract = this.#contract;
    this.due_us = this.depth === 1 ? us - (us % AGAIN_US) + AGAIN_US : Infinity;
    const bids = best(this.#market.bids, this.depth);
    const asks = best(this.#market.asks, this.depth);
    const bid_changes = changes(contract, this.#bids, bids, -1);
    const ask_changes = changes(contract, this.#asks, asks, 1);
    const changed = bid_changes !== '' || ask_changes !== '';
    if (!changed && this.depth !== 1) return null;
    this.#bids = bids;
    this.#asks = asks;
    this.#seq = seq;
    this.#cts = Math.floor(this.#market.now_us / 1000);
    if (us >= this.#restart_us) {
      this.#restart_us = us + this.#restartPause();
      this.#u = 1;
      return this.snapshot(us, seq);
    }
    if (changed) this.#u += 1;
    if (this.depth === 1) return this.snapshot(us, seq);
    return bookText(contract, 'delta', bid_changes, ask_changes, this.#place(us, seq));
  }

  #place(us: number, seq: number): BookPlace {
    return { depth: this.depth, ms: Math.floor(us / 1000), cts: this.#cts, u: this.#u, seq };
  }

  #restartPause(): number {
    return Math.ceil(RESTART_US * this.#random.exponential());
  }
}

function best({ ticks, lots }: Side, depth: number): Side {
  return { ticks: ticks.slice(0, depth), lots: lots.slice(0, depth) };
}

/** The next instant of a grid, after `us`. */
export function gridAfter(us: number, every_us: number): number {
  return us - (us % every_us) + every_us;
}
