/** Lines of the log in plain words, and what a page of them costs and looks like. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  LineBuffer,
  encodeCaptureLine,
  encodeFactLine,
  encodeFrameLine,
} from '../../codec/line-buffer.ts';
import { createFrameReader } from '../../cli/log/frame-facts.ts';
import { cutTo, wrapTo } from '../../cli/log/width.ts';
import { provenanceLines } from '../../cli/log/show.ts';
import { createTeller } from '../../cli/log/tell.ts';
import type { Happening } from '../../cli/log/tell.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { FACT_KEYS } from '../../schema/log.ts';
import type { Capture, FactKey, Facts } from '../../schema/log.ts';
import { sampleCapture } from '../support/log.ts';
import { LOG_START, judge } from '../support/log-segments.ts';

const T = LOG_START + 52_387_123_456_789n - 8_387_123_456_789n;
const KRAKEN = FEEDS.get('kraken') ?? null;

type Step =
  | { readonly fact: { readonly [K in FactKey]?: Facts[K] } }
  | { readonly c: number; readonly frame: string };

/** What is told of these lines, a millisecond apart. */
function told(steps: readonly Step[], frames = false, feed = KRAKEN): Happening[] {
  const lines = new LineBuffer();
  encodeCaptureLine(lines, sampleCapture);
  for (const [at, step] of steps.entries()) {
    const t = T + BigInt(at) * 1_000_000n;
    if ('frame' in step) {
      const bytes = Buffer.from(step.frame, 'latin1');
      encodeFrameLine(lines, t, step.c, bytes, 0, bytes.length);
      continue;
    }
    const [key, fact] = Object.entries(step.fact)[0] as [FactKey, Facts[FactKey]];
    encodeFactLine(lines, t, key, fact);
  }
  const happenings: Happening[] = [];
  const teller = createTeller({
    reader: createFrameReader(feed),
    frames,
    tell: (happening) => void happenings.push(happening),
  });
  judge(lines.view().slice(), { visitor: { line: (line, place) => teller.line(line, place) } });
  teller.flush();
  return happenings;
}

const words = (steps: readonly Step[]): string[] => told(steps).map((it) => it.words);

const FACTS: { readonly [K in FactKey]: readonly [Facts[K], RegExp] } = {
  _open: [
    { c: 3, url: 'wss://venue/v2', day: '2025-11-21' },
    /^c3 opened wss:\/\/venue\/v2, for 2025-11-21$/,
  ],
  _sent: [{ c: 3, text: '{"method":"subscribe"}' }, /^c3 sent \{"method":"subscribe"\}$/],
  _close: [
    { c: 3, code: 1001, reason: 'bye', by: 'venue' },
    /^c3 closed by the venue, code 1001: bye$/,
  ],
  _drop: [
    { c: 3, frames: 12, bytes: 3400, from: `${T - 5_000_000_000n}`, reason: 'disk full' },
    /^c3 LOST 12 frames \(3400 bytes\) since 12:13:15\.000000000: disk full$/,
  ],
  _alarm: [
    { kind: 'no_ack', c: 3, channel: 'book', symbol: 'BTCUSD', detail: '10 s' },
    /^alarm no_ack c3 book BTCUSD: 10 s$/,
  ],
  _clock: [
    { step_ns: '-2000000000', bad: true, detail: 'stepped' },
    /^clock off by -2\.000 s: what follows is marked bad-ts-recv \(stepped\)$/,
  ],
  _config: [
    {
      sha256: 'ab'.repeat(32),
      config: {
        ...{ feed: 'kraken', shard: 'tier1', channels: ['book', 'trade'], book_depth: 10 },
        symbols: [{ symbol: 'BTCUSD', external: 'BTC/USD', depth: 'l2' }],
      },
    },
    /^configuration abababab: BTCUSD; channels book trade; books of 10$/,
  ],
  _day: [
    { day: '2025-11-22', taken: true },
    /^the fold of 2025-11-22 begins, empty; this epoch speaks already$/,
  ],
  _midnight: [{ day: '2025-11-22' }, /^midnight: 2025-11-22 begins$/],
  _take: [
    { prev: { epoch: 17, t: `${T - 1_250_000_000n}` }, ids: {} },
    /^TAKES the shard from epoch 17, which reached 12:13:18\.750000000: a hole of 1\.250 s$/,
  ],
};

test('every fact of the log has its words', () => {
  for (const key of FACT_KEYS) {
    const [fact, expected] = FACTS[key];
    const [happening] = told([
      { fact: { [key]: fact } as Extract<Step, { fact: unknown }>['fact'] },
    ]);
    assert.match(happening?.words ?? '', expected, key);
    assert.equal(happening?.kind, key.slice(1));
    assert.deepEqual(happening?.facts, fact);
  }
});

