/**
 * A live connector, a process of its own against a venue in real time, killed at its first
 * event on the bus and again at full rate: RAW holds every frame but those that were under way,
 * the bus says what RAW folds to, and the archive of the day tells of every hole.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { createBusChain, joinStretches } from '../../bus/chain.ts';
import type { ChainEvent, ProvenStretch } from '../../bus/chain.ts';
import { parseCtl } from '../../bus/ctl.ts';
import { startSimulator } from '../../connectors/simulator/server.ts';
import { addDays, dayOf } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { startCountingProxy } from '../support/e2e-proxy.ts';
import type { Relayed } from '../support/e2e-proxy.ts';
import {
  archiveBoth,
  assertArchiveIsSpoken,
  assertEpochsOnBus,
  assertSameEvents,
  assertTakeOvers,
  eventsIn,
  eventsOnBus,
  feedOf,
  foldLines,
  manifestOf,
  openStage,
  readEpochs,
  statusEvents,
  tOf,
} from '../support/e2e.ts';
import { inventories, scratchDirectory } from '../support/runtime.ts';
import type { ReadLine } from '../support/runtime.ts';

const SHARD = 'tier1';
const FEED = 'kraken';
const PROGRAM = new URL('../support/connector-process.ts', import.meta.url).pathname;
const SEED = Number(process.env['E2E_SEED'] ?? 41);
console.log(`# seed ${SEED} (E2E_SEED)`);

const stage = await openStage();
after(() => stage[Symbol.asyncDispose]());

/** Runs a connector until `events` of it were seen on the bus, then sends it a signal. */
async function live(
  options: object,
  end: { readonly events: number; readonly signal: NodeJS.Signals },
): Promise<{ readonly killed_ms: number; readonly code: unknown }> {
  const listening = new AbortController();
  const events = await stage.bus.subscribe(`md.${FEED}.>`, { signal: listening.signal });
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = once(child, 'exit');
  let seen = 0;
  for await (const message of events) {
    seen += Number(message.header('count') ?? 0);
    if (seen >= end.events) break;
  }
  const killed_ms = performance.now();
  child.kill(end.signal);
  const [code, signal] = (await gone) as [number | null, string | null];
  listening.abort();
  return { killed_ms, code: signal ?? code };
}

test('a live connector killed twice: frames, bus and archive add up', async (t) => {
  const { raw, bus, variables } = stage;
  const simulator = await startSimulator({
    ...{ feed: FEED, symbols: ['BTC/USD', 'ETH/USD'], seed: SEED, rate: 200 },
    faults: {
      rates: {
        drop: 1800,
        duplicate: 1800,
        reorder: 1800,
        mutate: 1800,
        garbage: 9000,
        close: 900,
      },
    },
  });
  const proxy = await startCountingProxy(simulator.url);
  t.after(async () => {
    await proxy.stop();
    await simulator.stop();
  });
  const options = { root: scratchDirectory(t), url: proxy.url, feed: FEED, variables };
  const lives: { readonly connections: number; readonly killed_ms: number }[] = [];
  for (const { events, signal, ends } of [
    { events: 1, signal: 'SIGKILL', ends: 'SIGKILL' },
    { events: 4_000, signal: 'SIGKILL', ends: 'SIGKILL' },
    { events: 2_000, signal: 'SIGTERM', ends: 0 },
  ] as const) {
    const { killed_ms, code } = await live(options, { events, signal });
    assert.equal(code, ends);
    lives.push({ connections: proxy.relayed.length, killed_ms });
  }

  const epochs = [...(await readEpochs(raw, FEED))];
  assert.equal(epochs.length, 3);
  const onBus = (await eventsOnBus(bus, { shard: SHARD, feed: FEED })).events;
  const proven = await provenOnBus();
  let in_flight = 0;
  for (const [index, [epoch, lines]] of epochs.entries()) {
    const { killed_ms, connections } = lives[index] ?? assert.fail('an epoch too many');
    const own = proxy.relayed.slice(lives[index - 1]?.connections ?? 0, connections);
    in_flight += assertFrames(lines, own, killed_ms);
    const folded = [...foldLines(feedOf(FEED), { shard: SHARD, epoch }, lines)];
    const stretches = proven.filter((it) => it.epoch === epoch);
    for (const { from, to, events } of stretches) {
      const found = new Map(events.map((it) => [idOf(epoch, it), it.bytes]));
      const wanted = folded.filter(([id]) => tOf(id) > from && tOf(id) <= to);
      assertSameEvents(found, new Map(wanted), `epoch ${epoch}, proven by its positions`);
    }
    // The first one hardly lived to tell a second position; the others' all hang together.
    const runs = joinStretches(stretches).length;
    assert.ok(index === 0 ? runs <= 1 : runs === 1, `epoch ${epoch}: ${runs} runs`);
  }
  const { missing, spoken } = assertEpochsOnBus(FEED, onBus, epochs);
  assert.deepEqual(missing[2], [], 'what ends in good order is published to its last event');
  const ends = (await inventories(raw)).map(({ end }) => end);
  assert.deepEqual(ends.sort(), ['crash', 'crash', 'shutdown']);

  const day = dayOf(epochs[0]?.[1][0]?.t ?? 0n);
  const over = dayOf(epochs[2]?.[1].at(-1)?.t ?? 0n) === day;
  const of = { feed: FEED, day, version: 'v1' };
  const { live: jobs, compared } = await archiveBoth(stage, { ...of, now: nowAfter(day) });
  const { gaps, complete } = await manifestOf(jobs, of);
  assert.equal(complete, false);
  assert.deepEqual(
    gaps.map(({ cause }) => cause),
    over ? ['before_first_take', 'epoch_ended'] : ['before_first_take'],
    'no segment is missing, none is broken: only the hours before and after',
  );
  await assertArchiveIsSpoken(jobs, of, spoken);
  if (over) assertTakeOvers(await statusEvents(jobs, of), epochs);
  const frames = proxy.relayed.reduce((sum, it) => sum + it.frames.length, 0);
  const words = `${frames} frames over ${proxy.relayed.length} connections, ${in_flight} under way`;
  console.log(`# ${words}, ${compared.records} events archived`);
});

