/** What clock keepers print, in the formats their manuals give, and what is made of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  readAdjtimex,
  readChrony,
  readNtpq,
  readPmc,
  readTimedatectl,
  readTimesyncd,
  spanUs,
} from '../../connectors/runtime/clock-answers.ts';
import type { ClockAnswer } from '../../connectors/runtime/clock-answers.ts';
import {
  CLOCK_QUESTIONS,
  CLOCK_SYNC_AGE_MS_MAX,
  healthOf,
  judgeClock,
} from '../../connectors/runtime/clock-health.ts';
import { LOCAL, UNSYNCED } from '../../schema/clock.ts';
import type { Location } from '../../schema/clock.ts';
import { SAMPLES } from '../support/clock-samples.ts';

const NOW_MS = 1763712060_000;

const expecting = (of: Partial<Location['clock']>): Location['clock'] => ({
  ...LOCAL.clock,
  ...of,
});

test('chrony: an NTP server, slow of it by 12 us', () => {
  assert.deepEqual(readChrony(SAMPLES.chrony_ntp), {
    by: 'chronyc',
    synchronized: true,
    source: 'ntp',
    offset_us: -12,
    last_sync_ms: 1763712000500,
  });
});

test('chrony: a PTP hardware clock, a GPS pulse, its own clock, nothing', () => {
  assert.equal(readChrony(SAMPLES.chrony_phc)?.source, 'ptp');
  assert.equal(readChrony(SAMPLES.chrony_pps)?.source, 'gps');
  // A host whose name begins as a reference clock's does is a host.
  const host = SAMPLES.chrony_ntp.replace('162.159.200.123', 'gps.example.net');
  assert.equal(readChrony(host)?.source, 'ntp');
  for (const text of [SAMPLES.chrony_local, SAMPLES.chrony_unsynced]) {
    const said = readChrony(text);
    assert.deepEqual([said?.synchronized, said?.source, said?.offset_us], [false, null, null]);
  }
});

test('linuxptp: a grandmaster, and none', () => {
  assert.deepEqual(readPmc(SAMPLES.pmc), {
    ...{ by: 'pmc', synchronized: true, source: 'ptp', offset_us: -12, last_sync_ms: null },
  });
  assert.equal(readPmc(SAMPLES.pmc.replace('true', 'false'))?.synchronized, false);
  // The daemon is away: pmc prints what it sent, and ends well.
  assert.equal(readPmc('sending: GET TIME_STATUS_NP\n'), null);
});

test('systemd-timesyncd: its offset is of the server against us', () => {
  assert.deepEqual(readTimesyncd(SAMPLES.timesync, 1763712000500), {
    by: 'timesyncd',
    synchronized: true,
    source: 'ntp',
    offset_us: -1219,
    last_sync_ms: 1763712000500,
  });
  const early = SAMPLES.timesync.replace('Packet count: 41', 'Packet count: 0');
  assert.equal(readTimesyncd(early, null)?.synchronized, false);
  for (const stratum of [0, 16]) {
    const none = SAMPLES.timesync.replace('Stratum: 3', `Stratum: ${stratum}`);
    assert.equal(readTimesyncd(none, null)?.synchronized, false, `stratum ${stratum}`);
  }
});

test('time spans of systemd', () => {
  assert.equal(spanUs('+1.219ms'), 1219);
  assert.equal(spanUs('-830us'), -830);
  assert.equal(spanUs('+1min 2.5s'), 62_500_000);
  assert.equal(spanUs('0'), 0);
  for (const text of ['', 'n/a', '+', '12', '1.2.3s', '+1fortnight']) {
    assert.equal(spanUs(text), null, text);
  }
});

test('ntpd: synchronized, by what, off by how many ms', () => {
  assert.deepEqual(readNtpq(SAMPLES.ntpq), {
    by: 'ntpq',
    synchronized: true,
    source: 'ntp',
    offset_us: 123,
    last_sync_ms: 1763712000500,
  });
  assert.equal(readNtpq(SAMPLES.ntpq.replace('refid=17.253.4.125', 'refid=.GPS.'))?.source, 'gps');
  assert.equal(readNtpq(SAMPLES.ntpq.replace('leap=00', 'leap=11'))?.synchronized, false);
  assert.equal(readNtpq(SAMPLES.ntpq.replace('sync_ntp', 'sync_local'))?.synchronized, false);
});

test('the kernel: synchronized or not, and by which of its loops', () => {
  const synced = readAdjtimex(SAMPLES.adjtimex);
  assert.deepEqual([synced?.synchronized, synced?.source, synced?.offset_us], [true, 'ntp', 43]);
  const not = readAdjtimex(SAMPLES.adjtimex.replace('status: 8193', 'status: 64'));
  assert.deepEqual([not?.synchronized, not?.source, not?.offset_us], [false, null, null]);
  const error = SAMPLES.adjtimex.replace('return value = 0', 'return value = 5');
  assert.equal(readAdjtimex(error)?.synchronized, false);
  // Somebody keeps it by its rate alone, as phc2sys does: by what is not the kernel's to know.
  const rate = readAdjtimex(SAMPLES.adjtimex.replace('status: 8193', 'status: 8192'));
  assert.deepEqual([rate?.synchronized, rate?.source, rate?.offset_us], [true, null, null]);
});

test('timedatectl: the kernel takes it to be synchronized', () => {
  const said = readTimedatectl(SAMPLES.timedatectl);
  assert.deepEqual([said?.synchronized, said?.source], [true, 'ntp']);
  const guest = readTimedatectl(SAMPLES.timedatectl.replace('\nNTP=yes', '\nNTP=no'));
  assert.deepEqual([guest?.synchronized, guest?.source], [true, null]);
});

test('nonsense is no answer, whoever gives it', () => {
  const nonsense = [
    '',
    '506 Cannot talk to daemon',
    ',,,,,,,,,,,,,',
    'A29FC87B,x,3,NaN,Infinity,0,0,0,0,0,0,0,0,Normal',
    'Failed to connect to bus: Host is down',
    '/usr/bin/ntpq: read: Connection refused',
    'TIME_STATUS_NP gmPresent maybe\n\t\tmaster_offset -\n',
    'Server:\nOffset: soon\n',
    'status: up\noffset: none\n',
    '{"synchronized": true}',
    '\0'.repeat(1_000),
    '9'.repeat(60_000),
  ];
  for (const text of nonsense) {
    for (const { by, read } of CLOCK_QUESTIONS)
      assert.equal(read(text, null), null, `${by} ${text}`);
  }
});

test('an offset of more than a day is none', () => {
  const mad = SAMPLES.chrony_ntp.replace('0.000012345', '1e9');
  assert.deepEqual([readChrony(mad)?.synchronized, readChrony(mad)?.offset_us], [true, null]);
});

const answer = (of: Partial<ClockAnswer>): ClockAnswer => ({
  ...{ by: 'chronyc', synchronized: true, source: 'ntp', offset_us: 5, last_sync_ms: null },
  ...of,
});

test('nobody answers: unsynced, never invented', () => {
  const reading = judgeClock([], expecting({ source: 'ptp' }), NOW_MS);
  assert.deepEqual(healthOf(reading), UNSYNCED);
  assert.equal(reading.by, null);
  assert.match(reading.notes[0] ?? '', /asked were chronyc, pmc, timedatectl, ntpq, adjtimex/);
});

test('what is configured is expected, and never recorded in place of what is', () => {
  const reading = judgeClock([answer({})], expecting({ source: 'ptp' }), NOW_MS);
  assert.equal(reading.clock_source, 'ntp');
  assert.equal(reading.clock_sync_status, 'synced');
  assert.deepEqual(reading.notes, ['the clock is kept by ntp, the location expects ptp']);
});

test('off by more than the location expects, or by nobody knows how much: degraded', () => {
  const at = (offset_us: number | null, expected_accuracy_us: number): string =>
    judgeClock([answer({ offset_us })], expecting({ expected_accuracy_us }), NOW_MS)
      .clock_sync_status;
  assert.equal(at(50, 50), 'synced');
  assert.equal(at(-50, 50), 'synced');
  assert.equal(at(-51, 50), 'degraded');
  assert.equal(at(51, 50), 'degraded');
  assert.equal(at(null, 50), 'degraded');
});

test('a keeper that goes on saying what it said hours ago: degraded, and told', () => {
  const at = (last_sync_ms: number | null): readonly unknown[] => {
    const reading = judgeClock([answer({ last_sync_ms })], LOCAL.clock, NOW_MS);
    return [reading.clock_source, reading.clock_sync_status, ...reading.notes];
  };
  assert.deepEqual(at(NOW_MS - CLOCK_SYNC_AGE_MS_MAX), ['ntp', 'synced']);
  assert.deepEqual(at(NOW_MS - 2 * CLOCK_SYNC_AGE_MS_MAX), [
    ...['ntp', 'degraded', 'chronyc set the clock right 6 h ago, and not since'],
  ]);
  // Of when nobody says anything nothing can be held against it.
  assert.deepEqual(at(null), ['ntp', 'synced']);
  const { clock_sync_status } = judgeClock(
    [readTimesyncd(SAMPLES.timesync, NOW_MS - 86_400_000) ?? assert.fail()],
    LOCAL.clock,
    NOW_MS,
  );
  assert.equal(clock_sync_status, 'degraded');
});

test('the first that vouches for the clock is believed; one that says no does not outvote it', () => {
  const not = answer({ synchronized: false, source: null, offset_us: null });
  const ptp = answer({ by: 'pmc', source: 'ptp', offset_us: -2 });
  const reading = judgeClock([not, ptp, answer({ by: 'ntpq' })], LOCAL.clock, NOW_MS);
  assert.deepEqual([reading.by, reading.clock_source, reading.clock_offset_us], ['pmc', 'ptp', -2]);
  const nobody = judgeClock([{ ...not, last_sync_ms: 0.5e12 }, not], LOCAL.clock, NOW_MS);
  assert.equal(nobody.clock_sync_status, 'unsynced');
  assert.equal(nobody.clock_last_sync, '1985-11-05T00:53:20.000Z');
});

test('synchronized by nobody knows what is unsynced: no level can be claimed for it', () => {
  const kernel = answer({ by: 'timedatectl', source: null, offset_us: null });
  const reading = judgeClock([kernel], LOCAL.clock, NOW_MS);
  assert.deepEqual([reading.clock_source, reading.clock_sync_status], ['unsynced', 'unsynced']);
  assert.match(reading.notes[0] ?? '', /nobody says by what/);
});
