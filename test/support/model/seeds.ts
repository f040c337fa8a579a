/** Runs of the model by seed, and what to show of one that fails: the seed and the least that fails. */
import { checkRun } from './equalities.ts';
import { runScript } from './run.ts';
import { FAMILIES, makeScript } from './script.ts';
import type { Action, Family, Script } from './script.ts';
import { Violation } from './violation.ts';

export type Failure = { readonly seed: number; readonly what: string; readonly trace: string };

/** Runs a script and looks at what it left; null where all is equal. */
export async function faultOf(script: Script): Promise<string | null> {
  try {
    await checkRun(await runScript(script));
    return null;
  } catch (error) {
    if (error instanceof Violation) return error.message;
    return error instanceof Error ? `0: ${error.stack}` : `0: ${String(error)}`;
  }
}

/** Seeds `from`, `from + step`, ... below `to`. */
export type SeedRange = {
  readonly from: number;
  readonly to: number;
  readonly step?: number;
  /** What may befall the run; everything where left out. */
  readonly families?: readonly Family[];
  /** Whether to look for the least script that fails; else the whole one is shown. */
  readonly least?: boolean;
};

/** Runs seeds and stops at the first that fails. */
export async function firstFailure(options: SeedRange): Promise<Failure | null> {
  const { from, to, step = 1, families = FAMILIES, least = true } = options;
  for (let seed = from; seed < to; seed += step) {
    const script = makeScript(seed, families);
    const what = await faultOf(script);
    if (what === null) continue;
    return { seed, ...(least ? await explain(script, what) : { what, trace: traceOf(script) }) };
  }
  return null;
}

/** The least script that fails in the same way, as text. */
async function explain(script: Script, what: string): Promise<Omit<Failure, 'seed'>> {
  const same = what.slice(0, 2);
  let least = script;
  let said = what;
  const still = async (smaller: Script): Promise<boolean> => {
    const fault = await faultOf(smaller);
    if (fault?.startsWith(same) !== true) return false;
    least = smaller;
    said = fault;
    return true;
  };
  for (let size = Math.ceil(script.actions.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < least.actions.length;) {
      const actions = least.actions.toSpliced(at, size);
      if (!(await still({ ...least, actions }))) at += size;
    }
    if (size === 1) break;
  }
  for (const [at, action] of least.actions.entries()) {
    for (const smaller of smallerThan(action)) {
      if (await still({ ...least, actions: least.actions.with(at, smaller) })) break;
    }
  }
  return { what: said, trace: traceOf(least) };
}

function traceOf({ actions, ...rest }: Script): string {
  return [rest, ...actions].map((it) => JSON.stringify(it)).join('\n');
}

function smallerThan(action: Action): Action[] {
  if (action.do === 'wait') return [0, 100, 1_000].map((ms) => ({ ...action, ms }));
  if (action.do !== 'ticks') return [];
  return [1, 2].map((n) => ({ ...action, n, gap_ms: 0 }));
}