const nowAfter = (day: Day): string => `${addDays(day, 3)}T00:00:00Z`;
type BusEvent = ChainEvent & { readonly bytes: Uint8Array };
const idOf = (epoch: number, { t, type, symbol, index }: ChainEvent): string =>
  `${epoch} ${t} ${type} ${symbol} ${index}`;

/** The stretches that positions on the bus prove to be whole. */
async function provenOnBus(): Promise<readonly ProvenStretch<BusEvent>[]> {
  const chain = createBusChain<BusEvent>();
  const stretches: ProvenStretch<BusEvent>[] = [];
  for await (const message of stage.bus.readRange({ shard: SHARD, feed: FEED, from_seq: 1 })) {
    if (message.subject.startsWith('ctl.')) {
      const record = parseCtl(message.data);
      const stretch = record === null ? null : chain.ctl(record);
      if (stretch !== null) stretches.push(stretch);
      continue;
    }
    const [, , , type = '', symbol = ''] = message.subject.split('.');
    const events = [...eventsIn(message.data)].map((it) => ({ ...it, type, symbol }));
    chain.add(Number(message.header('epoch')), events);
  }
  return stretches;
}

/**
 * Each connection in the log holds the first frames of one that was relayed, to the byte and in order;
 * what it lacks was under way when the process ended. Returns how many frames that were.
 */
function assertFrames(
  lines: readonly ReadLine[],
  relayed: readonly Relayed[],
  ended_ms: number,
): number {
  const logged = new Map<number, string[]>();
  for (const line of lines) {
    if (line.type !== 'frame') continue;
    const known = logged.get(line.c);
    if (known === undefined) logged.set(line.c, [line.frame]);
    else known.push(line.frame);
  }
  const left = [...relayed];
  let under_way = 0;
  for (const [c, frames] of logged) {
    const at = left.findIndex((it) => frames.every((frame, index) => it.frames[index] === frame));
    const [found] = at < 0 ? [] : left.splice(at, 1);
    assert.ok(found, `connection ${c}: its ${frames.length} frames are not those of any relayed`);
    const lost_ms = found.at_ms.slice(frames.length).map((at_ms) => ended_ms - at_ms);
    assert.ok(
      lost_ms.every((before_ms) => before_ms < 1_000),
      `connection ${c} lacks a frame relayed ${lost_ms[0]} ms before the end`,
    );
    under_way += lost_ms.length;
  }
  assert.deepEqual(
    left.map(({ frames }) => frames.length),
    left.map(() => 0),
    'no connection is missing',
  );
  return under_way;
}
