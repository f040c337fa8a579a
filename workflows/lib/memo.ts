/** What a run leaves to be read where its result is not: in the list of runs, and beside a failure. Pure. */

export type Memo = Record<string, unknown>;

const WORDS_CHARS_MAX = 400;
const FIELDS_MAX = 24;

/** The scalar facts of a result: what it came to, of what, how much, and where the report is. */
export function memoOfResult(result: unknown): Memo {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return {};
  const facts = Object.entries(result).filter(([, value]) => isFact(value));
  return Object.fromEntries(facts.slice(0, FIELDS_MAX));
}

export function memoOfFailure(of: {
  readonly code: string | null;
  readonly causes: readonly string[];
  readonly cancelled: boolean;
}): Memo {
  if (of.cancelled) return { outcome: 'cancelled' };
  const why = (of.causes.at(-1) ?? 'no reason given').slice(0, WORDS_CHARS_MAX);
  return { outcome: 'failed', code: of.code ?? 'unknown', why };
}

function isFact(value: unknown): boolean {
  if (typeof value === 'number' || typeof value === 'boolean') return true;
  return typeof value === 'string' && value !== '' && value.length <= WORDS_CHARS_MAX;
}
