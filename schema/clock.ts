/** How well the clock of a capture was kept: the words of `_capture`, of manifests and of filters. */

/** What disciplines a clock, best first; `unsynced`: nothing that is known. */
export const CLOCK_SOURCES = ['hardware', 'ptp', 'gps', 'ntp', 'unsynced'] as const;
export type ClockSource = (typeof CLOCK_SOURCES)[number];

/**
 * - `synced`: disciplined, and off by no more than the location expects
 * - `degraded`: disciplined, and off by more, or by nobody knows how much, or not for hours
 * - `unsynced`: not disciplined, as far as anybody here knows
 */
export const CLOCK_STATUSES = ['synced', 'degraded', 'unsynced'] as const;
export type ClockStatus = (typeof CLOCK_STATUSES)[number];

export const PROXIMITIES = ['exchange-colo', 'same-metro', 'remote', 'unknown'] as const;
export type Proximity = (typeof PROXIMITIES)[number];

/** As `_capture` says it. `clock_offset_us`: ours minus true time, null where nobody said. */
export type ClockHealth = {
  readonly clock_source: ClockSource;
  readonly clock_sync_status: ClockStatus;
  readonly clock_offset_us: number | null;
  /** RFC 3339; null where nobody said. */
  readonly clock_last_sync: string | null;
};

export const UNSYNCED: ClockHealth = {
  clock_source: 'unsynced',
  clock_sync_status: 'unsynced',
  clock_offset_us: null,
  clock_last_sync: null,
};

/** A clock is taken to be kept within this where its location says nothing of its accuracy. */
export const ACCURACY_US_DEFAULT = 100_000;

/** Where a capture is made, as the registry of locations says it. */
export type Location = {
  readonly location_id: string;
  readonly datacenter: string;
  readonly region: string | null;
  readonly cloud: string | null;
  /** By feed. */
  readonly proximity: Readonly<Record<string, Proximity>>;
  /** How its clock should be kept; what a capture says is read from the machine. */
  readonly clock: {
    /** Null: nothing is expected. */
    readonly source: ClockSource | null;
    readonly ntp_servers: readonly string[];
    readonly ptp_domain: number | null;
    readonly expected_accuracy_us: number;
  };
};

/** What stands where nothing is configured. */
export const LOCAL: Location = {
  location_id: 'local',
  datacenter: 'local',
  region: null,
  cloud: null,
  proximity: {},
  clock: {
    source: null,
    ntp_servers: [],
    ptp_domain: null,
    expected_accuracy_us: ACCURACY_US_DEFAULT,
  },
};