const CONFIG: Step = { fact: { _config: FACTS._config[0] } };
const ack = (symbol: string): Step => ({
  c: 1,
  frame:
    `{"method":"subscribe","result":{"channel":"trade","snapshot":true,"symbol":"${symbol}"},` +
    '"success":true,"time_in":"2025-11-21T00:00:00.000000Z","time_out":"2025-11-21T00:00:00.000001Z"}',
});
const beat: Step = { c: 1, frame: '{"channel":"heartbeat"}' };

test('answers are gathered, frames are counted, each by connection and channel', () => {
  const ping: Step = { fact: { _sent: { c: 1, text: '{"method":"ping","req_id":77}' } } };
  const other: Step = { c: 2, frame: '{"channel":"heartbeat"}' };
  assert.deepEqual(
    words([CONFIG, ack('BTC/USD'), beat, ack('BTC/USD'), other, ping, beat]).slice(1),
    [
      'the venue accepted: c1 trade 2 (BTCUSD)',
      '4 frames: c1 heartbeat 2, our ping 1; c2 heartbeat 1',
    ],
  );
});

test('a refusal, a rejected frame and what the venue says stand by themselves', () => {
  const refused: Step = {
    c: 1,
    frame:
      '{"error":"Currency pair not supported","method":"subscribe","success":false,"symbol":"BTC/USD",' +
      '"time_in":"2025-11-21T00:00:00.000000Z","time_out":"2025-11-21T00:00:00.000001Z"}',
  };
  const garbage: Step = { c: 1, frame: 'x\u001b[31mred\u0007' };
  const said = told([CONFIG, beat, refused, garbage, beat]);
  assert.deepEqual(
    said.map(({ kind }) => kind),
    ['config', 'frames', 'refused', 'rejected', 'frames'],
  );
  assert.match(
    said[2]?.words ?? '',
    /^c1 the venue REFUSED .*BTCUSD: Currency pair not supported$/,
  );
  assert.match(said[3]?.words ?? '', /REJECTED as .*x\\u001b\[31mred\\u0007$/);
});

test('nothing a venue sends can drive the terminal', () => {
  const evil = 'a\u001b]0;t\u0007\u009b31m\u202eb\u2028';
  const steps: Step[] = [
    { c: 1, frame: evil },
    { c: 1, frame: Buffer.from(`{"x":"${evil}"}`).toString('latin1') },
    { fact: { _close: { c: 1, code: 1, reason: evil, by: 'venue' } } },
    { fact: { _open: { c: 1, url: `wss://${evil}`, day: '2025-11-21' } } },
  ];
  for (const frames of [false, true]) {
    for (const { words: line } of told(steps, frames)) {
      assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\u2028\u2029]/u);
    }
  }
});

test('with --frames one line each; bytes that are no text as base64', () => {
  const [first, second] = told([beat, { c: 4, frame: '\u00ff\u00fe' }], true);
  assert.equal(first?.words, 'c1 heartbeat 23 B  {"channel":"heartbeat"}');
  assert.deepEqual(first?.facts['text'], '{"channel":"heartbeat"}');
  assert.equal(second?.facts['base64'], '//4=');
  assert.match(second?.words ?? '', /2 B {2}base64 \/\/4=$/);
});

test('a feed this version does not know is counted by connection', () => {
  assert.deepEqual(
    told([beat, { c: 2, frame: '{}' }], false, null).map((it) => it.words),
    ['2 frames: c1 frame 1; c2 frame 1'],
  );
});

test('words go on in the next line, none of them lost, none of the lines too wide', () => {
  const line = `14:00:00.000000000  373 frames: ${'c2 book 186, '.repeat(30)}end`;
  const wrapped = wrapTo(line, 80, 20);
  assert.ok(wrapped.every((part) => part.length <= 80) && wrapped.length > 4);
  assert.ok(wrapped.slice(1).every((part) => part.startsWith(' '.repeat(20))));
  assert.equal(wrapped.map((part) => part.trim()).join(' '), line.replace(/ {2}/, '  '));
  assert.deepEqual(wrapTo(line, null, 20), [line]);
  assert.deepEqual(wrapTo('x'.repeat(99), 80, 20), ['x'.repeat(99)]);
});

test('a line is cut to the terminal, and says what is missing', () => {
  for (const columns of [40, 80, 120]) {
    const cut = cutTo('x'.repeat(500), columns);
    assert.ok(cut.length <= columns + 1, `${cut.length} of ${columns}`);
    assert.match(cut, /\.\. \+\d+$/);
  }
  assert.equal(cutTo('short', 80), 'short');
  assert.equal(cutTo('x'.repeat(500), null).length, 500);
});

test('a clock without a source is called unsynced once', () => {
  const said = (of: Partial<Capture>): string =>
    provenanceLines({ ...sampleCapture, ...of }).join('\n');
  const none = { clock_source: 'unsynced', clock_sync_status: 'unsynced' } as const;
  assert.match(said({ ...none, clock_offset_us: null }), /; clock unsynced$/m);
  assert.match(said({}), /; clock ntp synced, off by 12\.5 us$/m);
});
