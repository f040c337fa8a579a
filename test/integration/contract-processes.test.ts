/**
 * What the contract says of one shard and several processes: real connectors, frozen, replaced and
 * begun together, with the bus away and the disk full; each archive held against RAW, byte for byte.
 */
import { after, describe, test } from 'node:test';
import {
  awayAtStart,
  awayWhileTaking,
  frozenAndWoken,
  plannedTakeOver,
  twoTogether,
} from '../support/contract-processes-scenarios.ts';
import { diskFull } from '../support/contract-processes-disk.ts';
import type { Held } from '../support/contract-processes-checks.ts';
import { scratchDirectory } from '../support/runtime.ts';
import { startTestServers } from '../support/servers.ts';

/** Those whose bus goes away have one of their own. */
const [servers, first, second] = await Promise.all([
  startTestServers({ nats: true, s3: true }),
  startTestServers({ nats: true, s3: true }),
  startTestServers({ nats: true, s3: true }),
]);
after(async () => {
  for (const it of [servers, first, second]) await it[Symbol.asyncDispose]();
});

const SHORT = { events: 300, rate: 40, seed: Number(process.env['E2E_SEED'] ?? 5) };
console.log(`# seed ${SHORT.seed} (E2E_SEED)`);

function say(name: string, { records, epochs, trades, bus, missing }: Held): void {
  const late = missing.flat().length;
  const words = `${records} events archived, ${epochs.length} epochs, ${late} never published`;
  const { repeated } = trades;
  console.log(`# ${name}: ${words}; ${repeated.length} trades and ${bus.repeats} events repeated`);
}

describe('one shard, several processes', { concurrency: 2 }, () => {
  test('two connectors begun together: one speaks, both are in RAW', async (t) => {
    const dir = scratchDirectory(t);
    say('together', await twoTogether({ ...SHORT, servers, name: 'together', dir }));
  });

  test('an old one frozen, replaced, then woken: it notices and tells nothing more', async (t) => {
    const dir = scratchDirectory(t);
    say('frozen', await frozenAndWoken({ ...SHORT, servers, name: 'frozen', dir }));
  });

  test('the bus away at the start: captured, claimed later, caught up', async (t) => {
    const dir = scratchDirectory(t);
    say('away', await awayAtStart({ ...SHORT, servers: first, name: 'away-start', dir }));
  });

  test('the bus away while taking over: no trade is lost between the two', async (t) => {
    const dir = scratchDirectory(t);
    say('taking', await awayWhileTaking({ ...SHORT, servers: second, name: 'away-take', dir }));
  });

  test('a planned take-over under load: capturing at once, the gap to the line', async (t) => {
    const dir = scratchDirectory(t);
    const of = { ...SHORT, servers, name: 'planned', dir, events: 1_500, rate: 150 };
    const { held, capturing_ms, hole_ms, unpublished } = await plannedTakeOver(of);
    say('planned', held);
    const words = `first frame ${capturing_ms} ms after the process began, hole of ${hole_ms} ms`;
    console.log(`# planned: ${words} with ${unpublished} events that only RAW has`);
  });

  test('the disk full for a minute: what was lost is counted, told, and nothing more', async (t) => {
    const dir = scratchDirectory(t);
    say('disk', await diskFull({ ...SHORT, servers, name: 'disk-full', dir }));
  });
});
