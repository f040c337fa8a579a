/**
 * What has to be equal after every run:
 *
 * 1. frames handed to a process = lines in RAW + what RAW and its fold say is missing
 * 2. what a subscriber has, repeats dropped, in order per epoch = what the fold says to what was written
 * 3. the archive by way of the bus = the archive from RAW, in plain bytes
 * 4. every committed manifest verifies, whatever came after it
 */
import { objectFault } from '../../../activities/archive-verify.ts';
import { readManifest } from '../../../activities/datasets.ts';
import { parseCtl } from '../../../bus/ctl.ts';
import { canonicalObjectKey } from '../../../dataset/keys.ts';
import type { Manifest } from '../../../dataset/manifest.ts';
import { unpackObject } from '../../../dataset/object-codec.ts';
import { dayEnd, dayStart } from '../../../schema/time.ts';
import type { Day } from '../../../schema/time.ts';
import { createMemoryObjectStore } from '../../../storage/memory.ts';
import { modelJobs, runDaily } from './jobs.ts';
import { eventsIn, factOf, foldLines, readEpochs, sameBytes } from './oracle.ts';
import type { EpochLog, Spoken } from './oracle.ts';
import type { Run } from './run.ts';
import { checkTrades } from './trades.ts';
import { holds } from './violation.ts';
import type { DayArchive } from './violation.ts';
import { storedZstd } from './stored-zstd.ts';

type ByEpoch = ReadonlyMap<number, readonly Spoken[]>;

/** Throws `Violation` at the first thing that does not hold. */
export async function checkRun(run: Run): Promise<void> {
  const epochs = await readEpochs(run);
  const names = new Set(epochs.map((it) => it.epoch));
  holds(names.size === epochs.length, () => '1: two epochs have one name, and one place in RAW');
  for (const epoch of epochs) checkRaw(run, epoch);
  holds(run.rewritten.length === 0, () => `4: put again with other content: ${run.rewritten[0]}`);
  const unread = run.said.find(({ event }) => event === 'publisher.backlog_lost');
  holds(
    unread === undefined,
    () => `2: the log was not read back: ${JSON.stringify(unread?.facts)}`,
  );
  const spoken = new Map(epochs.map((it) => [it.epoch, foldLines(run.feed, it.written)]));
  checkBus(run, epochs, spoken);
  const days: DayArchive[] = [];
  for (const day of run.days) days.push(await readDay(run, day));
  for (const day of days) checkSpoken(run, { epochs, spoken }, day);
  checkTrades(run, epochs, days);
  for (const day of days) await checkRebuilt(run, day);
}

/** 1: what a process was handed is in its log, and what was in its log is in RAW. */
function checkRaw(run: Run, { epoch, host, written, synced, raw, crashed }: EpochLog): void {
  const lost_power = run.lost_power.has(host.name);
  for (const [at, line] of raw.entries()) {
    holds(
      line.text === written[at]?.text,
      () => `1: epoch ${epoch}: RAW line ${at} is ${line.text}`,
    );
  }
  const least = lost_power ? synced.length : written.length;
  holds(
    raw.length >= least,
    () => `1: epoch ${epoch}: ${raw.length} lines in RAW, at least ${least} expected`,
  );
  const dropped = new Map<number, number>();
  for (const line of written) {
    const drop = factOf(line, '_drop');
    if (drop !== null) dropped.set(drop.c, (dropped.get(drop.c) ?? 0) + drop.frames);
  }
  for (const [name, { handed }] of run.hearings) {
    const [of, c] = name.split('/').map(Number) as [number, number];
    if (of !== epoch) continue;
    const frames = written.filter((it) => it.c === c && it.frame !== null);
    const missing = handed.length - frames.length - (dropped.get(c) ?? 0);
    let at = 0;
    for (const { frame } of frames) {
      while (at < handed.length && handed[at]?.text !== frame) at += 1;
      holds(at < handed.length, () => `1: epoch ${epoch} c ${c}: nobody sent ${frame}`);
      at += 1;
    }
    // A process that died on a frame, or before it could tell what a full disk had cost it.
    const most = crashed || raw.length === 0 ? (run.disk_was_full ? handed.length : 1) : 0;
    holds(
      missing >= 0 && missing <= most,
      () =>
        `1: epoch ${epoch} c ${c}: ${handed.length} frames, ${frames.length} written, ${missing} missing`,
    );
  }
}

