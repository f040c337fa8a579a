/**
 * Lines that are lost where two epochs meet. Hypothesis of the bug: what one epoch logged, or lost, hides
 * behind what it logged after it had lost the shard, or behind the epoch that followed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY, EVE, at, epochOf, goesOn, log, planOf, told } from '../support/shard-lives.ts';
import { rawSegmentKey } from '../../dataset/keys.ts';
import type { Log } from '../support/shard-lives.ts';

/** Lost the bus, and went on for half an hour after the other had taken the shard. */
const fenced = log({ start: '20T00:00', end: '20T12:30', ends: {} });
const owner = log({
  start: '20T12:01',
  take: '20T12:02',
  prev: { epoch: '20T00:00', t: '20T12:02' },
  end: '20T23:59',
  ends: { [DAY]: 'day' },
});

function without(life: Log, ...lost: readonly string[]): Log {
  const gone = lost.map(at);
  return { ...life, segments: life.segments.filter((it) => !gone.includes(it.id.t)) };
}

test('segments lost before a take-over show by those that came after it', () => {
  const damaged = without(fenced, '20T11:50', '20T11:55', '20T12:00');
  assert.deepEqual(told(planOf([damaged, owner])), [
    'segment_missing 20T11:49 20T12:02',
    'inventory_missing 20T11:49 20T12:02',
  ]);
  const seen = new Map([[epochOf('20T00:00'), at('20T12:01')]]);
  assert.deepEqual(told(planOf([damaged, owner], { bus_seen: seen })), [
    'segment_missing 20T11:49 20T12:02',
    'log_behind_bus 20T11:49 20T12:01',
    'inventory_missing 20T11:49 20T12:02',
  ]);
});

test('the segment before a take-over is the one that the next followed', () => {
  // The last of its stretch ends in time; only what came after it can tell that it was another.
  const strange = fenced.segments.map((it) =>
    it.id.t === at('20T11:55') ? { ...it, sha256: 'another' } : it,
  );
  const at_noon = log({
    start: '20T11:59',
    take: '20T12:00',
    prev: { epoch: '20T00:00', t: '20T12:00' },
    end: '20T23:59',
    ends: { [DAY]: 'day' },
  });
  assert.deepEqual(told(planOf([{ ...fenced, segments: strange }, at_noon])), [
    'chain_broken 20T11:55 20T12:00',
    'inventory_missing 20T11:59 20T12:00',
  ]);
  assert.deepEqual(told(planOf([fenced, at_noon])), []);
});

test('without an inventory a stretch ends where the log proves it, and only there', () => {
  assert.deepEqual(told(planOf([fenced, owner])), [], 'its last segment goes past the end');
  const tail = ['20T12:00', '20T12:05', '20T12:10', '20T12:15', '20T12:20', '20T12:25'];
  assert.deepEqual(told(planOf([without(fenced, ...tail), owner])), [
    'inventory_missing 20T11:59 20T12:02',
  ]);
  const torn = fenced.segments.map((it) =>
    it.id.t === at('20T12:00')
      ? { ...it, state: 'prefix' as const, last: it.id.t, fault: { line: 3, detail: 'torn' } }
      : it,
  );
  assert.deepEqual(told(planOf([{ ...fenced, segments: torn }, owner])), [
    'segment_corrupt 20T12:00 20T12:02',
    'inventory_missing 20T12:00 20T12:02',
  ]);
});

/** The same log, of an epoch with another number. */
function numbered(life: Log, epoch: number): Log {
  const key = (t: bigint): string => rawSegmentKey({ feed: 'tiny', shard: 'tier1', epoch, t });
  const segments = life.segments.map((it) => ({
    ...it,
    key: key(it.id.t),
    id: { ...it.id, epoch },
    capture: it.capture === null ? null : { ...it.capture, epoch },
  }));
  const inventories = life.inventories.map((it) => ({
    ...it,
    epoch,
    segments: it.segments.map((listed) => ({ ...listed, key: key(BigInt(listed.first ?? 0)) })),
  }));
  return { segments, inventories };
}

test('RAW of an epoch that is numbered below the one before it is not passed over', () => {
  const first = log({ start: '20T00:00', end: '20T10:00', ends: { [DAY]: 'crash' } });
  const ends = { [DAY]: 'crash' } as const;
  const noon = log({ start: '20T12:00', prev: null, end: '20T18:00', ends });
  const older = numbered(noon, epochOf('19T20:00'));
  const third = goesOn({
    start: '20T18:01',
    prev: { epoch: '20T00:00', t: '20T10:00' },
  });
  assert.deepEqual(told(planOf([first, older, third])), ['not_speaking 20T12:00 20T18:00']);
  const segments = older.segments.filter((it) => it.id.t < at('20T15:00'));
  assert.deepEqual(
    told(planOf([first, { ...older, segments }, third])),
    ['not_speaking 20T12:00 20T18:00'],
    'also what only its inventory knows of',
  );
  const owner_all_day = log({ start: '20T00:00', end: '20T23:59', ends: { [DAY]: 'day' } });
  assert.deepEqual(told(planOf([owner_all_day, older])), [], 'the one that spoke heard all of it');
});

test('who outlives the one that took the shard from it has lines that are missing', () => {
  const first = log({ start: '20T00:00', end: '20T15:00', ends: { [DAY]: 'shutdown' } });
  const short = log({
    start: '20T12:00',
    prev: { epoch: '20T00:00', t: '20T12:00' },
    end: '20T12:05',
    ends: { [DAY]: 'shutdown' },
  });
  const third = goesOn({ start: '20T15:01', prev: { epoch: '20T12:00', t: '20T12:05' } });
  assert.deepEqual(told(planOf([first, short, third])), ['not_speaking 20T12:05 20T15:00']);
});

