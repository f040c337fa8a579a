/**
 * How an operator decides on a comparison: updates, so that a refusal is the answer and leaves no trace.
 * Registered before anything is awaited.
 */
import {
  ApplicationFailure,
  condition,
  defineQuery,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow';
import { tallyWords } from './reprocess-tally.ts';
import type { Tally } from './reprocess-tally.ts';

/** Where a run stands: the run writes it, the updates read it. */
export type State = {
  tally: Tally;
  stage: 'building' | 'deciding' | 'closed';
  /** Days a promotion may name. */
  movable: readonly string[];
  /** What became of a promotion, for who asked for it. */
  answer: { readonly refused: boolean; readonly words: string } | null;
};

export type Decision =
  | {
      readonly kind: 'promote';
      readonly by: string;
      readonly reason: string;
      /** Null: all that were built. */
      readonly days: readonly string[] | null;
    }
  | { readonly kind: 'reject'; readonly by: string; readonly reason: string }
  | { readonly kind: 'retry'; readonly days: readonly string[] };

export type Said = {
  readonly by: string;
  readonly reason: string;
  readonly days?: readonly string[];
};

/** Without days: all that failed. */
export type Retry = { readonly days?: readonly string[] };

export const promoteUpdate = defineUpdate<string, [Said]>('promote');
export const rejectUpdate = defineUpdate<string, [Said]>('reject');
export const retryUpdate = defineUpdate<string, [Retry]>('retryDays');
export type Told = { readonly stage: State['stage']; readonly days: Tally; readonly words: string };
export const tallyQuery = defineQuery<Told>('tally');

const EXAMPLE = '{"by":"ana","reason":"diff reviewed"}';

/** What the operators said: `peek` looks, `take` hands it over once. */
export type Decisions = {
  readonly peek: () => Decision | null;
  readonly take: () => Decision | null;
};

/** Handles the three updates and the query. */
export function handleDecision(state: State): Decisions {
  let decision: Decision | null = null;
  const refuse = (message: string): never => {
    throw ApplicationFailure.nonRetryable(message, 'SSMD_INVALID_INPUT');
  };
  const checkOpen = (): void => {
    if (state.stage === 'building') refuse('the days are still being built: nothing to decide yet');
    if (state.stage === 'closed' || decision !== null) {
      refuse('it is decided already: move the days with the job promote');
    }
  };
  const checkSaid = (said: Partial<Said> | undefined): void => {
    for (const field of ['by', 'reason'] as const) {
      const value: unknown = said?.[field];
      if (typeof value !== 'string' || value.trim() === '' || value.length > 200) {
        refuse(`"${field}" is missing: say who decides and why, such as ${EXAMPLE}`);
      }
    }
  };
  const checkDays = (days: unknown, known: readonly string[], what: string): void => {
    if (days === undefined) return;
    if (!Array.isArray(days) || days.length === 0) refuse('"days" is no list of days');
    const other = (days as unknown[]).filter((it) => !known.includes(String(it)));
    if (other.length > 0) refuse(`${other.join(', ')}: not ${what}; there are ${known.join(', ')}`);
  };
  const failed = (): string[] => state.tally.failed.map((it) => it.day);
  setHandler(
    promoteUpdate,
    async ({ by, reason, days }) => {
      decision = { kind: 'promote', by, reason, days: days ?? null };
      state.stage = 'closed';
      await condition(() => state.answer !== null);
      if (state.answer?.refused === true) return refuse(state.answer.words);
      return state.answer?.words ?? '';
    },
    {
      description: 'Lets the rebuilt days serve. {"by", "reason", "days"?}',
      validator: (said) => {
        checkOpen();
        checkSaid(said);
        if (state.movable.length === 0) {
          refuse('no day was built that could be moved: try those that failed again, or reject');
        }
        checkDays(said.days, state.movable, 'a day that can be moved');
      },
    },
  );
  setHandler(
    rejectUpdate,
    ({ by, reason }) => {
      decision = { kind: 'reject', by, reason };
      state.stage = 'closed';
      return 'nothing is moved; the version stays where it is';
    },
    {
      description: 'Ends the job and moves nothing. {"by", "reason"}',
      validator: (said) => {
        checkOpen();
        checkSaid(said);
      },
    },
  );
  setHandler(
    retryUpdate,
    (said: Retry | undefined) => {
      const days = said?.days ?? failed();
      decision = { kind: 'retry', days };
      return `${days.length} days are built again`;
    },
    {
      description: 'Builds days again that failed. {"days"?}',
      validator: (said: Retry | undefined) => {
        checkOpen();
        if (failed().length === 0) refuse('no day failed: there is nothing to try again');
        checkDays(said?.days, failed(), 'a day that failed');
      },
    },
  );
  setHandler(tallyQuery, () => {
    const { stage, tally } = state;
    return { stage, days: tally, words: tallyWords(tally) };
  });
  return {
    peek: () => decision,
    take: () => {
      const taken = decision;
      if (taken?.kind === 'retry') decision = null;
      return taken;
    },
  };
}
