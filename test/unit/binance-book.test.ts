import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventBuffer } from '../../codec/event-buffer.ts';
import {
  AHEAD_MAX,
  LEVELS_MAX,
  openBinanceUsdmBook,
  STALE_MAX,
} from '../../connectors/binance-usdm/book.ts';
import { decodeBinanceUsdm } from '../../connectors/binance-usdm/decode.ts';
import { BOOK } from '../../connectors/feed.ts';
import type { FeedBook } from '../../connectors/feed.ts';
import { FLAG } from '../../schema/events.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { diffFrame, partialFrame, SYMBOLS } from '../support/binance-frames.ts';
import type { Levels } from '../support/binance-frames.ts';

const { EMIT, UNVERIFIED, BROKEN, HEALED, BAD } = BOOK;
const buffer = new EventBuffer();

function hear(book: FeedBook, text: string): number {
  const bytes = new TextEncoder().encode(`${text}\n`);
  decodeBinanceUsdm(bytes, 0, bytes.length - 1, SYMBOLS, buffer);
  assert.equal(buffer.kind, 'data', `${buffer.reason}: ${text}`);
  return book.apply(buffer, 0);
}

function stateOf(book: FeedBook): {
  flags: number;
  bids: readonly string[];
  asks: readonly string[];
} {
  const out = new EventBuffer();
  out.reset(new Uint8Array(0));
  book.snapshot(out, 0);
  const [event] = bufferEvents(out, SYMBOLS);
  return { flags: event?.flags ?? 0, bids: event?.bids ?? [], asks: event?.asks ?? [] };
}

/** A partial book of two levels a side; its depth says 2, so that both sides have a reach. */
function two(u: number, bids: Levels, asks: Levels): string {
  return partialFrame(u, bids, asks, 2);
}

const BIDS: Levels = [
  ['100', '1'],
  ['99', '2'],
];
const ASKS: Levels = [
  ['101', '3'],
  ['102', '4'],
];

/** A book with a base at 10 and the first diff beyond it. */
function based(): FeedBook {
  const book = openBinanceUsdmBook(20);
  assert.equal(hear(book, two(10, BIDS, ASKS)), EMIT);
  assert.equal(hear(book, diffFrame({ U: 9, u: 20, pu: 8 }, [['100', '5']])), EMIT);
  return book;
}

test('without a partial book all is unverified, and whole from the first message', () => {
  const book = openBinanceUsdmBook(20);
  assert.equal(book.isWhole(), false);
  assert.equal(hear(book, diffFrame({ U: 1, u: 5, pu: 0 }, [['100', '1']])), EMIT | UNVERIFIED);
  assert.equal(book.isWhole(), true);
  assert.equal(hear(book, diffFrame({ U: 90, u: 95, pu: 5 }, [['99', '1']])), EMIT | UNVERIFIED);
  assert.deepEqual(stateOf(book), {
    flags: FLAG.SNAPSHOT | FLAG.UNVERIFIED,
    bids: ['100 1', '99 1'],
    asks: [],
  });
});

test('the chain is pu, not U: a U far beyond u + 1 is no gap', () => {
  const book = based();
  assert.equal(hear(book, diffFrame({ U: 500, u: 600, pu: 20 }, [['100', '6']])), EMIT);
  // U == u + 1 and yet broken: the spot rule would not see it.
  assert.equal(
    hear(book, diffFrame({ U: 601, u: 700, pu: 599 }, [['100', '7']])),
    EMIT | BROKEN | BAD | UNVERIFIED,
  );
  assert.deepEqual(book.fault(), {
    cause: 'sequence',
    expected: 'pu 600',
    received: 'pu 599, u 700',
  });
});

