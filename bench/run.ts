/**
 * `npm run bench [-- NAME...] [--rounds N] [--messages N] [--out FOLDER]`: asks the questions named, or all, each in a
 * process of its own. Prints tables, writes JSON. Exit code 1 where an answer was wrong or a question
 * failed; a goal that is missed is shown and fails nothing: figures belong to the machine.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROUNDS_MIN, measureCase } from './measure.ts';
import { ensurePeers, peerVersions } from './peers.ts';
import { QUESTIONS } from './registry.ts';
import { caseTable, footOf, surroundings } from './report.ts';
import type { Report } from './report.ts';

/** Together a million messages for each contestant. */
const ROUNDS = 7;
const MESSAGES = 150_000;
const OUT = join(import.meta.dirname, '..', '.ssmd', 'bench');

const USAGE = `usage: npm run bench [-- NAME...] [--rounds N] [--messages N] [--out FOLDER]
  NAME        ${[...QUESTIONS.keys()].join(', ')}; all where left out
  --rounds    alternating rounds, ${ROUNDS_MIN} at least (${ROUNDS})
  --messages  of a run, at least (${MESSAGES})
  --out       folder for the JSON (.ssmd/bench)`;

type Options = {
  readonly names: readonly string[];
  readonly rounds: number;
  readonly messages: number;
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
        out: { type: 'string', default: OUT },
        alone: { type: 'boolean', default: false },
      },
    });
    const rounds = Number(values.rounds);
    const messages = Number(values.messages);
    const known = positionals.every((name) => QUESTIONS.has(name));
    if (!Number.isInteger(rounds) || rounds < ROUNDS_MIN || !known) return null;
    if (!Number.isInteger(messages) || messages < 1) return null;
    const names = positionals.length > 0 ? positionals : [...QUESTIONS.keys()];
    return { names, rounds, messages, out: resolve(values.out), alone: values.alone };
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

function askApart(name: string, { rounds, messages, out }: Options): boolean {
  const own = join(import.meta.dirname, 'run.ts');
  const args = [own, name, '--alone', '--rounds', String(rounds)];
  args.push('--messages', String(messages), '--out', out);
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status === 0;
}

async function ask(name: string, { rounds, messages, out }: Options): Promise<number> {
  const load = QUESTIONS.get(name);
  if (load === undefined) return 2;
  const { question } = await load();
  const { asks, clock } = question;
  const around = surroundings(peerVersions());
  say(`\n${name}: ${asks}`);
  const cases = [];
  for (const it of await question.open(messages)) {
    const result = await measureCase(it, clock, rounds);
    cases.push(result);
    say(caseTable(result));
  }
  const report: Report = { question: name, asks, clock, surroundings: around, cases };
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, `${name}.json`), `${JSON.stringify(report, null, 2)}\n`);
  say(footOf(report));
  return 0;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.exitCode = await main(process.argv.slice(2));
