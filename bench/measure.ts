/**
 * Measures a case in alternating rounds: each round runs every contestant once, beginning with another
 * one each time, and a ratio is of two runs of one round. So what disturbs the machine for longer than a
 * round disturbs both sides of a ratio.
 */
import { WrongAnswer } from './question.ts';
import type { Case, Contestant, Goal, Question } from './question.ts';

/** Below this a median says little. */
export const ROUNDS_MIN = 5;
/** Runs before the rounds, in which the engine optimises. */
const WARM_UPS = 2;

export type Spread = { readonly median: number; readonly low: number; readonly high: number };

export type ContestantResult = {
  readonly name: string;
  readonly said: string;
  /** By round. */
  readonly ns_per_message: Spread;
  readonly messages_per_second: number;
  readonly megabytes_per_second: number;
};

export type GoalResult = Goal & {
  readonly ratio: Spread;
  readonly reached: boolean;
};

export type CaseResult = {
  readonly name: string;
  readonly input: string;
  readonly messages: number;
  readonly bytes: number;
  readonly rounds: number;
  readonly contestants: readonly ContestantResult[];
  readonly goals: readonly GoalResult[];
};

/** Runs the rounds; throws `WrongAnswer` where outputs differ. */
export async function measureCase(
  it: Case,
  clock: Question['clock'],
  rounds: number,
): Promise<CaseResult> {
  const said = new Map<string, string>();
  const spent_ns = new Map<string, number[]>(it.contestants.map(({ name }) => [name, []]));
  for (let round = -WARM_UPS; round < rounds; round++) {
    for (const contestant of rotated(it.contestants, Math.max(round, 0))) {
      const [answer, ns] = await timed(contestant, clock);
      const before = said.get(contestant.name) ?? answer;
      if (before !== answer) {
        throw new WrongAnswer(`${it.name}, ${contestant.name}: said ${before}, then ${answer}`);
      }
      said.set(contestant.name, answer);
      if (round >= 0) spent_ns.get(contestant.name)?.push(ns);
    }
  }
  await it.check();
  const { name, input, messages, bytes } = it;
  const contestants = it.contestants.map((one): ContestantResult => {
    const ns_per_message = spreadOf((spent_ns.get(one.name) ?? []).map((ns) => ns / messages));
    const messages_per_second = 1e9 / ns_per_message.median;
    const megabytes_per_second = (messages_per_second * bytes) / messages / 1e6;
    const { name } = one;
    return {
      ...{ name, said: said.get(name) ?? '', ns_per_message },
      ...{ messages_per_second, megabytes_per_second },
    };
  });
  const goals = it.goals.map((goal) => judge(goal, spent_ns));
  return { name, input, messages, bytes, rounds, contestants, goals };
}

async function timed(
  contestant: Contestant,
  clock: Question['clock'],
): Promise<[answer: string, ns: number]> {
  if (clock === 'thread') {
    const from = process.threadCpuUsage();
    const answer = await contestant.run();
    const { user, system } = process.threadCpuUsage(from);
    return [answer, (user + system) * 1_000];
  }
  const from = process.hrtime.bigint();
  const answer = await contestant.run();
  return [answer, Number(process.hrtime.bigint() - from)];
}

function judge(goal: Goal, spent_ns: ReadonlyMap<string, readonly number[]>): GoalResult {
  const own = spent_ns.get(goal.of) ?? [];
  const other = spent_ns.get(goal.against) ?? [];
  const ratio = spreadOf(own.map((ns, round) => (other[round] ?? NaN) / ns));
  return { ...goal, ratio, reached: ratio.median >= goal.at_least };
}

/** Median and extremes; of none, NaN. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, upper, lower, high] = [0, middle, (sorted.length - 1) >> 1, sorted.length - 1].map(
    (at) => sorted[at] ?? NaN,
  );
  return { median: ((upper ?? NaN) + (lower ?? NaN)) / 2, low: low ?? NaN, high: high ?? NaN };
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const first = by % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}