/** 2: per epoch the subscriber has a beginning of what the fold said; positions tell how much. */
function checkBus(run: Run, epochs: readonly EpochLog[], spoken: ByEpoch): void {
  const order = new Map<number, Map<string, number>>();
  for (const [epoch, events] of spoken) {
    order.set(epoch, new Map(events.map(({ id }, at) => [id, at])));
  }
  const heard = new Map<number, Set<number>>();
  const last = new Map<string, number>();
  let ctl_epoch = 0;
  for (const message of run.heard) {
    const parts = message.subject.split('.');
    if (parts[0] === 'md') {
      const epoch = Number(message.header('epoch'));
      const events = spoken.get(epoch) ?? [];
      const own = heard.get(epoch) ?? new Set<number>();
      heard.set(epoch, own);
      for (const event of eventsIn(`${parts[2]} ${parts[3]}`, message.data)) {
        const at = order.get(epoch)?.get(event.id);
        holds(
          at !== undefined,
          () => `2: epoch ${epoch}: ${event.id} is on the bus, not in the log`,
        );
        holds(
          sameBytes(event.bytes, (events[at] as Spoken).bytes),
          () => `2: epoch ${epoch}: ${event.id} has other bytes on the bus`,
        );
        if (own.has(at)) continue;
        own.add(at);
        const series = `${epoch} ${event.series}`;
        const before = last.get(series) ?? -1;
        holds(before < at, () => `2: epoch ${epoch}: ${event.id} comes after what follows it`);
        last.set(series, at);
      }
    } else if (parts[0] === 'ctl') {
      const record = parseCtl(message.data);
      holds(record !== null, () => '2: a ctl that is none');
      const { epoch, t, events } = record;
      const said = (spoken.get(epoch) ?? []).filter((it) => it.t <= t).length;
      holds(
        said === events,
        () => `2: epoch ${epoch}: ctl at ${t} counts ${events} events, the log says ${said}`,
      );
      const own = heard.get(epoch);
      for (let at = 0; at < said; at++) {
        holds(
          own?.has(at) === true,
          () =>
            `2: epoch ${epoch}: ctl at ${t} claims ${spoken.get(epoch)?.[at]?.id}, nobody had it`,
        );
      }
      if (run.stream_lost) continue;
      holds(epoch >= ctl_epoch, () => `2: epoch ${epoch} claims after ${ctl_epoch}`);
      ctl_epoch = epoch;
    }
  }
  for (const [epoch, own] of heard) {
    const end = Math.max(-1, ...own) + 1;
    holds(own.size === end, () => `2: epoch ${epoch}: a hole before its ${end} events on the bus`);
  }
  checkTakes(run, epochs);
  const owner = epochs.findLast(({ written }) => written.some((it) => it.key === '_take'));
  if (owner === undefined || !run.drained.has(owner.epoch)) return;
  const events = spoken.get(owner.epoch) ?? [];
  holds(
    (heard.get(owner.epoch)?.size ?? 0) === events.length,
    () => `2: the last epoch ended with events that nobody had`,
  );
}

/** 2: what a take says of the epoch before is what the stream said when it was claimed. */
function checkTakes(run: Run, epochs: readonly EpochLog[]): void {
  if (run.stream_lost) return;
  let before: { readonly epoch: number; readonly t: bigint } | null = null;
  // Without the bus a take goes by what was seen of it last.
  if (run.said.some((it) => it.event === 'publisher.bus_unreachable')) return;
  const claims = new Map<number, { readonly epoch: number; readonly t: bigint } | null>();
  for (const { subject, data } of run.heard) {
    const record = subject.startsWith('ctl.') ? parseCtl(data) : null;
    if (record === null) continue;
    if (!claims.has(record.epoch)) claims.set(record.epoch, before);
    before = { epoch: record.epoch, t: record.t };
  }
  for (const { epoch, written } of epochs) {
    const take = written.find((it) => it.key === '_take');
    const prev = take === undefined ? null : (factOf(take, '_take')?.prev ?? null);
    if (prev === null) continue;
    const claimed = claims.get(epoch);
    holds(
      claimed?.epoch === prev.epoch && `${claimed.t}` === prev.t,
      () =>
        `2: epoch ${epoch} took from ${prev.epoch} at ${prev.t}, the stream says ${claimed?.epoch} at ${claimed?.t}`,
    );
  }
}

