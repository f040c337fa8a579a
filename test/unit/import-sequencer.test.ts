/** The lines an import writes: how a log begins, passes midnight, goes backward, breaks off. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSequencer } from '../../connectors/import/sequencer.ts';
import type { Sequencer } from '../../connectors/import/sequencer.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import { FEEDS } from '../../connectors/registry.ts';
import type { FactKey, Facts } from '../../schema/log.ts';
import { NS_PER_DAY, NS_PER_SECOND, dayOf, parseIso } from '../../schema/time.ts';
import { hold } from '../support/property.ts';

type Line =
  | { readonly t: bigint; readonly key: FactKey; readonly fact: Facts[FactKey] }
  | { readonly t: bigint; readonly c: number; readonly text: string };

const config = {
  sha256: '0'.repeat(64),
  config: {
    feed: 'kraken',
    shard: 'import',
    symbols: [{ symbol: 'BTCUSD', external: 'BTC/USD', depth: 'l2' as const }],
    channels: ['trade'],
    book_depth: 10,
  },
};

function record(bad_times: string | null = null): {
  readonly sequencer: Sequencer;
  readonly epochs: { readonly epoch: number; readonly lines: Line[] }[];
} {
  const epochs: { epoch: number; lines: Line[] }[] = [];
  const push = (line: Line): void => void epochs.at(-1)?.lines.push(line);
  const sequencer = createSequencer({
    config,
    url: 'import:test',
    bad_times,
    sink: {
      begin: (epoch) => void epochs.push({ epoch, lines: [] }),
      frame: (t, c, bytes, from, to) =>
        push({ t, c, text: Buffer.from(bytes.subarray(from, to)).toString() }),
      fact: (t, key, fact) => push({ t, key, fact }),
      end: () => undefined,
    },
  });
  return { sequencer, epochs };
}

function frame(sequencer: Sequencer, t: bigint, text = '{}'): void {
  const bytes = new TextEncoder().encode(text);
  sequencer.frame(t, bytes, 0, bytes.length);
}

/** `_open c1 2026-11-20`, `frame c1`: lines in words. */
function words(lines: readonly Line[]): string[] {
  return lines.map((line) => {
    if (!('key' in line)) return `frame c${line.c}`;
    const fact: Readonly<Record<string, unknown>> = line.fact;
    const parts = [line.key, 'c' in fact && `c${String(fact['c'])}`, fact['day'], fact['bad']];
    return parts.filter((part) => part !== undefined && part !== false).join(' ');
  });
}

const at = (iso: string): bigint => {
  const t = parseIso(iso);
  assert.ok(t !== null);
  return t;
};

test('a log begins with its day and ends with its connection', () => {
  const { sequencer, epochs } = record();
  const t = at('2026-11-20T14:00:30.5Z');
  frame(sequencer, t);
  frame(sequencer, t + 5n);
  sequencer.finish();
  const [epoch] = epochs;
  assert.equal(epoch?.epoch, 1795183230500);
  assert.deepEqual(words(epoch.lines), [
    '_day 2026-11-20',
    '_config',
    '_open c1 2026-11-20',
    '_take',
    'frame c1',
    'frame c1',
    '_close c1',
  ]);
  assert.deepEqual(
    epoch.lines.slice(4).map((line) => line.t),
    [t, t + 5n, t + 6n],
  );
  assert.deepEqual([sequencer.counts.frames, sequencer.counts.nudged], [2, 0]);
});

test('the lines before the first frame stay in its minute and day', () => {
  const { sequencer, epochs } = record('made up');
  const t = at('2026-11-20T00:00:00Z');
  frame(sequencer, t);
  sequencer.finish();
  const lines = epochs[0]?.lines ?? [];
  assert.deepEqual(words(lines).slice(0, 3), ['_day 2026-11-20', '_config', '_clock true']);
  assert.equal(lines[0]?.t, t);
  assert.equal(sequencer.counts.nudged, 1);
});

