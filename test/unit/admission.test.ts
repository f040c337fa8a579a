/** What a job says to its input: everything that is wrong with it, at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admit } from '../../activities/admission.ts';
import type { Known } from '../../activities/admission.ts';
import { JOB_TYPES } from '../../schema/jobs.ts';
import type { JobType } from '../../schema/jobs.ts';
import { parseIso, unixNs } from '../../schema/time.ts';

const KNOWN: Known = {
  feeds: ['binance-usdm', 'kraken'],
  shards: [
    { feed: 'binance-usdm', shard: 'perps' },
    { feed: 'kraken', shard: 'tier1' },
    { feed: 'kraken', shard: 'tier2' },
  ],
  now: parseIso('2026-11-22T06:00:00Z') ?? unixNs(0n),
};

function refusal(type: JobType, input: unknown): { code: string; message: string } {
  const said = admit(KNOWN, { type, input }).refusal;
  assert.ok(said !== null, `${type} takes ${JSON.stringify(input)}`);
  return said;
}

test('every bad field is named at once: a feed that is not ours among the others', () => {
  const input = { feed: 'krakn', day: '2026-02-30', versoin: 'v1' };
  for (const type of ['daily-qa', 'audit'] as const) {
    const { code, message } = refusal(type, { ...input, version: '1' });
    assert.equal(code, 'SSMD_INVALID_INPUT');
    for (const line of [
      `the input of ${type} has 4 faults`,
      'feed: "krakn" is not a feed of this environment (it has binance-usdm, kraken; did you mean "kraken"?)',
      'day: "2026-02-30" is not a day (a UTC day as YYYY-MM-DD, such as 2026-11-21',
      'version: "1" is no version (such as "v1" or "v1.1")',
      'A valid example: {"feed":"binance-usdm","day":"2026-11-21"}',
    ]) {
      assert.ok(message.includes(line), `${line}\nis not in\n${message}`);
    }
    assert.match(message, /versoin: is not known \(known are [^;]*; did you mean "version"\?\)/);
  }
});

test('each job names its own faults beside an unknown feed', () => {
  const { message: archive } = refusal('daily-archive', { feed: 7, force: 'yes', qa: 0, dya: 1 });
  assert.match(archive, /has 4 faults/);
  assert.match(archive, /feed: 7 is not a feed of this environment/);
  assert.match(archive, /force: "yes" is neither true nor false/);
  assert.match(archive, /qa: 0 is neither/);
  assert.match(archive, /dya: is not known .*did you mean "day"\?/);
  const { message: tier } = refusal('archive-tier', { feed: 'krakn', shard: 'tier9' });
  assert.match(tier, /has 2 faults/);
  assert.match(tier, /shard: "tier9" is not a shard \(there is perps, tier1, tier2\)/);
  assert.match(tier, /A valid example: \{"feed":"binance-usdm","shard":"perps"\}/);
  for (const type of ['daily-archive', 'daily-qa'] as const) {
    const { message } = refusal(type, {});
    assert.match(message, /feed: is missing \(this environment has binance-usdm, kraken\)/);
  }
});

test('a shard has to be one of the feed', () => {
  const { message } = refusal('archive-tier', { feed: 'kraken', shard: 'perps' });
  assert.match(message, /"perps" is not a shard of kraken \(there is tier1, tier2\)/);
  const admitted = admit(KNOWN, { type: 'archive-tier', input: { shard: 'tier2' } });
  assert.ok(admitted.refusal === null);
  assert.deepEqual(admitted.shards, [{ feed: 'kraken', shard: 'tier2' }]);
});

test('a day that is not over is refused by all, alone by its code, else among the others', () => {
  for (const type of ['daily-archive', 'daily-qa', 'audit'] as const) {
    for (const day of ['2026-11-22', '2026-11-23']) {
      const alone = refusal(type, { feed: 'kraken', day });
      assert.equal(alone.code, 'SSMD_DAY_NOT_OVER', type);
      assert.match(alone.message, /market still open until 2026-11-2[34]T00:00:00Z/);
    }
    const among = refusal(type, { feed: 'krakn', day: '2026-11-22' });
    assert.equal(among.code, 'SSMD_INVALID_INPUT');
    assert.match(among.message, /2 faults[^]*market still open until 2026-11-23T00:00:00Z/);
  }
  assert.match(refusal('audit', { day: '1999-01-01' }).message, /"1999-01-01" is not a day/);
});

test('what is no object is one fault, and a flood of fields does not flood the error', () => {
  for (const type of JOB_TYPES) {
    for (const input of ['kraken', ['kraken'], 7, true]) {
      assert.match(refusal(type, input).message, /expected one JSON object, received an? \w+/);
    }
  }
  const fields = Array.from({ length: 5000 }, (_, at) => [`${'x'.repeat(200)}${at}`, at]);
  const { message } = refusal('audit', Object.fromEntries(fields));
  assert.ok(message.length < 10_000, `${message.length} characters`);
  assert.match(message, /has 4960 more faults/);
  const { message: proto } = refusal('audit', JSON.parse('{"__proto__":1,"toString":2}'));
  assert.match(proto, /has 2 faults/);
});

test('an audit: a day, or a range of which no single version is meant', () => {
  const range = { from: '2026-11-01', to: '2026-11-20' };
  for (const input of [{}, { deep: true }, range, { ...range, deep: true, feed: 'kraken' }]) {
    assert.equal(admit(KNOWN, { type: 'audit', input }).refusal, null, JSON.stringify(input));
  }
  const { message } = refusal('audit', { ...range, day: '2026-11-20', version: 'v1', deep: 1 });
  assert.match(message, /has 3 faults/);
  assert.match(message, /day: stands beside a range/);
  assert.match(message, /version: stands beside a range/);
});

test('a backfill takes days that still run, and says so itself', () => {
  const range = { feed: 'kraken', from: '2026-11-20', to: '2026-11-23' };
  assert.equal(admit(KNOWN, { type: 'backfill', input: range }).refusal, null);
  const { message } = refusal('backfill', { ...range, to: '2026-11-19', dry_run: 'yes' });
  assert.match(message, /has 2 faults[^]*to: "2026-11-19" is before "2026-11-20", its begin/);
});

test('what is left out is filled in', () => {
  for (const input of [undefined, null, {}]) {
    const all = admit(KNOWN, { type: 'audit', input });
    assert.ok(all.refusal === null);
    assert.deepEqual([all.feeds, all.day], [['binance-usdm', 'kraken'], '2026-11-21']);
    assert.equal(all.shards.length, 3);
  }
  const one = admit(KNOWN, { type: 'daily-archive', input: { feed: 'kraken', day: '2026-11-20' } });
  assert.ok(one.refusal === null);
  assert.deepEqual([one.feeds, one.day, one.shards.length], [['kraken'], '2026-11-20', 2]);
});

test('a replay: a span in order, of days that are over, at a speed', () => {
  const fault = (input: object): string => refusal('replay', { feed: 'kraken', ...input }).message;
  const at = (text: string): string => `2026-11-20T${text}:00Z`;
  for (const input of [
    ...[{}, { day: '2026-11-20' }, { from: at('10:00') }, { to: '2026-11-20' }],
    { from: at('10:00'), to: at('10:01'), speed: 'max', id: 'noon', keep: true },
    { from: '2026-11-01', to: '2026-11-22', speed: 0.1, types: ['trade'], symbols: ['BTCUSD'] },
  ]) {
    assert.equal(
      admit(KNOWN, { type: 'replay', input: { feed: 'kraken', ...input } }).refusal,
      null,
    );
  }
  assert.match(
    fault({ from: at('10:00'), to: at('10:00') }),
    /1 fault:\n +from: .* is not before .*, its end/,
  );
  assert.match(fault({ from: 'noon' }), /from: "noon" is no instant \(ISO text with a zone/);
  assert.match(fault({ from: '2026-11-20T10:00:00' }), /is no instant/);
  assert.match(fault({ day: '2026-11-20', to: at('10:00') }), /day: stands beside a span/);
  assert.match(fault({ to: '2026-11-22T00:00:01Z' }), /to: market still open until 2026-11-23/);
  assert.match(
    fault({ from: '2026-10-01', to: '2026-11-20' }),
    /from: 50 days \(a replay has at most 31/,
  );
  for (const speed of [0, -1, 10_001, '2', null, Number.NaN]) {
    assert.match(fault({ speed }), /is no speed \(a number from 0\.1 to 10000/);
  }
  assert.match(fault({ id: 'a.b' }), /"a\.b" is no name of a replay/);
});

test('the example that each job gives is one it takes', () => {
  for (const type of JOB_TYPES) {
    const { message } = refusal(type, { nonsense: 1 });
    const [, example = ''] = /A valid example: (.*)$/m.exec(message) ?? [];
    assert.equal(admit(KNOWN, { type, input: JSON.parse(example) }).refusal, null, message);
  }
});
