/**
 * `npm run bench [-- NAME...] [--rounds N] [--messages N] [--seconds N] [--whole] [--out FOLDER]`: asks
 * the questions named, or all, each in a process of its own. Prints tables, writes JSON. Exit code 1 where an answer was wrong or a question
 * failed; a goal that is missed is shown and fails nothing: figures belong to the machine.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROUNDS_MIN, measureCase, measureTrial } from './measure.ts';
import { ensurePeers, peerVersions } from './peers.ts';
import { QUESTIONS } from './registry.ts';
import { caseTable, footOf, surroundings, trialTable } from './report.ts';
import type { Report } from './report.ts';

/** Together a million messages for each contestant. */
const ROUNDS = 7;
const MESSAGES = 150_000;
const OUT = join(import.meta.dirname, '..', '.ssmd', 'bench');

const USAGE = `usage: npm run bench [-- NAME...] [--rounds N] [--messages N] [--seconds N] [--whole] [--out FOLDER]
  NAME        ${[...QUESTIONS.keys()].join(', ')}; all where left out
  --rounds    alternating rounds, ${ROUNDS_MIN} at least (${ROUNDS})
  --messages  of a run, at least (${MESSAGES})
  --seconds   of what runs at a given rate (each question has its own)
  --whole     the sizes that the goals speak of, however long that takes
  --out       folder for the JSON (.ssmd/bench)`;

type Options = {
  readonly names: readonly string[];
  readonly rounds: number;
  readonly messages: number;
  readonly seconds: number | null;
  readonly whole: boolean;
  readonly out: string;
  /** Asks the one question in this process. */
  readonly alone: boolean;
};

function optionsOf(args: readonly string[]): Options | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        rounds: { type: 'string', default: String(ROUNDS) },
        messages: { type: 'string', default: String(MESSAGES) },
        seconds: { type: 'string' },
        whole: { type: 'boolean', default: false },
        out: { type: 'string', default: OUT },
        alone: { type: 'boolean', default: false },
      },
    });
    const rounds = Number(values.rounds);
    const messages = Number(values.messages);
    const known = positionals.every((name) => QUESTIONS.has(name));
    if (!Number.isInteger(rounds) || rounds < ROUNDS_MIN || !known) return null;
    if (!Number.isInteger(messages) || messages < 1) return null;
    const seconds = values.seconds === undefined ? null : Number(values.seconds);
    if (seconds !== null && (!Number.isInteger(seconds) || seconds < 1)) return null;
    const names = positionals.length > 0 ? positionals : [...QUESTIONS.keys()];
    const { whole, alone } = values;
    return { names, rounds, messages, seconds, whole, out: resolve(values.out), alone };
  } catch {
    return null;
  }
}

async function main(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (options === null) {
    say(USAGE);
    return 2;
  }
  if (options.alone) return ask(options.names[0] ?? '', options);
  ensurePeers(say);
  const failed = options.names.filter((name) => !askApart(name, options));
  if (failed.length > 0) say(`\nfailed: ${failed.join(', ')}`);
  return failed.length > 0 ? 1 : 0;
}

function askApart(name: string, options: Options): boolean {
  const { rounds, messages, seconds, whole, out } = options;
  const own = join(import.meta.dirname, 'run.ts');
  const args = [own, name, '--alone', '--rounds', String(rounds)];
  args.push('--messages', String(messages), '--out', out);
  if (seconds !== null) args.push('--seconds', String(seconds));
  if (whole) args.push('--whole');
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status === 0;
}

async function ask(name: string, options: Options): Promise<number> {
  const { rounds, messages, out } = options;
  const load = QUESTIONS.get(name);
  if (load === undefined) return 2;
  const { question } = await load();
  const { asks, clock } = question;
  const around = surroundings(peerVersions());
  say(`\n${name}: ${asks}`);
  const cases = [];
  const trials = [];
  for (const it of await question.open(messages, options)) {
    if ('watch' in it) {
      const result = await measureTrial(it);
      trials.push(result);
      say(trialTable(result));
      continue;
    }
    const result = await measureCase(it, question, rounds);
    cases.push(result);
    say(caseTable(result));
  }
  const report: Report = { question: name, asks, clock, surroundings: around, cases, trials };
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, `${name}.json`), `${JSON.stringify(report, null, 2)}\n`);
  say(footOf(report));
  return 0;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.exitCode = await main(process.argv.slice(2));
