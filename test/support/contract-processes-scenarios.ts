/** Scenarios of one shard and several processes, each from its beginning to its last comparison. */
import assert from 'node:assert/strict';
import type { Ctl } from '../../bus/ctl.ts';
import { parseCtl } from '../../bus/ctl.ts';
import {
  DAY,
  FEED,
  SHARD,
  countTold,
  openScene,
  untilEvents,
  untilPhase,
  untilPublished,
} from './contract-processes.ts';
import type { Life, Scene } from './contract-processes.ts';
import { holdAll } from './contract-processes-checks.ts';
import type { Held } from './contract-processes-checks.ts';
import {
  assertKept,
  assertNone,
  endAll,
  epochsOf,
  hostOf,
  liveOn,
} from './contract-processes-steps.ts';
import type { ScenarioOptions } from './contract-processes-steps.ts';
import { onPort, stretchWire } from './contract-processes-wires.ts';
import type { Wire, WireOptions } from './contract-processes-wires.ts';
import { takeOf, tOf } from './e2e.ts';
import { until } from './until.ts';

/** The two lives of a scene once one of them speaks and the other stands by. */
async function oneOfTwo(one: Life, other: Life): Promise<{ speaker: Life; standby: Life }> {
  return until('one speaks, the other stands by', async () => {
    const [a, b] = [(await one.status()).phase, (await other.status()).phase];
    if (a === 'speaking' && b === 'standby') return { speaker: one, standby: other };
    if (b === 'speaking' && a === 'standby') return { speaker: other, standby: one };
    return null;
  });
}

/** Two connectors of one shard, begun at once on two hosts. */
export async function twoTogether(
  options: ScenarioOptions,
  at: { readonly starts_ns?: bigint } = {},
): Promise<Held> {
  const { servers, name, events, rate, seed } = options;
  await using scene = await openScene(servers, name, { rate, seed });
  const [one, other] = await Promise.all([
    scene.begin({ root: hostOf(options, 'one'), ...at }),
    scene.begin({ root: hostOf(options, 'other'), ...at }),
  ]);
  const { speaker, standby } = await oneOfTwo(one, other);
  await scene.moveTo(`${DAY}T14:00:02Z`);
  await untilEvents(speaker, events);
  const before = (await standby.status()).events;
  await liveOn(scene, speaker, events);
  assert.equal((await standby.status()).phase, 'standby');
  assert.equal((await standby.status()).events, before, 'who stands by says nothing');
  await endAll([standby, speaker]);

  const held = await holdAll(scene.stage);
  assertKept([one, other], held, () => true);
  assert.equal(held.bus.repeats, 0, 'every event is on the bus once');
  assert.deepEqual(held.bus_hours, [14, 15]);
  assertNone(held.trades.missing, 'no trade is missing');
  return held;
}

/** One that speaks is frozen, replaced on another host, and woken again. */
export async function frozenAndWoken(options: ScenarioOptions): Promise<Held> {
  const { servers, name, events, rate, seed } = options;
  await using scene = await openScene(servers, name, { rate, seed });
  const old = await scene.begin({ root: hostOf(options, 'old') });
  await untilPhase(old, 'speaking');
  await untilEvents(old, events);
  old.signal('SIGSTOP');
  const frozen_ms = performance.now();
  const next = await scene.begin({ root: hostOf(options, 'next') });
  await untilPhase(next, 'speaking');
  await untilEvents(next, events);
  const claimed = await lastSeq(scene);
  old.signal('SIGCONT');
  await until('the woken one notices', () => countTold(old, 'publisher.fenced') > 0);
  await untilPhase(old, 'standby');
  await scene.moveTo(`${DAY}T14:00:02Z`);
  await untilEvents(next, events);
  await liveOn(scene, next, events);
  assert.equal((await old.status()).phase, 'standby');
  await endAll([old, next]);

  const held = await holdAll(scene.stage);
  assertKept([old, next], held, (sent_ms) => sent_ms >= frozen_ms);
  const [first = 0] = epochsOf(old);
  const after = await positions(scene, claimed);
  assert.ok(
    after.every(({ epoch }) => epoch !== first),
    'the woken one has told no position',
  );
  const [, taken = assert.fail('nobody took over')] = takesOf(held);
  assert.equal((await holeOf(scene, held, taken)).last, true, 'from its last position');
  assert.deepEqual(
    held.taking.map(([epoch]) => epoch),
    [first, ...epochsOf(next)],
  );
  assert.deepEqual(held.bus_hours, [14, 15]);
  assertNone(held.trades.untold, 'what was traded while nobody listened is a gap');
  return held;
}