/** 4: what a committed manifest names is there, and is what it says. */
async function readDay(run: Run, day: Day): Promise<DayArchive> {
  const manifest = await readManifest(run.jobs, { version: 'v1', feed: run.feed.id, day });
  const events = new Map<string, Spoken[]>();
  if (manifest === null) {
    holds(run.outcomes.get(day) === 'nothing', () => `4: ${day} has no manifest`);
    return { day, manifest, events };
  }
  const signal = new AbortController().signal;
  for (const object of manifest.objects) {
    const fault = await objectFault(run.jobs, object, manifest.schema, signal);
    holds(fault === null, () => `4: ${day}: ${object.key}: ${fault}`);
    const stored = await run.normalized.get(object.key);
    if (stored === null) continue;
    const { plain } = unpackObject(stored.body, storedZstd, object.key);
    const [, , , type = '', symbol = ''] = object.key.split('/');
    const series = `${type} ${symbol}`;
    events.set(series, [...(events.get(series) ?? []), ...eventsIn(series, plain)]);
  }
  return { day, manifest, events };
}

const RAW_LOST: readonly string[] = ['segment_missing', 'segment_corrupt', 'chain_broken'];

/** 3: the archive is what each epoch's fold says between its take and the next. */
function checkSpoken(
  run: Run,
  { epochs, spoken }: { readonly epochs: readonly EpochLog[]; readonly spoken: ByEpoch },
  { day, manifest, events }: DayArchive,
): void {
  if (run.outcomes.get(day) === 'late_raw') return;
  if (manifest?.gaps.some(({ cause }) => RAW_LOST.includes(cause)) === true) return;
  if (outlived(epochs, dayStart(day))) return;
  const wanted = new Map<string, Spoken[]>();
  const taken = epochs.flatMap(({ epoch, raw }) => {
    const take = raw.find((it) => it.key === '_take');
    return take === undefined ? [] : [{ epoch, from: take.t, to: raw.at(-1)?.t ?? 0n }];
  });
  for (const [at, { epoch, from, to }] of taken.entries()) {
    // Only a younger epoch takes over, and epochs come by age.
    const younger = taken.slice(at + 1).map((it) => it.from);
    const until = younger.reduce((a, b) => (b < a ? b : a), 2n ** 63n);
    // RAW is a beginning of what was written, and so is what the fold says to it.
    for (const event of spoken.get(epoch) ?? []) {
      const inside = event.t >= from && event.t < until && event.t <= to;
      if (!inside || event.t < dayStart(day) || event.t >= dayEnd(day)) continue;
      const series = wanted.get(event.series) ?? [];
      wanted.set(event.series, series);
      series.push(event);
    }
  }
  for (const series of new Set([...wanted.keys(), ...events.keys()])) {
    const found = events.get(series) ?? [];
    const expected = wanted.get(series) ?? [];
    for (const [at, event] of expected.entries()) {
      holds(
        found[at]?.id === event.id,
        () => `3: ${day}: expected ${event.id}, archived ${found[at]?.id}`,
      );
      holds(
        sameBytes(event.bytes, (found[at] as Spoken).bytes),
        () => `3: ${day}: ${event.id} has other bytes`,
      );
    }
    holds(
      found.length === expected.length,
      () => `3: ${day}: ${series}: ${found.length} archived, ${expected.length} spoken`,
    );
  }
}

/**
 * Whether an epoch went on into the day though a younger one had taken the shard from it and was gone
 * before the day: nobody spoke then, and the archive takes what the older one heard.
 */
function outlived(epochs: readonly EpochLog[], start: bigint): boolean {
  const goesOn = ({ raw }: EpochLog): boolean => (raw.at(-1)?.t ?? 0n) >= start;
  return epochs.some(
    (older, at) =>
      goesOn(older) &&
      epochs.slice(at + 1).some((it) => it.raw.some((l) => l.key === '_take') && !goesOn(it)),
  );
}

/** 3: what came by way of the bus is what RAW gives. */
async function checkRebuilt(run: Run, { day, manifest }: DayArchive): Promise<void> {
  if (manifest === null || run.outcomes.get(day) === 'late_raw') return;
  if (!manifest.objects.some((it) => it.source === 'bus')) return;
  const normalized = createMemoryObjectStore();
  const jobs = {
    ...modelJobs({ ...run, normalized, bus: null, now: run.jobs.now }),
    surveys: run.jobs.surveys,
  };
  await runDaily(jobs, { feed: run.feed, day }, { force: true });
  const rebuilt = await readManifest(jobs, { version: 'v1', feed: run.feed.id, day });
  const named = (it: Manifest | null): string[] =>
    (it?.objects ?? []).map((o) => `${canonicalObjectKey(o.key)} ${o.records} ${o.plain_sha256}`);
  const [live, raw] = [named(manifest), named(rebuilt)];
  for (const [at, object] of raw.entries()) {
    holds(live[at] === object, () => `3: ${day}: from RAW ${object}, by the bus ${live[at]}`);
  }
  holds(
    live.length === raw.length,
    () => `3: ${day}: ${live.length} objects, ${raw.length} from RAW`,
  );
}
