/** Steps that scenarios of processes share: where they live, how they go on, how they end. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DAY, hush, untilEvents, untilPublished } from './contract-processes.ts';
import type { Life, Scene } from './contract-processes.ts';
import { assertRelayed } from './contract-processes-checks.ts';
import type { Held } from './contract-processes-checks.ts';
import type { TestServers } from './servers.ts';

export type ScenarioOptions = {
  readonly servers: TestServers;
  /** Of the environment; unique on the servers. */
  readonly name: string;
  /** A folder that is gone afterwards. */
  readonly dir: string;
  /** Events waited for where time has to pass: more make it longer. */
  readonly events: number;
  /** Market events a second and symbol. */
  readonly rate: number;
  /** Of the venue. */
  readonly seed: number;
};

/** The folder of a host of that name. */
export function hostOf({ dir }: ScenarioOptions, name: string): string {
  const root = join(dir, name);
  mkdirSync(root, { recursive: true });
  return root;
}

/** From the scenario's hour on into the one after the next, so that the one between is whole. */
export async function liveOn(scene: Scene, speaker: Life, events: number): Promise<void> {
  await scene.moveTo(`${DAY}T15:00:02Z`);
  await untilEvents(speaker, events);
  await scene.moveTo(`${DAY}T16:00:02Z`);
  await untilEvents(speaker, 20);
  await untilPublished(speaker);
}

/** Ends lives in good order, in turn, with not a frame under way. */
export async function endAll(lives: readonly Life[]): Promise<void> {
  for (const life of lives) {
    await hush(life);
    assert.equal(await life.end('SIGTERM'), 0);
  }
}

/**
 * RAW of each life has all that it was sent, but what was under way when a connection of it ended.
 * `lost` says of a frame that is not there, by when it was sent, whether that can be.
 */
export function assertKept(
  lives: readonly Life[],
  held: Held,
  lost: (sent_ms: number) => boolean,
): void {
  for (const life of lives) {
    const own = held.epochs.filter(([epoch]) => epochsOf(life).includes(epoch));
    for (const { relayed, lacking } of assertRelayed(own, life.proxy.relayed)) {
      if (lacking === 0) continue;
      assert.ok(!life.proxy.quiet.has(relayed), 'what was open at the end is there to the last');
      const sent = relayed.at_ms.slice(-lacking);
      assert.ok(sent.every(lost), `frames sent at ${sent[0]} ms are missing`);
    }
  }
}

export function assertNone(found: readonly string[], what: string): void {
  assert.ok(found.length === 0, `${what}: ${found.length}, the first ${found[0]}`);
}

/** The epochs a connector has told it opened. */
export function epochsOf(life: Life): readonly number[] {
  return life.told.filter((it) => it.event === 'epoch.opened').map((it) => Number(it['epoch']));
}
