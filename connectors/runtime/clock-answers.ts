/**
 * What the programs that keep clocks say, read: chrony, linuxptp, systemd, ntpd and the kernel. Pure and
 * total: text in; what it says of the clock out, or null where it is no answer. Nothing is filled in:
 * what a program does not say is null.
 *
 * Formats: chronyc(1) 4.5 `-c tracking`; pmc(8) of linuxptp 4.2 TIME_STATUS_NP; timedatectl(1) of systemd
 * 255 `timesync-status` and `show`; ntpq(1) 4.2.8 `rv`, sync words of RFC 9327 §3.1; adjtimex(8) 1.29
 * `--print`, status bits of adjtimex(2). Read 2026-11.
 */
import type { ClockSource } from '../../schema/clock.ts';

/** Who answered. */
export type ClockWitness = 'chronyc' | 'pmc' | 'timesyncd' | 'ntpq' | 'adjtimex' | 'timedatectl';

export type ClockAnswer = {
  readonly by: ClockWitness;
  /** Whether it says that the clock is disciplined now. */
  readonly synchronized: boolean;
  /** By what; null where it does not say. */
  readonly source: Exclude<ClockSource, 'unsynced'> | null;
  /** Ours minus true time. */
  readonly offset_us: number | null;
  /** When it was last set right, ms since the Unix epoch. */
  readonly last_sync_ms: number | null;
};

/** Beyond this an offset is no offset but nonsense: a day. */
const OFFSET_US_MAX = 86_400e6;

/**
 * `chronyc -c tracking`: reference id, name, stratum, reference time (s), system time (s: positive where
 * the clock is slow of true time), last offset, rms offset, frequency, residual, skew, root delay, root
 * dispersion, interval, leap status.
 */
export function readChrony(text: string): ClockAnswer | null {
  const fields = text.trim().split(',');
  if (fields.length < 14) return null;
  const [refid = '', name = '', stratum = '', at = '', slow = ''] = fields;
  const [at_s, slow_s] = [decimal(at), decimal(slow)];
  if (at_s === null || slow_s === null || !/^\d+$/.test(stratum)) return null;
  const synchronized = fields.at(-1) !== 'Not synchronised' && Number(stratum) > 0 && at_s > 0;
  // A machine that serves its own clock (`local stratum`) follows nothing.
  const own = refid.toUpperCase() === '7F7F0101';
  return answer('chronyc', synchronized && !own, {
    source: sourceNamed(name),
    offset_us: slow_s * -1e6,
    last_sync_ms: at_s * 1_000,
  });
}

/** A reference clock by its name: PHC0 and PTP, GPS and its pulse; an address or a host is an NTP server. */
function sourceNamed(name: string): 'ptp' | 'gps' | 'ntp' {
  const word = name.toUpperCase().replaceAll('.', '');
  if (/^(PHC|PTP)\d*$/.test(word)) return 'ptp';
  return /^(GPS|GNSS|NMEA|PPS)\d*$/.test(word) ? 'gps' : 'ntp';
}

/**
 * `pmc -u -b 0 'GET TIME_STATUS_NP'` to the PTP daemon: `gmPresent` and `master_offset` in ns. The time
 * of the last message is of the PTP scale, and how far that is from UTC is not said with it.
 */
export function readPmc(text: string): ClockAnswer | null {
  if (!text.includes('TIME_STATUS_NP')) return null;
  const present = /^\s*gmPresent\s+(true|false)\s*$/m.exec(text)?.[1];
  const offset = decimal(/^\s*master_offset\s+(\S+)\s*$/m.exec(text)?.[1] ?? '');
  if (present === undefined || offset === null) return null;
  return answer('pmc', present === 'true', { source: 'ptp', offset_us: offset / 1_000 });
}

/** `timedatectl timesync-status`: systemd-timesyncd's view, in words and time spans. */
export function readTimesyncd(text: string, stamped_ms: number | null): ClockAnswer | null {
  const field = (name: string): string | null =>
    new RegExp(`^\\s*${name}:\\s*(.*?)\\s*$`, 'm').exec(text)?.[1] ?? null;
  const server = field('Server');
  const packets = field('Packet count');
  if (server === null || packets === null) return null;
  const leap = field('Leap');
  const stratum = Number(field('Stratum') ?? '0');
  const heard = Number(packets) > 0 && leap !== null && leap !== 'not synchronized';
  const offset_us = spanUs(field('Offset') ?? '');
  // Its offset is of the server's clock against ours.
  return answer('timesyncd', heard && stratum > 0 && stratum < 16, {
    source: 'ntp',
    offset_us: offset_us === null ? null : -offset_us,
    last_sync_ms: stamped_ms,
  });
}

const UNIT_US: Readonly<Record<string, number>> = {
  ...{ us: 1, μs: 1, µs: 1, ms: 1e3, s: 1e6, min: 60e6, h: 3600e6, d: 86_400e6 },
};