/** A new process begins while the old one speaks at full rate. */
export async function plannedTakeOver(
  options: ScenarioOptions,
): Promise<{ held: Held; capturing_ms: number; hole_ms: number; unpublished: number }> {
  const { servers, name, events, rate, seed } = options;
  await using scene = await openScene(servers, name, { rate, seed });
  const old = await scene.begin({ root: hostOf(options, 'old') });
  await untilPhase(old, 'speaking');
  await scene.moveTo(`${DAY}T14:00:02Z`);
  await untilEvents(old, events);
  const next = await scene.begin({ root: hostOf(options, 'next') });
  await untilPhase(next, 'speaking');
  await untilPhase(old, 'standby');
  await untilEvents(next, events);
  await liveOn(scene, next, events);
  await endAll([old, next]);

  const held = await holdAll(scene.stage);
  assertKept([old, next], held, () => true);
  const [taken = assert.fail('nobody took over')] = takesOf(held).slice(1);
  const [begun] = next.told.filter((it) => it.event === 'life.begun');
  const lines = held.taking[1]?.[1] ?? [];
  const first = lines.find((it) => it.type === 'frame')?.t ?? 0n;
  const capturing_ms = Number((first - BigInt(String(begun?.['wall_ns']))) / 1_000_000n);
  assert.ok(capturing_ms < 5_000, `its first frame is in the log after ${capturing_ms} ms`);
  const hole = await holeOf(scene, held, taken);
  assert.equal(hole.last, true, 'from the last position of the old one');
  const { missing } = held;
  assert.ok(
    (missing[0] ?? []).every((id) => tOf(id) > hole.from),
    'what the old one never published lies behind the position from which the gap is told',
  );
  const unpublished = (missing[0] ?? []).filter((id) => tOf(id) < hole.to).length;
  assert.deepEqual(held.bus_hours, [15]);
  assertNone(held.trades.missing, 'no trade is missing');
  return { held, capturing_ms, hole_ms: Number((hole.to - hole.from) / 1_000_000n), unpublished };
}

/** The bus is away when a connector begins: it captures, speaks, claims later and catches up. */
export async function awayAtStart(options: ScenarioOptions): Promise<Held> {
  const { servers, name, events, rate, seed } = options;
  await using scene = await openScene(servers, name, { rate, seed });
  await servers.nats.kill();
  const publisher = { queue_events_max: Math.ceil(events / 2) };
  const life = await scene.begin({ root: hostOf(options, 'one'), publisher });
  await untilPhase(life, 'speaking');
  await scene.moveTo(`${DAY}T14:00:02Z`);
  await untilEvents(life, events);
  await until('the queue was full', () => countTold(life, 'publisher.queue_filled') > 0);
  assert.equal((await life.status()).publishing['events'], 0, 'nothing is on the bus yet');
  await servers.nats.restart();
  await until('it has caught up', () => countTold(life, 'publisher.caught_up') > 0);
  await untilPublished(life);
  await liveOn(scene, life, events);
  await endAll([life]);

  const held = await holdAll(scene.stage);
  assertKept([life], held, () => false);
  assert.deepEqual(
    takesOf(held).map(({ prev }) => prev),
    [null],
  );
  assert.deepEqual(held.missing, [[]], 'all of it is published');
  assert.ok(held.bus.late > 0, 'what it caught up with came in packs');
  assert.deepEqual(held.bus_hours, [14, 15], 'the hour it began to speak before, and the next');
  assert.deepEqual(held.trades, { missing: [], untold: [], repeated: [] });
  return held;
}

