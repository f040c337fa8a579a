/** The collector's parts: queue, partitions, writer, states, figures, negotiation of its metrics. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CollectorStatus } from '../../connectors/collector/collector.ts';
import { createLineLimit } from '../../connectors/collector/events.ts';
import {
  MINUTES_KEPT,
  NO_TOTALS,
  createRecentFigures,
} from '../../connectors/collector/figures.ts';
import { metricsJson, metricsText, wantsText } from '../../connectors/collector/metrics.ts';
import { batchesOf, fileName } from '../../connectors/collector/partitions.ts';
import { createFrameQueue } from '../../connectors/collector/queue.ts';
import type { RawRow } from '../../connectors/collector/raw-schema.ts';
import {
  STANDING_NOTE,
  createDowntime,
  readStanding,
} from '../../connectors/collector/standing.ts';
import { GAPS_PER_MINUTE_MAX, collectorState } from '../../connectors/collector/state.ts';
import { WRITE_RETRY_MS_MAX, createWriter } from '../../connectors/collector/writer.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import { NS_PER_SECOND, parseIso } from '../../schema/time.ts';
import { createBucketWholeFiles } from '../../storage/bucket-whole-files.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import { parquetTables } from '../../storage/parquet.ts';
import type { WholeFiles } from '../../storage/whole-files.ts';

const NOON = parseIso('2026-11-21T12:00:00Z') ?? 0n;

function row(sequence: number, more: Partial<RawRow> = {}): RawRow {
  return {
    ...{ exchange: 'okx', stream: 'trades', symbol: null, ts_event: null, ts_recv: NOON },
    ...{ connection: 'r.1', sequence, payload: new Uint8Array(100), ...more },
  };
}

test('the queue is bounded by frames and by bytes, and what is being written takes room', () => {
  const queue = createFrameQueue({ frames_max: 3, bytes_max: 1_500 });
  assert.deepEqual(
    [1, 2, 3, 4].map((at) => queue.offer(row(at))),
    [true, true, true, false],
  );
  assert.equal(queue.usage().ratio, 1);
  const taken = queue.take();
  assert.deepEqual(
    taken.map((it) => it.sequence),
    [1, 2, 3],
  );
  assert.equal(queue.offer(row(5)), false);
  queue.release(taken.slice(0, 2));
  assert.equal(queue.offer(row(6, { payload: new Uint8Array(1_400) })), false, 'bytes');
  assert.equal(queue.offer(row(7)), true);
  queue.release(taken.slice(2));
  queue.release(queue.take());
  assert.deepEqual(queue.usage(), { frames: 0, bytes: 0, ratio: 0 });
});

test('rows go to folders by exchange, stream and the hour of their reception, in order', () => {
  const next = NOON + 3600n * NS_PER_SECOND;
  const rows = [
    row(1, { ts_recv: next - 1n }),
    row(2, { stream: 'depth@100ms', ts_event: NOON - 7200n * NS_PER_SECOND }),
    row(3, { ts_recv: next }),
    row(4, { stream: '../x' }),
    row(5, { ts_recv: next - 2n }),
  ];
  assert.deepEqual(
    batchesOf(rows).map((it) => [it.folder, it.rows.map((own) => own.sequence)]),
    [
      ['okx/trades/date=2026-11-21/hour=12', [1, 5]],
      ['okx/depth%40100ms/date=2026-11-21/hour=12', [2]],
      ['okx/trades/date=2026-11-21/hour=13', [3]],
      ['okx/..%2Fx/date=2026-11-21/hour=12', [4]],
    ],
  );
  assert.equal(fileName('1-a', 42), '1-a-00000042.parquet');
});

describe('the writer', () => {
  /** Files that fail while `failing` says so, on a virtual clock. */
  function rig() {
    const clock = virtualClock(NOON);
    const store = createMemoryObjectStore();
    const real = createBucketWholeFiles({ store, bucket: 'b', prefix: '' });
    const failing = { now: false, below: '', slow_ms: 0 };
    const files: WholeFiles = {
      ...real,
      async put(path, bytes) {
        if (failing.slow_ms > 0 && !path.startsWith(failing.below)) {
          await new Promise<void>((resolve) => void clock.setTimeout(resolve, failing.slow_ms));
        }
        return failing.now && path.startsWith(failing.below)
          ? Promise.reject(new Error('no space'))
          : real.put(path, bytes);
      },
    };
    const queue = createFrameQueue({ frames_max: 1_000, bytes_max: 1e6 });
    const durable = { flushes: 0 };
    const writer = createWriter({
      ...{ clock, queue, files, openTable: parquetTables('test'), run: 'r' },
      onFlush: () => () => Promise.resolve(void (durable.flushes += 1)),
      onFault: (error) => assert.fail(String(error)),
    });
    const pass = (seconds: number): Promise<void> =>
      clock.runUntil(clock.nowNs() + BigInt(Math.round(seconds * 1000)) * 1_000_000n);
    return { clock, store, files, failing, queue, writer, durable, pass };
  }

  test('flushes every two seconds, one file a partition, and what is left at the end', async () => {
    const { store, queue, writer, durable, pass } = rig();
    writer.start();
    queue.offer(row(1));
    queue.offer(row(2, { exchange: 'bybit-linear' }));
    await pass(1.9);
    assert.equal(writer.counts().files, 0);
    await pass(0.2);
    assert.deepEqual([writer.counts().files, writer.counts().frames, durable.flushes], [2, 2, 1]);
    queue.offer(row(3));
    await writer.close();
    const keys: string[] = [];
    for await (const { key } of store.list('')) keys.push(key);
    assert.deepEqual(keys.sort(), [
      'bybit-linear/trades/date=2026-11-21/hour=12/r-00000002.parquet',
      'okx/trades/date=2026-11-21/hour=12/r-00000001.parquet',
      'okx/trades/date=2026-11-21/hour=12/r-00000003.parquet',
    ]);
    assert.equal(queue.usage().frames, 0);
  });

  test('at the end gives up within the bound of one file, however many wait', async () => {
    const { clock, failing, queue, writer, pass } = rig();
    failing.now = true;
    writer.start();
    queue.offer(row(1));
    await pass(4);
    for (let hour = 0; hour < 20; hour++) {
      queue.offer(row(2 + hour, { ts_recv: NOON + BigInt(hour) * 3600n * NS_PER_SECOND }));
    }
    const asked_ns = clock.nowNs();
    let ended_ns: bigint | null = null;
    void writer.close().then(() => (ended_ns = clock.nowNs()));
    await pass(2 * (WRITE_RETRY_MS_MAX / 1000));
    assert.ok(ended_ns !== null, 'it has ended');
    assert.ok(
      ended_ns - asked_ns <= BigInt(WRITE_RETRY_MS_MAX) * 1_000_000n,
      `${ended_ns - asked_ns}`,
    );
    assert.equal(writer.counts().lost, 21);
  });

  test('tries a file again within its bound, and meanwhile the queue holds', async () => {
    const { failing, queue, writer, pass } = rig();
    failing.now = true;
    writer.start();
    queue.offer(row(1));
    await pass(12);
    assert.equal(writer.failure(), null);
    assert.equal(queue.usage().frames, 1, 'still in it');
    assert.ok(writer.counts().failures >= 4 && writer.counts().lost === 0);
    queue.offer(row(2));
    failing.now = false;
    await pass(8);
    assert.deepEqual([writer.counts().frames, writer.counts().lost], [2, 0]);
  });

  test('gives a file up after the bound, counts its frames, and goes on', async () => {
    const { failing, queue, writer, durable, pass } = rig();
    failing.now = true;
    writer.start();
    queue.offer(row(1));
    queue.offer(row(2));
    await pass(WRITE_RETRY_MS_MAX / 1000 + 5);
    assert.equal(writer.failure(), 'no space');
    assert.deepEqual([writer.counts().lost, queue.usage().frames, durable.flushes], [2, 0, 0]);
    failing.now = false;
    queue.offer(row(3));
    await pass(6);
    assert.deepEqual([writer.failure(), writer.counts().frames], [null, 1]);
  });

  test('a file that is put does not hide that another of its flush was given up', async () => {
    const { failing, queue, writer, durable, pass } = rig();
    Object.assign(failing, { now: true, below: 'okx/', slow_ms: WRITE_RETRY_MS_MAX + 2_000 });
    writer.start();
    queue.offer(row(1));
    queue.offer(row(2, { exchange: 'bybit-linear' }));
    await pass(WRITE_RETRY_MS_MAX / 1000 + 10);
    assert.deepEqual([writer.counts().lost, writer.counts().frames], [1, 1]);
    assert.deepEqual([writer.failure(), durable.flushes], ['no space', 0]);
  });
});

