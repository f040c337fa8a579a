/** The scenario of a disk that is full: the real writer, refused by the real kernel. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Facts } from '../../schema/log.ts';
import { DAY, FEED, SHARD, openScene, untilEvents, untilPhase } from './contract-processes.ts';
import type { Life } from './contract-processes.ts';
import { holdAll } from './contract-processes-checks.ts';
import type { Held } from './contract-processes-checks.ts';
import { assertNone, endAll, epochsOf, hostOf, liveOn } from './contract-processes-steps.ts';
import type { ScenarioOptions } from './contract-processes-steps.ts';
import { factsOf } from './runtime.ts';
import type { ReadLine } from './runtime.ts';
import { until } from './until.ts';

/** No file may grow any more, for a minute of the connector's clock: as a full disk, with torn writes. */
export async function diskFull(options: ScenarioOptions): Promise<Held> {
  const { servers, name, events, rate, seed } = options;
  await using scene = await openScene(servers, name, { rate, seed });
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