/** A time span of systemd, such as `+1.219ms` or `-1min 2.5s`, in microseconds; null where it is none. */
export function spanUs(text: string): number | null {
  const match = /^([+-]?)(\S.*)$/.exec(text.trim());
  if (match === null) return null;
  if (match[2] === '0') return 0;
  let total = 0;
  for (const part of (match[2] ?? '').split(/\s+/)) {
    const [, count = '', unit = ''] = /^(\d+(?:\.\d+)?)(\D+)$/.exec(part) ?? [];
    const scale = UNIT_US[unit];
    if (scale === undefined) return null;
    total += Number(count) * scale;
  }
  return match[1] === '-' ? -total : total;
}

const SYNC_WORDS: Readonly<Record<string, ClockAnswer['source']>> = {
  ...{ sync_ntp: 'ntp', sync_pps: 'gps', sync_lf_radio: null, sync_hf_radio: null },
  ...{ sync_uhf_radio: 'gps', sync_other: null, sync_telephone: null },
};
/** Seconds from 1900, NTP's era, to 1970. */
const NTP_EPOCH_S = 2_208_988_800;

/** `ntpq -c rv`: the system variables of ntpd; `offset` in ms, of its servers against our clock. */
export function readNtpq(text: string): ClockAnswer | null {
  const sync = /\b(sync_[a-z_]+)/.exec(text)?.[1];
  const leap = /\bleap=(\d\d)\b/.exec(text)?.[1];
  if (sync === undefined || leap === undefined) return null;
  const refid = /\brefid=([^,\s]+)/.exec(text)?.[1] ?? '';
  const reftime = /\breftime=([0-9a-f]{8})\.([0-9a-f]{8})/i.exec(text);
  const offset_ms = decimal(/\boffset=([^,\s]+)/.exec(text)?.[1] ?? '');
  const said = SYNC_WORDS[sync];
  const seconds = parseInt(reftime?.[1] ?? '0', 16) + parseInt(reftime?.[2] ?? '0', 16) / 2 ** 32;
  const at_ms = (seconds - NTP_EPOCH_S) * 1_000;
  return answer('ntpq', leap !== '11' && said !== undefined, {
    source: said === 'ntp' ? sourceNamed(refid) : (said ?? null),
    offset_us: offset_ms === null ? null : offset_ms * -1_000,
    last_sync_ms: at_ms > 0 ? at_ms : null,
  });
}

const STA_PLL = 0x1;
const STA_PPSTIME = 0x4;
const STA_UNSYNC = 0x40;
const STA_NANO = 0x2000;

/**
 * `adjtimex --print`: the kernel's own state. It knows whether somebody disciplines the clock, and of its
 * own loops which: the phase-locked one is what NTP daemons use, the other follows a pulse.
 */
export function readAdjtimex(text: string): ClockAnswer | null {
  const field = (name: string): string | null =>
    new RegExp(`^\\s*${name}:\\s*(-?\\d+)`, 'm').exec(text)?.[1] ?? null;
  const [status, offset] = [field('status'), field('offset')];
  if (status === null || offset === null) return null;
  const bits = Number(status);
  const failed = /^\s*return value = 5\s*$/m.test(text);
  const pulse = (bits & STA_PPSTIME) !== 0;
  const locked = (bits & STA_PLL) !== 0;
  // What its loop has yet to take away: of ours against the time it was given. Zero without a loop.
  const offset_us = Number(offset) / ((bits & STA_NANO) === 0 ? 1 : 1_000);
  return answer('adjtimex', (bits & STA_UNSYNC) === 0 && !failed, {
    source: pulse ? 'gps' : locked ? 'ntp' : null,
    offset_us: pulse || locked ? -offset_us : null,
  });
}

/** `timedatectl show`: whether the kernel takes its clock to be synchronized, and by a service of NTP. */
export function readTimedatectl(text: string): ClockAnswer | null {
  const synchronized = /^NTPSynchronized=(yes|no)$/m.exec(text)?.[1];
  if (synchronized === undefined) return null;
  const service = /^NTP=yes$/m.test(text);
  return answer('timedatectl', synchronized === 'yes', { source: service ? 'ntp' : null });
}

function answer(
  by: ClockWitness,
  synchronized: boolean,
  of: Partial<Omit<ClockAnswer, 'by' | 'synchronized'>>,
): ClockAnswer {
  const { source = null, offset_us = null, last_sync_ms = null } = of;
  const told = offset_us !== null && Math.abs(offset_us) <= OFFSET_US_MAX;
  // A clock that nobody keeps has no offset: what is said of it is of some time before.
  return {
    ...{ by, synchronized, source: synchronized ? source : null },
    offset_us: synchronized && told ? Math.round(offset_us) + 0 : null,
    last_sync_ms: last_sync_ms !== null && last_sync_ms > 0 ? Math.round(last_sync_ms) : null,
  };
}

/** A number as such programs print them; null where it is none. */
function decimal(text: string): number | null {
  return /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}