test('states come in this order: a fault or a writer that failed, no socket, pressure, ready', () => {
  const calm = {
    ...{ fault: null, writer_failure: null, connections: 2, connections_open: 2 },
    venues_away: [],
    ...{ queue_ratio: 0.8, drops: 0, gaps: GAPS_PER_MINUTE_MAX },
  };
  const stateOf = (more: Partial<typeof calm> | object): string =>
    collectorState({ ...calm, ...more }).state;
  assert.equal(stateOf({}), 'READY');
  assert.equal(stateOf({ queue_ratio: 0.81 }), 'DEGRADED');
  assert.equal(stateOf({ drops: 1 }), 'DEGRADED');
  assert.equal(stateOf({ gaps: GAPS_PER_MINUTE_MAX + 1 }), 'DEGRADED');
  assert.equal(stateOf({ connections_open: 1 }), 'READY');
  assert.deepEqual(collectorState({ ...calm, connections_open: 1, venues_away: ['okx'] }), {
    ...{ state: 'DEGRADED', reasons: ['no socket of okx is open'] },
  });
  assert.equal(stateOf({ connections_open: 0, drops: 1 }), 'OFFLINE');
  assert.equal(stateOf({ connections_open: 0, writer_failure: 'no space' }), 'ERROR');
  assert.equal(stateOf({ fault: 'broken' }), 'ERROR');
});