test('what was logged after a stretch is not taken for its end by the next either', () => {
  const damaged = without(fenced, '20T11:50', '20T11:55', '20T12:00');
  const alone = log({ start: '20T12:02', prev: null, end: '20T23:59', ends: { [DAY]: 'day' } });
  assert.deepEqual(told(planOf([damaged, alone])), [
    'segment_missing 20T11:49 20T12:02',
    'inventory_missing 20T11:49 20T12:02',
    'handover 20T11:49 20T12:02',
  ]);
});

test('lines between a take and a later _day line are no data, and are a hole', () => {
  const whole = log({ start: '20T00:00', end: '21T00:02', ends: { [DAY]: 'day' } });
  const segments = whole.segments.map((it, index) => ({
    ...it,
    days: index === 0 ? [] : index === 3 ? [{ t: it.id.t, day: DAY, taken: true }] : it.days,
  }));
  assert.deepEqual(told(planOf([{ ...whole, segments }])), ['not_speaking 20T00:00 20T00:15']);
});

test('who speaks when does not depend on the order in which segments are found', () => {
  const ends = { [DAY]: 'day' } as const;
  const lives = [
    log({ start: '20T00:00', end: '20T12:10', ends: { [DAY]: 'shutdown' } }),
    log({
      start: '20T11:59',
      take: '20T12:06',
      end: '20T12:07',
      ends: { [DAY]: 'shutdown' },
    }),
    log({
      start: '20T12:04',
      take: '20T12:05',
      prev: { epoch: '20T00:00', t: '20T12:04' },
      end: '20T23:59',
      ends,
    }),
  ];
  const plan = planOf(lives);
  assert.deepEqual(told(plan), []);
  assert.deepEqual(
    plan.intervals.map((it) => it.epoch),
    [epochOf('20T00:00'), epochOf('20T12:04')],
  );
  const backwards = planOf(lives.toReversed());
  assert.deepEqual(backwards.intervals, plan.intervals);
  assert.deepEqual(told(backwards), []);
});

test('a segment that is not the one its inventory lists is a hole', () => {
  const whole = log({ start: '20T00:00', end: '21T00:02', ends: { [DAY]: 'day' } });
  const inventories = whole.inventories.map((it) => ({
    ...it,
    segments: it.segments.map((listed) =>
      listed.key.includes('/12/05-') ? { ...listed, sha256: 'another' } : listed,
    ),
  }));
  assert.deepEqual(told(planOf([whole])), []);
  assert.deepEqual(told(planOf([{ ...whole, inventories }])), [
    'segment_corrupt 20T12:05 20T12:10',
  ]);
});

test('who vanished before its take, with its host, is named where nobody else spoke', () => {
  const life = { start: '20T12:00', take: null, end: '20T12:04', ends: {} } as const;
  const vanished = log(life);
  const whole = goesOn({ start: '19T08:00' });
  assert.deepEqual(told(planOf([whole, vanished])), [], 'another spoke all day');
  const stopped = log({
    start: '19T08:00',
    end: '20T12:02',
    ends: { [EVE]: 'day', [DAY]: 'shutdown' },
  });
  const ended = 'epoch_ended 20T12:02 21T00:00';
  const missing = 'inventory_missing 20T12:04 21T00:00';
  assert.deepEqual(told(planOf([stopped, vanished])), [ended, missing]);
  const [, gap] = planOf([stopped, vanished]).gaps;
  assert.equal(gap?.epoch, epochOf('20T12:00'));
  // Its host came back and said that it had been a standby to its end.
  const returned = log({ ...life, ends: { [DAY]: 'crash' } });
  assert.deepEqual(told(planOf([stopped, returned])), [ended]);
  // The third took over from it: it had spoken, and that is lost with its host.
  const prev = { epoch: '20T12:00', t: '20T13:00' };
  const third = goesOn({ start: '20T13:01', take: '20T13:02', prev });
  assert.deepEqual(told(planOf([stopped, vanished, third])), [
    'handover 20T12:02 20T13:00',
    'inventory_missing 20T12:04 20T13:00',
  ]);
});

test('who took over saw more on the bus than RAW has: power took it, and the day lacks it', () => {
  const first = (end: string): Log =>
    log({ start: '19T08:00', end, ends: { [EVE]: 'day', [DAY]: 'crash' } });
  const prev = { epoch: '19T08:00', t: '20T12:09' };
  const second = (seen: string | null): Log => {
    const life = { start: '20T12:10', take: '20T12:11', prev } as const;
    return goesOn({ ...life, seen: seen === null ? null : { epoch: '19T08:00', t: seen } });
  };
  assert.deepEqual(told(planOf([first('20T12:07'), second('20T12:08')])), [
    'log_behind_bus 20T12:07 20T12:08',
  ]);
  // The bus has no more than the log: the take-over's own event tells of the hole.
  assert.deepEqual(told(planOf([first('20T12:08'), second('20T12:08')])), []);
  assert.deepEqual(told(planOf([first('20T12:08'), second(null)])), []);
  // Of the day before, and nothing of it is lost in this one.
  assert.deepEqual(told(planOf([first('20T12:08'), second('19T23:59')])), []);
});