test('midnight: the next day is opened before, begins exactly, and has a connection of its own', () => {
  const { sequencer, epochs } = record();
  const midnight = at('2026-11-21T00:00:00Z');
  frame(sequencer, midnight - 3_600_000_000_000n * 5n, 'a');
  frame(sequencer, midnight + 7n, 'b');
  sequencer.finish();
  const lines = epochs[0]?.lines ?? [];
  assert.deepEqual(words(lines).slice(4), [
    'frame c1',
    '_day 2026-11-21',
    '_config',
    '_open c2 2026-11-21',
    '_midnight 2026-11-21',
    '_close c1',
    'frame c2',
    '_close c2',
  ]);
  assert.equal(lines.find((line) => 'key' in line && line.key === '_midnight')?.t, midnight);
  assert.equal(lines.find((line) => 'text' in line && line.text === 'b')?.t, midnight + 7n);
  const day = lines[5];
  assert.ok(day !== undefined && 'fact' in day && midnight - day.t <= 1000n);
  assert.deepEqual(day.fact, { day: '2026-11-21', taken: true });
});

test('a hole of days ends the epoch; the next one knows of it', () => {
  const { sequencer, epochs } = record();
  const t = at('2026-11-20T12:00:00Z');
  frame(sequencer, t);
  frame(sequencer, t + 3n * NS_PER_DAY);
  sequencer.finish();
  assert.equal(epochs.length, 2);
  const [first, second] = epochs;
  const take = second?.lines.find((line) => 'key' in line && line.key === '_take');
  assert.ok(take !== undefined && 'fact' in take);
  assert.deepEqual(take.fact, {
    prev: { epoch: first?.epoch, t: `${first?.lines.at(-1)?.t}` },
    ids: {},
  });
});

test('times that go backward are moved; far back is said, and unsaid when they catch up', () => {
  const { sequencer, epochs } = record();
  const t = at('2026-11-20T12:00:30Z');
  frame(sequencer, t);
  frame(sequencer, t - 10n);
  frame(sequencer, t - 2n * NS_PER_SECOND);
  frame(sequencer, t - NS_PER_SECOND);
  frame(sequencer, t + NS_PER_SECOND);
  sequencer.finish();
  assert.deepEqual(words(epochs[0]?.lines ?? []).slice(4), [
    'frame c1',
    'frame c1',
    '_clock true',
    'frame c1',
    'frame c1',
    '_clock',
    'frame c1',
    '_close c1',
  ]);
  const { nudged, back_steps, nudged_ns_max } = sequencer.counts;
  assert.deepEqual([nudged, back_steps], [3, 1]);
  assert.equal(nudged_ns_max, 2n * NS_PER_SECOND + 3n);
});

test('a connection that was lost is closed, and the next frame opens another', () => {
  const { sequencer, epochs } = record();
  const t = at('2026-11-20T12:00:00Z');
  sequencer.open(t, 'wss://venue');
  frame(sequencer, t + 1000n);
  sequencer.lost();
  sequencer.lost();
  frame(sequencer, t + 5000n);
  sequencer.sent(t + 6000n, '{"op":"x"}');
  sequencer.open(t + 7000n, 'wss://venue/2');
  frame(sequencer, t + 8000n);
  sequencer.finish();
  assert.deepEqual(words(epochs[0]?.lines ?? []).slice(2), [
    '_open c1 2026-11-20',
    '_take',
    'frame c1',
    '_close c1',
    '_open c2 2026-11-20',
    'frame c2',
    '_sent c2',
    '_close c2',
    '_open c3 2026-11-20',
    'frame c3',
    '_close c3',
  ]);
});

test('nothing is imported: nothing is written', () => {
  const { sequencer, epochs } = record();
  sequencer.lost();
  sequencer.finish();
  assert.deepEqual(epochs, []);
  assert.deepEqual([sequencer.first(), sequencer.last()], [null, null]);
});

