/** Scenarios of one shard and several processes, each from its beginning to its last comparison. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseCtl } from '../../bus/ctl.ts';
import {
  DAY,
  FEED,
  SHARD,
  countTold,
  hush,
  openScene,
  until,
  untilEvents,
  untilPhase,
  untilPublished,
} from './contract-processes.ts';
import type { Life, Scene } from './contract-processes.ts';
import { assertRelayed, holdAll } from './contract-processes-checks.ts';
import type { Held } from './contract-processes-checks.ts';
import type { Facts } from '../../schema/log.ts';
import { takeOf, tOf } from './e2e.ts';
import { factsOf } from './runtime.ts';
import type { ReadLine } from './runtime.ts';
import { onPort, stretchWire } from './contract-processes-wires.ts';
import type { Wire, WireOptions } from './contract-processes-wires.ts';
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
};

function hostOf({ dir }: ScenarioOptions, name: string): string {
  const root = join(dir, name);
  mkdirSync(root, { recursive: true });
  return root;
}

/** From the scenario's hour on into the one after the next, so that the one between is whole. */
async function liveOn(scene: Scene, speaker: Life, events: number): Promise<void> {
  await scene.moveTo(`${DAY}T15:00:02Z`);
  await untilEvents(speaker, events);
  await scene.moveTo(`${DAY}T16:00:02Z`);
  await untilEvents(speaker, 20);
  await untilPublished(speaker);
}

/** Ends lives in good order, in turn, with not a frame under way. */
async function endAll(lives: readonly Life[]): Promise<void> {
  for (const life of lives) {
    await hush(life);
    assert.equal(await life.end('SIGTERM'), 0);
  }
}

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
  const { servers, name, events, rate } = options;
  await using scene = await openScene(servers, name, { rate });
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
  const { servers, name, events, rate } = options;
  await using scene = await openScene(servers, name, { rate });
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
  const after = await told(scene, claimed);
  assert.deepEqual(
    after.filter((it) => it.epoch === first && it.ctl),
    [],
    'the woken one has told no position',
  );
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
  const { servers, name, events, rate } = options;
  await using scene = await openScene(servers, name, { rate });
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
  const hole = holeOf(held, taken);
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
  const { servers, name, events, rate } = options;
  await using scene = await openScene(servers, name, { rate });
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
  const { servers, name, events, rate } = options;
  await using scene = await openScene(servers, name, { rate });
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
  holeOf(held, second ?? assert.fail('nobody took over'));
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

/** No file may grow any more, for a minute of the connector's clock: as a full disk, with torn writes. */
export async function diskFull(options: ScenarioOptions): Promise<Held> {
  const { servers, name, events, rate } = options;
  await using scene = await openScene(servers, name, { rate });
  const life = await scene.begin({ root: hostOf(options, 'one') });
  await untilPhase(life, 'speaking');
  await scene.moveTo(`${DAY}T14:00:02Z`);
  await untilEvents(life, events);
  limitFiles(life, statSync(openSegment(life, name)).size + TORN_BYTES);
  await until('it cannot write', async () => (await life.status()).state === 'ERROR');
  const { drops } = await life.status();
  await until('frames are lost', async () => (await life.status()).drops >= drops + 50);
  await scene.moveTo(`${DAY}T14:01:04Z`);
  limitFiles(life, 'unlimited');
  await until('it can write again', async () => (await life.status()).state !== 'ERROR');
  await untilEvents(life, events);
  await liveOn(scene, life, events);
  await endAll([life]);

  const held = await holdAll(scene.stage);
  const [[, lines] = assert.fail('an epoch')] = held.epochs;
  const [relayed = assert.fail('a connection')] = life.proxy.relayed;
  assert.equal(life.proxy.relayed.length, 1, 'the connection outlives it');
  const lost = framesDropped(lines, relayed.frames);
  assert.ok(lost.length >= 50);
  const dropped = factsOf(lines, '_drop');
  assert.deepEqual(
    dropped.map(({ at, from, frames, reason }) => [reason, BigInt(from), at, `${frames} frames`]),
    held.status
      .filter((it) => it.cause === 'drop' && it.about === null && it.kind === 'gap_closed')
      .map(({ from, to, detail }) => ['EFBIG', from, to, detail]),
    'the hole is a gap of the feed, with what was lost in it',
  );
  assert.deepEqual(held.missing, [[]]);
  assert.deepEqual(held.bus_hours, [14, 15]);
  assert.deepEqual(held.trades.missing, tradesIn(lost), 'no trade is missing but those');
  assertNone(held.trades.untold, 'each in a gap');
  return held;
}