test('the last fifteen minutes forget what was before, and know the fullest the queue was', () => {
  const figures = createRecentFigures(0);
  for (let minute = 0; minute < 40; minute++) {
    const totals = { ...NO_TOTALS, frames: (minute + 1) * 60, gaps: minute };
    figures.add(
      minute * 60_000 + 59_000,
      totals,
      minute === 20 || minute === 30 ? minute / 100 : 0,
    );
  }
  const { minutes, totals, frames_per_second, queue_ratio_max } = figures.read();
  assert.deepEqual([minutes, totals.frames, totals.gaps], [MINUTES_KEPT, 900, 15]);
  assert.deepEqual([frames_per_second, queue_ratio_max], [1, 0.3]);
  const begun = createRecentFigures(30_000);
  begun.add(40_000, { ...NO_TOTALS, frames: 100 }, 0);
  assert.deepEqual([begun.read().minutes, begun.read().frames_per_second], [1, 10]);
});

test('lines over the limit are counted in the next', () => {
  let now = 0;
  const limit = createLineLimit(2, () => now);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => limit.pass()?.suppressed ?? null),
    [0, 0, null, null],
  );
  now = 1_000;
  assert.equal(limit.pass()?.suppressed, 2);
});

test('metrics are text for who asks for it, JSON for everybody else', () => {
  const scraper =
    'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
  for (const accept of ['text/plain', 'application/openmetrics-text', scraper, 'text/plain, */*']) {
    assert.equal(wantsText(accept), true, accept);
  }
  const browser = 'text/html,application/xhtml+xml,*/*;q=0.8';
  const both = 'application/json, text/plain, */*';
  for (const accept of ['', '*/*', 'application/json', browser, both, 'text/plain;q=0']) {
    assert.equal(wantsText(accept), false, accept);
  }
});