const kraken = FEEDS.get('kraken');
const steps = fc.array(
  fc.tuple(
    fc.oneof(
      fc.bigInt({ min: -3n * NS_PER_SECOND, max: 3n * NS_PER_SECOND }),
      fc.bigInt({ min: -20n, max: 20n }),
      fc.bigInt({ min: 0n, max: 3n * NS_PER_DAY }),
      fc.constantFrom(0n, NS_PER_DAY, NS_PER_DAY / 2n),
    ),
    fc.constantFrom('frame', 'frame', 'frame', 'open', 'sent', 'lost'),
  ),
  { maxLength: 40 },
);
const starts = fc.constantFrom(
  '2026-11-20T23:59:59.999999999Z',
  '2026-11-20T00:00:00Z',
  '2026-11-20T23:59:58Z',
);

test('whatever the times: t increases, frames keep their order, days begin and end as the fold wants', () => {
  assert.ok(kraken);
  hold(
    fc.property(starts, steps, fc.boolean(), (start, moves, bad) => {
      const { sequencer, epochs } = record(bad ? 'made up' : null);
      let t = at(start);
      const expected: string[] = [];
      moves.forEach(([move, what], index) => {
        t += move;
        if (t < at('2001-01-01T00:00:00Z')) t = at('2001-01-01T00:00:00Z');
        if (what === 'open') sequencer.open(t, `wss://${index}`);
        else if (what === 'sent') sequencer.sent(t, `sent ${index}`);
        else if (what === 'lost') sequencer.lost();
        else {
          expected.push(`{"n":${index}}`);
          frame(sequencer, t, `{"n":${index}}`);
        }
      });
      sequencer.finish();
      const lines = epochs.flatMap((epoch) => epoch.lines);
      assert.deepEqual(
        lines.flatMap((line) => ('text' in line ? [line.text] : [])),
        expected,
      );
      lines.forEach((line, index) =>
        assert.ok(index === 0 || line.t > (lines[index - 1]?.t ?? 0n)),
      );
      const ids = epochs.map(({ epoch }) => epoch);
      assert.ok(ids.every((id, index) => index === 0 || id > (ids[index - 1] ?? 0)));
      for (const epoch of epochs) checkEpoch(epoch.lines, bad);
    }),
    300,
  );
});

/** Rules of fold/SPEC.md that a log must keep, and the fold itself as the judge of the rest. */
function checkEpoch(lines: readonly Line[], bad: boolean): void {
  assert.ok(kraken);
  const fold = createShardFold(kraken, 'import');
  const open = new Map<number, string>();
  let day = '';
  for (const line of lines) {
    if (!('key' in line)) {
      const bytes = new TextEncoder().encode(`${line.text}\n`);
      assert.equal(open.get(line.c), dayOf(line.t), 'a frame’s connection serves its day');
      fold.frame(line.t, line.c, bytes, 0, bytes.length - 1);
      fold.out.clear();
      continue;
    }
    const { key, fact } = line;
    if (key === '_open' && 'url' in fact) open.set(fact.c, fact.day);
    if (key === '_close' && 'by' in fact) assert.ok(open.delete(fact.c));
    if (key === '_midnight' && 'day' in fact) {
      day = fact.day as string;
      assert.equal(line.t % NS_PER_DAY, 0n);
    }
    if (day === '' && key === '_day' && 'taken' in fact) day = fact.day;
    assert.equal(dayOf(line.t), day, 'every line lies in the day that was begun');
    fold.fact(line.t, key, fact);
    fold.out.clear();
  }
  assert.equal(open.size, 0, 'every connection was closed');
  const clocks = lines.filter((line) => 'key' in line && line.key === '_clock');
  const days = lines.filter((line) => 'key' in line && line.key === '_day');
  if (bad) assert.equal(clocks.length, days.length, 'bad times are said once a day');
}
