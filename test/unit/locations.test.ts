/** The registry of locations: what is in it, and everything that is wrong with it, at once. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FEEDS } from '../../connectors/registry.ts';
import { placeOf } from '../../connectors/runtime/provenance.ts';
import { readEnvironment } from '../../environments/env.ts';
import { knownFeeds } from '../../environments/known-feeds.ts';
import {
  LOCATIONS_FILE,
  loadLocations,
  locationOf,
  readLocations,
} from '../../environments/locations.ts';
import { LOCAL } from '../../schema/clock.ts';
import { SsmdError } from '../../schema/errors.ts';
import { projectRoot, readProjectFile } from '../support/project.ts';

const feeds = [...FEEDS.keys()];

const TWO = `locations:
  us-east-1a:
    datacenter: aws-us-east-1
    region: us-east
    cloud: aws
    proximity:
      kraken: remote
      coinbase: same-metro
    clock:
      source: ntp
      ntp_servers: [169.254.169.123]
      expected_accuracy_ms: 10
  equinix-ny5:
    datacenter: equinix-ny5
    proximity: { okx: exchange-colo }
    clock: { source: ptp, ptp_domain: 0, expected_accuracy_us: 50 }
`;

function faultsOf(text: string): readonly string[] {
  try {
    readLocations('locations.yaml', text, feeds);
  } catch (error) {
    assert.ok(error instanceof SsmdError && error.code === 'SSMD_INVALID_CONFIG', String(error));
    return error.message.split('\n').slice(1);
  }
  return [];
}

test('two locations, and the one that is always there', () => {
  const found = readLocations('locations.yaml', TWO, feeds);
  assert.deepEqual([...found.keys()], ['local', 'us-east-1a', 'equinix-ny5']);
  assert.deepEqual(found.get('us-east-1a'), {
    location_id: 'us-east-1a',
    datacenter: 'aws-us-east-1',
    region: 'us-east',
    cloud: 'aws',
    proximity: { kraken: 'remote', coinbase: 'same-metro' },
    clock: {
      source: 'ntp',
      ntp_servers: ['169.254.169.123'],
      ptp_domain: null,
      expected_accuracy_us: 10_000,
    },
  });
  assert.equal(found.get('equinix-ny5')?.clock.expected_accuracy_us, 50);
  assert.deepEqual(found.get('local'), LOCAL);
});

test('the shipped registry needs nothing configured, and a project without one has local', () => {
  assert.deepEqual([...loadLocations(projectRoot, feeds).keys()], ['local']);
  assert.deepEqual([...loadLocations('/nonexistent', feeds)], [['local', LOCAL]]);
  // The example its comment shows is one that is taken.
  const shown = readProjectFile(LOCATIONS_FILE)
    .split('\n')
    .filter((line) => line.startsWith('#   '))
    .map((line) => line.slice(2));
  const example = readLocations('example', `locations:\n${shown.join('\n')}\n`, feeds);
  assert.equal(example.get('us-east-1a')?.clock.expected_accuracy_us, 10_000);
});

test('every fault at once, each with its line and column', () => {
  const text = `locations:
  East:
    datacenter: a
  b:
    datacentre: b
  c:
    datacenter: c
    proximity: { krakn: remote, okx: near }
    clock: { source: ntpd, expected_accuracy_ms: 1 }
  d:
    datacenter: d
    proximity: { binance: remote }
    clock: { source: ntp, ptp_domain: 3, expected_accuracy_ms: 1, expected_accuracy_us: 2 }
`;
  assert.deepEqual(faultsOf(text), [
    '  locations.yaml:2:3: locations: "East": a location is lower-case letters, digits and dashes',
    '  locations.yaml:5:5: locations.b: unknown key "datacentre" (did you mean "datacenter"?)',
    '  locations.yaml:8:18: unknown feed "krakn" (did you mean "kraken"?)',
    '  locations.yaml:8:33: locations.c.proximity.okx: expected one of "exchange-colo"|"same-metro"|"remote"|"unknown", received "near"',
    '  locations.yaml:9:14: locations.c.clock.source: expected one of "hardware"|"ptp"|"gps"|"ntp", received "ntpd" (did you mean "ntp"?)',
    '  locations.yaml:12:18: unknown feed "binance" (one of binance-usdm, bybit-linear, coinbase, kraken, okx)',
    '  locations.yaml:13:27: ptp_domain says nothing of a clock kept by ntp (it belongs to source: ptp)',
    '  locations.yaml:13:67: expected_accuracy_ms and expected_accuracy_us are both given (keep one)',
  ]);
});

test('unsynced is nothing to configure, an empty file is no registry', () => {
  const unsynced = 'locations: { a: { datacenter: a, clock: { source: unsynced } } }';
  assert.match(faultsOf(unsynced).join(), /1:\d+: locations.a.clock.source: expected one of/);
  assert.match(faultsOf('').join(), /1:1: the file is empty/);
  assert.match(faultsOf('locations: [1]').join(), /1:1: locations: expected record/);
});

const environment = (capture: string) =>
  readEnvironment(
    'test.yaml',
    `apiVersion: ssmd/v1
kind: Environment
metadata: { name: test }
spec:
  symbols:
    BTCUSD: { feed: kraken, external: BTC/USD, tier: 1 }
  shards:
    tier1: { selector: { tier: 1 } }
  transport:
    type: nats
    subjects: { internal: 'internal.{shard}.{feed}.{type}.{symbol}', client: 'md.{feed}.{type}.{symbol}' }
  storage:
    raw: { bucket: test-raw, retention_days: -1 }
    normalized: { bucket: test-normalized, retention_days: -1 }
  jetstream: { retention_hours: 48, max_bytes: 1GB }
${capture}`,
    knownFeeds(FEEDS),
  );

test('an environment names its location, a variable that of one host', () => {
  const locations = readLocations('locations.yaml', TWO, feeds);
  const named = environment('  capture: { location_id: equinix-ny5 }\n');
  assert.equal(locationOf(named, locations, {}).datacenter, 'equinix-ny5');
  assert.equal(locationOf(named, locations, { SSMD_LOCATION: '' }).datacenter, 'equinix-ny5');
  const host = locationOf(named, locations, { SSMD_LOCATION: 'us-east-1a' });
  assert.deepEqual(placeOf(host, 'kraken'), {
    ...{ location_id: 'us-east-1a', datacenter: 'aws-us-east-1', proximity: 'remote' },
  });
  assert.equal(placeOf(host, 'okx').proximity, 'unknown');
  assert.deepEqual(locationOf(environment(''), locations, {}), LOCAL);
});

test('a location that is not registered is refused, with what was meant and who said it', () => {
  const locations = readLocations('locations.yaml', TWO, feeds);
  const odd = environment('  capture: { location_id: us-east-1b }\n');
  assert.throws(() => locationOf(odd, locations, {}), /spec.capture.location_id of .*us-east-1a/);
  assert.throws(
    () => locationOf(odd, locations, { SSMD_LOCATION: 'equinix-ny4' }),
    /SSMD_LOCATION is "equinix-ny4".*did you mean "equinix-ny5"/,
  );
});

test('a registry that is there and cannot be read is a fault of its own, in words', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'ssmd-locations-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, LOCATIONS_FILE), { recursive: true });
  assert.throws(() => loadLocations(root, feeds), { code: 'SSMD_INVALID_CONFIG' });
});
