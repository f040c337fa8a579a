/**
 * Measures a case in alternating rounds: each round runs every contestant once, beginning with another
 * one each time, and a ratio is of two runs of one round. So what disturbs the machine for longer than a
 * round disturbs both sides of a ratio.
 */
import { processorTime } from './processor-time.ts';
import { WrongAnswer } from './question.ts';
import type { Case, Contestant, Figure, Goal, Question, Trial } from './question.ts';

/** Below this a median says little. */
export const ROUNDS_MIN = 5;
/** Runs before the rounds, in which the engine optimises. */
const WARM_UPS = 2;

type ClockName = 'thread' | 'server' | 'wall';
type ClockOf = Pick<Question, 'clock' | 'servers'>;

export type Spread = { readonly median: number; readonly low: number; readonly high: number };

export type ContestantResult = {
  readonly name: string;
  readonly said: string;
  /** By round. */
  readonly ns_per_message: Spread;
  /** Medians of what each clock said, in ns a message; `server` is the busiest one's. */
  readonly clocks: Readonly<Record<ClockName, number>>;
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

export type TrialResult = {
  readonly name: string;
  readonly input: string;
  readonly figures: readonly Figure[];
};

export async function measureTrial({ name, input, watch }: Trial): Promise<TrialResult> {
  return { name, input, figures: await watch() };
}

/** Runs the rounds; throws `WrongAnswer` where outputs differ. */
export async function measureCase(it: Case, of: ClockOf, rounds: number): Promise<CaseResult> {
  const { name, input, messages, bytes } = it;
  const said = new Map<string, string>();
  const spent_ns = new Map<string, number[]>(it.contestants.map(({ name }) => [name, []]));
  const clocks = new Map<string, Timed['ns'][]>(it.contestants.map(({ name }) => [name, []]));
  for (let round = -WARM_UPS; round < rounds; round++) {
    for (const contestant of rotated(it.contestants, Math.max(round, 0))) {
      const { answer, ns } = await timed(contestant, of);
      const before = said.get(contestant.name) ?? answer;
      if (before !== answer) {
        throw new WrongAnswer(`${it.name}, ${contestant.name}: said ${before}, then ${answer}`);
      }
      said.set(contestant.name, answer);
      if (round < 0) continue;
      const { thread, server } = ns;
      const told = { thread, busiest: Math.max(thread, server), wall: ns.wall };
      spent_ns.get(contestant.name)?.push(told[of.clock]);
      clocks.get(contestant.name)?.push(ns);
    }
  }
  await it.check();
  const contestants = it.contestants.map((one): ContestantResult => {
    const ns_per_message = spreadOf((spent_ns.get(one.name) ?? []).map((ns) => ns / messages));
    const messages_per_second = 1e9 / ns_per_message.median;
    const megabytes_per_second = (messages_per_second * bytes) / messages / 1e6;
    const { name } = one;
    return {
      ...{ name, said: said.get(name) ?? '', ns_per_message },
      clocks: mediansOf(clocks.get(name) ?? [], messages),
      ...{ messages_per_second, megabytes_per_second },
    };
  });
  const goals = it.goals.map((goal) => judge(goal, spent_ns));
  return { name, input, messages, bytes, rounds, contestants, goals };
}

type Timed = { readonly answer: string; readonly ns: Readonly<Record<ClockName, number>> };

async function timed(contestant: Contestant, of: ClockOf): Promise<Timed> {
  await contestant.prepare?.();
  const pids = of.servers?.() ?? [];
  const servers_from = pids.map(processorTime);
  const from = process.threadCpuUsage();
  const wall_from = process.hrtime.bigint();
  const answer = await contestant.run();
  const wall = Number(process.hrtime.bigint() - wall_from);
  const { user, system } = process.threadCpuUsage(from);
  const servers = pids.map((pid, at) => processorTime(pid) - (servers_from[at] ?? 0));
  const ns = { thread: (user + system) * 1_000, server: Math.max(0, ...servers), wall };
  return { answer, ns };
}

function mediansOf(runs: readonly Timed['ns'][], messages: number): Record<ClockName, number> {
  const median = (name: ClockName) => spreadOf(runs.map((run) => run[name] / messages)).median;
  return { thread: median('thread'), server: median('server'), wall: median('wall') };
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
