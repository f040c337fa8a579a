/**
 * The ways in which connectors are known to be wrong about a venue. Each of them is, for every venue,
 * a mutant that a test kills, or a sentence that says why it cannot be made there (`venues.ts`).
 */
export const MISTAKES = [
  'no truncation to depth',
  'float round trip of numbers',
  'size 0 stored, not removed',
  'bids and asks swapped',
  'entries sorted before they are applied',
  'one message dropped',
  'one message duplicated',
  'two messages swapped',
  'update applied before the snapshot',
  'snapshot not clearing',
  'U == u + 1 demanded of futures',
  'u of 1 seen as a gap',
  'keep-alive seen as a gap',
  'checksum 0 seen as a mismatch',
  'side not turned to the taker’s',
  'heartbeat counted as data',
  'milliseconds read as microseconds',
  'refusal taken for an acknowledgement',
  'silence of a wrong path unseen',
] as const;

export type Mistake = (typeof MISTAKES)[number];