test('a message lost: a gap opens, and the next partial book closes it', () => {
  const book = based();
  const verdict = hear(book, diffFrame({ u: 40, pu: 30 }, [['100', '9']]));
  assert.equal(verdict, EMIT | BROKEN | BAD | UNVERIFIED);
  assert.equal(hear(book, diffFrame({ u: 50, pu: 40 })), EMIT | BAD | UNVERIFIED);
  assert.equal(stateOf(book).flags, FLAG.SNAPSHOT | FLAG.UNVERIFIED | FLAG.MAYBE_BAD_BOOK);
  assert.equal(hear(book, diffFrame({ u: 70, pu: 60 })), EMIT | BAD | UNVERIFIED, 'one gap');
  assert.equal(hear(book, two(65, BIDS, ASKS)), 0, 'behind the diffs: heals nothing');
  assert.equal(hear(book, two(70, BIDS, ASKS)), EMIT | HEALED);
  assert.deepEqual(stateOf(book), {
    flags: FLAG.SNAPSHOT,
    bids: ['100 1', '99 2'],
    asks: ['101 3', '102 4'],
  });
  assert.equal(hear(book, diffFrame({ u: 80, pu: 70 }, [['99', '0']])), EMIT);
});

test('a message twice is held; two swapped are a gap', () => {
  const book = based();
  const first = diffFrame({ u: 30, pu: 20 }, [['100', '7']]);
  const second = diffFrame({ u: 40, pu: 30 }, [['100', '8']]);
  assert.equal(hear(book, first), EMIT);
  assert.equal(hear(book, first), 0);
  assert.equal(hear(book, second), EMIT);
  assert.equal(stateOf(book).bids[0], '100 8');

  const swapped = based();
  assert.equal(hear(swapped, second), EMIT | BROKEN | BAD | UNVERIFIED);
  assert.equal(hear(swapped, first), 0);
});

test('size zero removes, also a level that was never there; sides are not swapped', () => {
  const book = based();
  const frame = diffFrame(
    { u: 30, pu: 20 },
    [
      ['100', '0.000'],
      ['98.5', '0'],
    ],
    [['100.5', '1']],
  );
  assert.equal(hear(book, frame), EMIT);
  assert.deepEqual(stateOf(book).bids, ['99 2']);
  assert.deepEqual(stateOf(book).asks, ['100.5 1', '101 3', '102 4']);
});

test('the last word on a price counts', () => {
  const book = based();
  const entries: Levels = [
    ['100', '0'],
    ['100', '7'],
    ['99', '8'],
    ['99', '3'],
  ];
  assert.equal(hear(book, diffFrame({ u: 30, pu: 20 }, entries)), EMIT);
  assert.deepEqual(stateOf(book).bids, ['100 7', '99 3']);
});

test('levels beyond the base are applied, never stated, and unverified by themselves', () => {
  const book = based();
  assert.equal(
    hear(book, diffFrame({ u: 30, pu: 20 }, [['90', '1']], [['120', '1']])),
    EMIT | UNVERIFIED,
  );
  assert.equal(hear(book, diffFrame({ u: 40, pu: 30 })), EMIT, 'nothing changed: proven');
  assert.deepEqual(stateOf(book).bids, ['100 5', '99 2']);
  assert.deepEqual(stateOf(book).asks, ['101 3', '102 4']);
  const both = diffFrame({ u: 50, pu: 40 }, [
    ['90', '2'],
    ['99', '3'],
  ]);
  assert.equal(hear(book, both), EMIT, 'it touches what is proven');
});

test('a partial book at the same id that agrees is held and counts', () => {
  const book = based();
  const before = book.counts().verified;
  const agrees = two(20, [['100.0', '5.0'], BIDS[1] ?? ['', '']], ASKS);
  assert.equal(hear(book, agrees), 0);
  assert.equal(book.counts().verified, before + 1);
});

test('a partial book that disagrees is a fault and its cure', () => {
  const book = based();
  assert.equal(
    hear(
      book,
      two(
        20,
        [
          ['100', '5.1'],
          ['99', '2'],
        ],
        ASKS,
      ),
    ),
    EMIT | BROKEN | HEALED,
  );
  assert.deepEqual(book.fault(), {
    cause: 'book',
    expected: 'bid 1: 100 x 5.1',
    received: 'bid 1: 100 x 5',
  });
  assert.equal(stateOf(book).bids[0], '100 5.1');
  assert.equal(book.counts().failed, 1);
  assert.equal(hear(book, diffFrame({ u: 30, pu: 20 }, [['100', '6']])), EMIT);
});

