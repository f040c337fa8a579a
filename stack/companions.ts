/**
 * Our own processes that run beside a stack's servers (connectors, workers, simulated venues): recorded
 * in the data folder as they start, so that `ssmd down` and the next demo end them with the servers,
 * also where whoever started them was killed.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stopProcess } from './supervisor.ts';

export type Companion = {
  readonly name: string;
  readonly pid: number;
  /** Start mark of the process, so that another one with its number is not ended. */
  readonly started: string;
};

const FILE = 'companions.json';

export async function recordCompanions(
  dataDir: string,
  companions: readonly Companion[],
): Promise<void> {
  await writeFile(join(dataDir, FILE), `${JSON.stringify(companions, null, 2)}\n`);
}

/** Ends them in the order they were recorded, and forgets them. Returns their names. */
export async function stopCompanions(dataDir: string): Promise<string[]> {
  const text = await readFile(join(dataDir, FILE), 'utf8').catch(() => '[]');
  const companions = JSON.parse(text) as readonly Companion[];
  for (const { pid, started } of companions) await stopProcess(pid, started);
  await rm(join(dataDir, FILE), { force: true });
  return companions.map(({ name }) => name);
}
