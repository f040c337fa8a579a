/** A `_capture` to build segments with. */
import type { Capture } from '../../schema/log.ts';

export const sampleCapture: Capture = {
  format: 1,
  feed: 'kraken',
  shard: 'tier1',
  epoch: 1_763_712_000_000,
  segment: 0,
  previous_sha256: null,
  origin: 'simulator',
  source: 'seed 1',
  location_id: 'lab',
  datacenter: 'none',
  host: 'host',
  proximity: 'remote',
  clock_source: 'ntp',
  clock_sync_status: 'synced',
  clock_offset_us: 12.5,
  clock_last_sync: null,
  connector_version: '0.1.0',
  connector_commit: 'unknown',
  connector_build: 'dev',
  normalizer: 'kraken@1',
  config_sha256: '0'.repeat(64),
};