test('a level too many and a level missing are found on either side', () => {
  for (const [bids, asks] of [
    [[['100', '5']], ASKS],
    [
      [
        ['100', '5'],
        ['99.5', '1'],
      ],
      ASKS,
    ],
    [
      [
        ['100', '5'],
        ['99', '2'],
      ],
      [
        ['101', '3'],
        ['101.5', '1'],
      ],
    ],
  ] as const satisfies readonly (readonly [Levels, Levels])[]) {
    const verdict = hear(based(), two(20, bids, asks));
    assert.equal(verdict, EMIT | BROKEN | HEALED, JSON.stringify([bids, asks]));
  }
});

test('a partial book that shows more becomes the base', () => {
  const book = based();
  // The best bid goes: 99 is best now, and 98 was beyond the base.
  assert.equal(hear(book, diffFrame({ u: 30, pu: 20 }, [['100', '0']])), EMIT);
  assert.equal(
    hear(
      book,
      two(
        30,
        [
          ['99', '2'],
          ['98', '7'],
        ],
        ASKS,
      ),
    ),
    EMIT,
  );
  assert.deepEqual(stateOf(book).bids, ['99 2', '98 7']);
});

test('nothing of an earlier partial book, or of an old base, is left in the next', () => {
  const book = based();
  const deeper: Levels = [
    ['100', '5'],
    ['99', '2'],
    ['98', '7'],
  ];
  assert.equal(
    hear(book, partialFrame(20, deeper, [...ASKS, ['103', '9']], 3)),
    EMIT,
    'a new base',
  );
  assert.equal(hear(book, diffFrame({ u: 30, pu: 20 }, [], [['101', '0']])), EMIT);
  const further: Levels = [
    ['102', '4'],
    ['103', '9'],
    ['104', '1'],
  ];
  assert.equal(hear(book, partialFrame(30, deeper, further, 3)), EMIT, 'and the next');
  assert.deepEqual(stateOf(book).asks, ['102 4', '103 9', '104 1']);
});

test('one that comes before its diff waits for it', () => {
  const agreeing = based();
  const next = diffFrame({ u: 30, pu: 20 }, [['100', '7']]);
  assert.equal(
    hear(
      agreeing,
      two(
        30,
        [
          ['100', '7'],
          ['99', '2'],
        ],
        ASKS,
      ),
    ),
    0,
  );
  const { verified } = agreeing.counts();
  assert.equal(hear(agreeing, next), EMIT);
  assert.equal(agreeing.counts().verified, verified + 2, 'the diff and the partial book');

  const wrong = based();
  assert.equal(
    hear(
      wrong,
      two(
        30,
        [
          ['100', '8'],
          ['99', '2'],
        ],
        ASKS,
      ),
    ),
    0,
  );
  assert.equal(hear(wrong, next), EMIT | BROKEN | BAD | UNVERIFIED);
  assert.equal(wrong.fault().cause, 'book');
  assert.equal(
    hear(
      wrong,
      two(
        30,
        [
          ['100', '8'],
          ['99', '2'],
        ],
        ASKS,
      ),
    ),
    EMIT | HEALED,
  );

  const within = based();
  assert.equal(
    hear(
      within,
      two(
        25,
        [
          ['100', '8'],
          ['99', '2'],
        ],
        ASKS,
      ),
    ),
    0,
  );
  assert.equal(hear(within, next), EMIT, 'its id lies within the diff: proves nothing');
});

test('diffs the base contains are held, and still chain', () => {
  const book = openBinanceUsdmBook(20);
  assert.equal(hear(book, diffFrame({ u: 5, pu: 4 })), EMIT | UNVERIFIED);
  assert.equal(hear(book, two(10, BIDS, ASKS)), EMIT);
  assert.equal(hear(book, diffFrame({ u: 8, pu: 5 }, [['100', '4']])), 0);
  assert.equal(hear(book, diffFrame({ U: 9, u: 12, pu: 8 }, [['99', '4']])), EMIT);
  assert.deepEqual(stateOf(book).bids, ['100 1', '99 4']);
});