/** Trades that frames of the venue carry, as the archive's are named. */
function tradesIn(frames: readonly string[]): readonly string[] {
  const ids: string[] = [];
  for (const frame of frames) {
    const { channel, data } = JSON.parse(frame) as { channel?: string; data?: Sold[] };
    if (channel !== 'trade') continue;
    for (const it of data ?? []) ids.push(`${it.symbol.replace('/', '')} ${it.trade_id}`);
  }
  return ids.sort();
}
type Sold = { readonly symbol: string; readonly trade_id: number };

/** Of the line that does not fit any more, so much is written first. */
const TORN_BYTES = 100;

/** From here on no file of the process can grow beyond so much: `EFBIG`, as the kernel says it. */
function limitFiles({ pid }: Life, bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', `${pid}`, `--fsize=${bytes}:`]);
}

function openSegment(life: Life, environment: string): string {
  const shard = join(life.root, '.ssmd', environment, 'log', FEED, SHARD);
  const dir = join(shard, `${epochsOf(life).at(-1)}`);
  const segments = readdirSync(dir).filter((it) => /^\d{8}\.jsonl$/.test(it));
  return join(dir, segments.sort().at(-1) ?? assert.fail('no segment'));
}

/** The frames that a log says it lost, found in what was sent: it holds all others, in order. */
function framesDropped(lines: readonly ReadLine[], sent: readonly string[]): readonly string[] {
  const lost: string[] = [];
  let at = 0;
  for (const line of lines) {
    if (line.type === 'frame') {
      assert.equal(line.frame, sent[at], `frame ${at} of those sent`);
      at += 1;
    } else if (line.key === '_drop') {
      const { frames } = line.fact as Facts['_drop'];
      lost.push(...sent.slice(at, at + frames));
      at += frames;
    }
  }
  assert.equal(at, sent.length, 'every frame sent is in the log or counted as lost');
  return lost;
}

function assertNone(found: readonly string[], what: string): void {
  assert.ok(found.length === 0, `${what}: ${found.length}, the first ${found[0]}`);
}

/** The take-over gap of the archive that belongs to a take. */
function holeOf(held: Held, { prev, at }: Take): { readonly from: bigint; readonly to: bigint } {
  const gap = held.status.find((it) => it.cause === 'take_over' && it.to === at);
  assert.ok(gap !== undefined && prev !== null, 'the take-over is a gap in the archive');
  const from = gap.from ?? 0n;
  assert.equal(`${from}`, prev.t, 'from the last position told');
  return { from, to: at };
}

type Take = ReturnType<typeof takesOf>[number];
const takesOf = (held: Held) => held.taking.flatMap(([, lines]) => takeOf(lines) ?? []);

/**
 * RAW of each life has all that it was sent, but what was under way when a connection of it ended.
 * `lost` says of a frame that is not there, by when it was sent, whether that can be.
 */
function assertKept(lives: readonly Life[], held: Held, lost: (sent_ms: number) => boolean): void {
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

async function lastSeq({ stage }: Scene): Promise<number> {
  return (await stage.bus.bounds()).last_seq;
}

/** What was put on the bus after a sequence: whose it is, and whether it is a position. */
async function told(
  { stage }: Scene,
  after: number,
): Promise<readonly { readonly epoch: number; readonly ctl: boolean }[]> {
  const found: { epoch: number; ctl: boolean }[] = [];
  const range = { shard: SHARD, feed: FEED, from_seq: after + 1 };
  for await (const message of stage.bus.readRange(range)) {
    const ctl = message.subject.startsWith('ctl.');
    const epoch = ctl ? parseCtl(message.data)?.epoch : Number(message.header('epoch'));
    found.push({ epoch: epoch ?? 0, ctl });
  }
  return found;
}

/** The epochs a connector has told it opened. */
export function epochsOf(life: Life): readonly number[] {
  return life.told.filter((it) => it.event === 'epoch.opened').map((it) => Number(it['epoch']));
}
