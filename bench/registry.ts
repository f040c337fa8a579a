/** Every question of the benchmark: one file and one line here. */
import type { Question } from './question.ts';

type Load = () => Promise<{ readonly question: Question }>;

/** By name; each is loaded in a process of its own, so that none optimises for another. */
export const QUESTIONS: ReadonlyMap<string, Load> = new Map<string, Load>([
  ['normalize-binance', () => import('./normalize-binance.ts')],
  ['normalize-zstd', () => import('./normalize-zstd.ts')],
  ['kraken-book', () => import('./kraken-book.ts')],
  ['depth1000', () => import('./depth1000.ts')],
  ['json-parse', () => import('./json-parse.ts')],
  ['rebuild', () => import('./rebuild.ts')],
  ['iterate', () => import('./iterate.ts')],
  ['read-back', () => import('./read-back.ts')],
  ['publish', () => import('./publish.ts')],
  ['archive-drain', () => import('./archive-drain.ts')],
  ['rebuild-s3', () => import('./rebuild-s3.ts')],
  ['latency', () => import('./latency.ts')],
  ['burst', () => import('./burst.ts')],
  ['growth', () => import('./growth.ts')],
  ['odd-frames', () => import('./odd-frames.ts')],
]);