test('a first diff that begins after the base lets it go: not a gap', () => {
  const book = openBinanceUsdmBook(20);
  assert.equal(hear(book, two(10, BIDS, ASKS)), EMIT);
  assert.equal(hear(book, diffFrame({ U: 13, u: 14, pu: 12 }, [['99', '4']])), EMIT | UNVERIFIED);
});

test('where the market leaves the reach, nothing is known until the next base', () => {
  const book = based();
  const gone = diffFrame({ u: 30, pu: 20 }, [
    ['100', '0'],
    ['99', '0'],
    ['97', '1'],
  ]);
  assert.equal(hear(book, gone), EMIT | UNVERIFIED);
  assert.equal(
    hear(
      book,
      two(
        31,
        [
          ['98', '1'],
          ['97', '1'],
        ],
        ASKS,
      ),
    ),
    EMIT,
  );
});

test('crossed after a message: a fault, healed by a partial book', () => {
  const book = based();
  assert.equal(
    hear(book, diffFrame({ u: 30, pu: 20 }, [['101', '1']])),
    EMIT | BROKEN | BAD | UNVERIFIED,
  );
  assert.deepEqual(book.fault(), {
    cause: 'crossed',
    expected: 'bid below ask 101',
    received: 'bid 101',
  });
  assert.equal(hear(book, two(40, BIDS, ASKS)), EMIT | HEALED);
  const crossed = two(
    50,
    [
      ['103', '1'],
      ['99', '1'],
    ],
    ASKS,
  );
  const lone = openBinanceUsdmBook(20);
  assert.equal(hear(lone, crossed), EMIT | BROKEN | BAD | UNVERIFIED);
});

test('crossed within a message only is nothing', () => {
  const book = based();
  const frame = diffFrame({ u: 30, pu: 20 }, [['101.5', '1']], [['101', '0']]);
  assert.equal(hear(book, frame), EMIT);
});

test('a side with fewer levels than the depth is known whole', () => {
  const book = openBinanceUsdmBook(20);
  assert.equal(hear(book, partialFrame(10, BIDS, ASKS)), EMIT);
  assert.equal(hear(book, diffFrame({ u: 11, pu: 10 }, [['1', '1']])), EMIT);
  assert.deepEqual(stateOf(book).bids, ['100 1', '99 2', '1 1']);
});

test('diffs that never come, and ids that begin anew, are faults', () => {
  const book = based();
  for (let index = 1; index <= AHEAD_MAX; index++) {
    assert.equal(hear(book, two(20 + index, BIDS, ASKS)), 0);
  }
  assert.equal(hear(book, two(90, BIDS, ASKS)), EMIT | BROKEN | HEALED);
  assert.equal(book.fault().received, 'none since 20');

  const anew = based();
  for (let index = 1; index <= STALE_MAX; index++) {
    assert.equal(hear(anew, diffFrame({ u: 2, pu: 1 })), 0);
  }
  assert.equal(hear(anew, diffFrame({ u: 3, pu: 2 })), EMIT | BROKEN | BAD | UNVERIFIED);
  assert.equal(hear(anew, two(3, BIDS, ASKS)), EMIT | HEALED);
});

test('levels are bounded', () => {
  const book = openBinanceUsdmBook(20);
  const bids = Array.from(
    { length: LEVELS_MAX + 10 },
    (_, index) => [String(1 + index), '1'] as const,
  );
  hear(book, diffFrame({ u: 2, pu: 1 }, bids));
  const state = stateOf(book);
  assert.equal(state.bids.length, LEVELS_MAX);
  assert.equal(state.bids[0], `${LEVELS_MAX + 10} 1`);
});

test('a clone goes its own way', () => {
  const book = based();
  hear(book, two(30, BIDS, ASKS));
  const copy = book.clone();
  hear(copy, diffFrame({ u: 29, pu: 20 }, [['100', '7']]));
  assert.equal(stateOf(book).bids[0], '100 5');
  assert.equal(stateOf(copy).bids[0], '100 7');
  assert.equal(hear(book, diffFrame({ u: 25, pu: 20 }, [['99', '9']])), EMIT);
  assert.equal(stateOf(copy).bids[1], '99 2');
});