/** The bus goes away between a new connector's first look at the shard and its claim. */
export async function awayWhileTaking(options: ScenarioOptions): Promise<Held> {
  const { servers, name, events, rate, seed } = options;
  await using scene = await openScene(servers, name, { rate, seed });
  await using slow = new AsyncDisposableStack();
  const via = (wire: WireOptions) => async (url: string) => {
    const stretched = slow.use(await stretchWire(Number(new URL(url).port), wire));
    opened.push(stretched);
    return onPort(url, stretched.port);
  };
  const opened: Wire[] = [];
  const old = await scene.begin({
    root: hostOf(options, 'old'),
    route: via({ delay_ms: SKEW_MS }),
  });
  await untilPhase(old, 'speaking');
  await scene.moveTo(`${DAY}T14:00:02Z`);
  await untilEvents(old, events);
  const look = slow.use(await stretchWire(servers.nats.port));
  const next = await scene.begin({
    root: hostOf(options, 'next'),
    route: via({ held: true }),
    variables: {
      ...scene.stage.variables,
      SSMD_NATS_URL: onPort(servers.nats.url, look.port),
    },
  });
  // It asks for the last position twice a second, and waits: it has no connection to speak for.
  await until('it has looked', () => look.counts().sent > LOOKED_BYTES);
  assert.equal((await next.status()).phase, 'starting');
  await servers.nats.kill();
  opened[1]?.open();
  await untilPhase(next, 'speaking');
  await untilEvents(next, events);
  await untilEvents(old, events);
  assert.equal((await old.status()).phase, 'speaking', 'nobody can have told it');
  await servers.nats.restart();
  await until('the old one notices', () => countTold(old, 'publisher.fenced') > 0);
  await untilPhase(old, 'standby');
  await untilPublished(next);
  await liveOn(scene, next, events);
  await endAll([old, next]);

  const held = await holdAll(scene.stage);
  assertKept([old, next], held, () => true);
  const [first, second] = takesOf(held);
  assert.deepEqual([first?.prev, second?.prev?.epoch], [null, epochsOf(old)[0]]);
  await holeOf(scene, held, second ?? assert.fail('nobody took over'));
  assert.deepEqual(
    held.gaps.map(({ cause }) => cause),
    ['before_first_take', 'epoch_ended'],
  );
  assert.deepEqual(held.bus_hours, [15]);
  assertNone(held.trades.missing, 'no trade is missing');
  return held;
}
/** How much later the old connector hears of the market than the new one. */
const SKEW_MS = 300;
/** More than a connection's greeting: some looks at the shard. */
const LOOKED_BYTES = 1_500;

/** The take-over gap of the archive that belongs to a take: from a position that was told, to its line. */
async function holeOf(
  scene: Scene,
  held: Held,
  { prev, at }: Take,
): Promise<{ readonly from: bigint; readonly to: bigint; readonly last: boolean }> {
  const gap = held.status.find((it) => it.cause === 'take_over' && it.to === at);
  assert.ok(gap !== undefined && prev !== null, 'the take-over is a gap in the archive');
  const from = gap.from ?? 0n;
  assert.equal(`${from}`, prev.t, 'from where the take says');
  const own = (await positions(scene)).filter(({ epoch }) => epoch === prev.epoch);
  assert.ok(
    own.some(({ t }) => t === from),
    'which is a position the one before has told',
  );
  return { from, to: at, last: own.at(-1)?.t === from };
}

type Take = ReturnType<typeof takesOf>[number];
const takesOf = (held: Held) => held.taking.flatMap(([, lines]) => takeOf(lines) ?? []);

async function lastSeq({ stage }: Scene): Promise<number> {
  return (await stage.bus.bounds()).last_seq;
}

/** The positions told on the bus after a sequence, in the stream's order. */
async function positions({ stage }: Scene, after = 0): Promise<readonly Ctl[]> {
  const found: Ctl[] = [];
  const range = { shard: SHARD, feed: FEED, from_seq: after + 1 };
  for await (const message of stage.bus.readRange(range)) {
    const record = message.subject.startsWith('ctl.') ? parseCtl(message.data) : null;
    if (record !== null) found.push(record);
  }
  return found;
}
