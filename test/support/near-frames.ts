/**
 * Frames a venue really sends, changed in a place or two: a number at a limit, a part said twice or left
 * out, a text in another's place. Most of what is drawn at random a rigid reader leaves to its twin at
 * once; of these it takes many, so the two are compared where they could differ.
 */
import fc from 'fast-check';

/** At the limits of what is read in one way or another. */
const NUMBERS = [
  ...[
    '0',
    '-0',
    '00',
    '01',
    '0.0',
    '0.00000000',
    '1.',
    '.1',
    '-1',
    '1e5',
    '1E2',
    '0.1e1',
    '1.5.5',
    '-',
  ],
  ...['12345678', '123456789012', '999999999', '1000000000', '2147483647', '2147483648'],
  ...[
    '4294967295',
    '4294967296',
    '-2147483648',
    '-4294967296',
    '99999999999999',
    '999999999999999',
  ],
  ...['1000000000000000', '9007199254740991', '9007199254740993', '9223372036854775807'],
  ...['9223372036854775808', '18446744073709551615', '0.000000001', '0.0000000001', '12345678.9'],
  ...['123456789.1', '1234567890.1', '123456789.123456789', '1234567890.123456789'],
  ...['999999999999999999', '99999999999999999.9', '0.999999999999999999', '0.9999999999999999999'],
  ...['1700000000000', '0700000000000', '9999999999999', '18446744073709', '18446744073710'],
  ...['100.50', 'null', 'true', '""', '59', '60', '31', '30', '99'],
] as const;
const PARTS = [
  ...[
    '"',
    ',',
    ':',
    '{',
    '}',
    '[',
    ']',
    '\\',
    ' ',
    '\t',
    '\0',
    'Z',
    '\\u0041',
    '[]',
    '}}',
    ']}',
    '€',
  ],
  ...['["1","2"],', '{"price":1,"qty":2},'],
] as const;
/** Longest part that is said twice or left out at once. */
const PART_MAX = 48;

export type Change = {
  readonly kind: 'number' | 'digit' | 'longer' | 'twice' | 'without' | 'part' | 'text' | 'splice';
  /** Which of the places there are, and how much of it. */
  readonly place: number;
  readonly length: number;
  readonly number: (typeof NUMBERS)[number];
  readonly part: (typeof PARTS)[number];
};

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom(
    ...([
      'number',
      'number',
      'digit',
      'longer',
      'twice',
      'without',
      'part',
      'text',
      'splice',
    ] as const),
  ),
  place: fc.nat(1_000_000),
  length: fc.nat(PART_MAX),
  number: fc.constantFrom(...NUMBERS),
  part: fc.constantFrom(...PARTS),
});

function changed(text: string, of: Change, other: string): string {
  const { kind, place, length, number, part } = of;
  const at = place % (text.length + 1);
  if (kind === 'number' || kind === 'digit' || kind === 'longer') {
    const digits = String(place);
    return replaced(text, /-?\d+(\.\d+)?/g, place, (it) =>
      kind === 'number' ? number : kind === 'digit' ? digits : `${it}${digits}`,
    );
  }
  if (kind === 'text')
    return replaced(text, /"[^"]*"/g, place, (_, all) => all[length % all.length] ?? '');
  if (kind === 'splice') return text.slice(0, at) + other.slice(length);
  if (kind === 'part') return text.slice(0, at) + part + text.slice(at + (length % 2));
  const end = at + 1 + length;
  return text.slice(0, kind === 'twice' ? end : at) + text.slice(kind === 'twice' ? at : end);
}

/** One of the places where the pattern stands; `by` is given what stands there, and all there is. */
function replaced(
  text: string,
  pattern: RegExp,
  place: number,
  by: (found: string, all: readonly string[]) => string,
): string {
  const found = [...text.matchAll(pattern)];
  const one = found[place % Math.max(1, found.length)];
  if (one === undefined) return text;
  const all = found.map(([it]) => it);
  return text.slice(0, one.index) + by(one[0], all) + text.slice(one.index + one[0].length);
}

/** Of the frames one with up to two changes, and the frame that lies behind it. */
export function nearFrames(
  frames: readonly string[],
): fc.Arbitrary<readonly [frame: string, next: string]> {
  const frame = fc.constantFrom(...frames);
  return fc
    .tuple(frame, fc.array(change, { maxLength: 2 }), frame)
    .map(([text, changes, next]) => [
      changes.reduce((so_far, of) => changed(so_far, of, next), text),
      next,
    ]);
}