test('each figure is its own, as JSON and as text', () => {
  const totals = { frames: 1, bytes: 2, queue_full: 3, too_large: 4, connects: 5, disconnects: 6 };
  const writer = { frames: 7, bytes: 8, files: 9, failures: 10, lost: 11 };
  const queue = { frames: 12, bytes: 13, ratio: 0.14 };
  const offline = { minutes: 15, gaps_total: 16 };
  const kinds = { gaps: { time: 17 }, alarms: { silent: 18 } };
  const status = {
    ...{ state: 'READY', uptime_s: 19, totals, writer, queue, offline, ...kinds },
  } as unknown as CollectorStatus;
  const figures = {
    ...{ up: 1, uptime_seconds: 19, frames_total: 1, bytes_total: 2, frames_written_total: 7 },
    ...{ files_total: 9, file_bytes_total: 8, write_failures_total: 10, write_lost_total: 11 },
    ...{ queue_full_drops_total: 3, too_large_total: 4, connects_total: 5, disconnects_total: 6 },
    ...{ queue_frames: 12, queue_bytes: 13, queue_ratio: 0.14 },
    ...{ offline_minutes: 15, offline_gaps: 16 },
  };
  const named = { state: 'READY', gaps_total: { time: 17 }, alarms_total: { silent: 18 } };
  assert.deepEqual(metricsJson(status), { ...figures, ...named });
  const lines = metricsText(status).split('\n');
  for (const [name, value] of Object.entries(figures)) {
    assert.ok(lines.includes(`ssmd_collector_${name} ${value}`), name);
  }
  assert.ok(lines.includes('ssmd_collector_gaps_total{kind="time"} 17'));
  assert.ok(lines.includes('ssmd_collector_state{state="READY"} 1'));
  assert.ok(lines.includes('ssmd_collector_state{state="ERROR"} 0'));
});

test('a note that cannot be understood is none; times in it that are none are left out', async () => {
  const store = createMemoryObjectStore();
  const files = createBucketWholeFiles({ store, bucket: 'b', prefix: '' });
  const put = (text: string): Promise<void> => files.writeNote(STANDING_NOTE, Buffer.from(text));
  for (const text of ['', '{', '[]', 'null', '{"format":2,"last_recv":"1"}', '{"format":1}']) {
    await put(text);
    assert.equal(await readStanding(files), null, text);
  }
  const streams = { okx: { books: { A: '7', B: 8, C: '-1' }, x: 3 }, y: null };
  await put(JSON.stringify({ format: 1, last_recv: `${NOON}`, streams }));
  assert.deepEqual(await readStanding(files), {
    last_recv: NOON,
    streams: { okx: { books: { A: '7' }, x: {} }, y: {} },
  });
});

test('the window of a restart is in minutes, none without a note, never negative', () => {
  assert.equal(createDowntime(null).window(NOON), null);
  const downtime = createDowntime({ last_recv: NOON, streams: {} });
  assert.deepEqual(downtime.window(NOON + 90n * NS_PER_SECOND), {
    ...{ from: '2026-11-21T12:00:00.000000000Z', to: null, minutes: 1.5, gaps: {}, gaps_total: 0 },
  });
  downtime.frame(NOON - NS_PER_SECOND);
  downtime.frame(NOON + 60n * NS_PER_SECOND);
  downtime.gap('okx', 'restart');
  downtime.gap('okx', 'time');
  const window = downtime.window(NOON + 900n * NS_PER_SECOND);
  assert.deepEqual([window?.minutes, window?.gaps, window?.gaps_total], [0, { okx: 1 }, 1]);
});
