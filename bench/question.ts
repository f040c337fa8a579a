/** What a question of the benchmark is: cases, each with contestants that do the same work in turn. */

/** One way of doing the work. */
export type Contestant = {
  readonly name: string;
  /** Before each run, out of its time. */
  readonly prepare?: () => Promise<void>;
  /** Does the whole work once; what it says it did must be the same each time. */
  readonly run: () => string | Promise<string>;
};

/** How many times as fast as another a contestant is meant to be. Reported, never a gate. */
export type Goal = { readonly of: string; readonly against: string; readonly at_least: number };

export type Case = {
  readonly name: string;
  /** What it is measured on. */
  readonly input: string;
  /** Messages and bytes of one run. */
  readonly messages: number;
  readonly bytes: number;
  readonly contestants: readonly Contestant[];
  readonly goals: readonly Goal[];
  /**
   * Compares what the contestants make, in full, with what the plain path makes; throws `WrongAnswer`
   * where they differ. Asked after the rounds, when the engine has optimised all it will.
   */
  readonly check: () => void | Promise<void>;
};

/** What no ratio of run times says: a figure of its own. Its goal is reported, never a gate. */
export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Null where it is shown only. */
  readonly at_most: number | null;
};

/** Something that is watched rather than timed. Throws `WrongAnswer` where something is lost. */
export type Trial = {
  readonly name: string;
  readonly input: string;
  readonly watch: () => Promise<readonly Figure[]>;
};

/** How long a question is asked. */
export type Length = {
  readonly rounds: number;
  /** Of what runs at a given rate. */
  readonly seconds: number | null;
  /** The sizes that the goals speak of, however long they take. */
  readonly whole: boolean;
};

export type Question = {
  /** As it is asked for: `npm run bench -- NAME`. */
  readonly name: string;
  readonly asks: string;
  /**
   * What a run's time is: `thread`, the processor time of this thread, which other programs do not
   * disturb; `busiest`, where servers take part, that of this thread or of a server, whichever is more:
   * what the run takes where each has a core; `wall`, where other threads work too.
   */
  readonly clock: 'thread' | 'busiest' | 'wall';
  /** The servers that take part, once it is open: their pids. */
  readonly servers?: () => readonly number[];
  /** Its cases, each of so many messages a run at least. */
  readonly open: (messages: number, length: Length) => Promise<readonly (Case | Trial)[]>;
};

/** A fast wrong answer: the benchmark fails. */
export class WrongAnswer extends Error {
  override name = 'WrongAnswer';
}

/** Fails where two answers differ; `where` names the message. */
export function demandEqual(received: unknown, expected: unknown, where: string): void {
  const [one, other] = [textOf(received), textOf(expected)];
  if (one !== other) throw new WrongAnswer(`${where}: expected ${other}, received ${one}`);
}

function textOf(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'bigint' ? `${inner}n` : inner,
  );
  return text ?? 'undefined';
}
