/** Whom an answer of a venue concerns, where it says little of what it answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventBuffer } from '../../codec/event-buffer.ts';
import type { SubscribedTo } from '../../codec/event-buffer.ts';
import { createAnswers } from '../../connectors/runtime/answers.ts';
import type { Entry } from '../../connectors/runtime/answers.ts';
import { tinyFeed } from '../support/tiny-feed.ts';
import { CONFIG } from '../support/fold-story.ts';

function entry(channel: string, symbol: string | null, turn: number): Entry {
  return {
    subscription: { channel, symbol, external: symbol },
    first_message_ms: null,
    opens: false,
    opened: false,
    state: 'requested',
    since_ms: 0,
    request_id: String(turn),
    again: false,
    gone: false,
    turn,
    waiting: null,
  };
}

function opened(answers?: 'in_order') {
  const entries = [
    entry('heart', null, 1),
    entry('book', 'BTCUSD', 2),
    entry('book', 'ETHUSD', 3),
    entry('trade', 'BTCUSD', 4),
  ];
  const protocol = { ...tinyFeed.protocol, ...(answers === undefined ? {} : { answers }) };
  const feed = { ...tinyFeed, protocol };
  const names = (buffer: EventBuffer): string[] =>
    createAnswers(entries, { config: CONFIG, feed })
      .answered(buffer)
      .map(({ subscription: { channel, symbol } }) => `${channel} ${symbol ?? '-'}`);
  return { entries, names };
}

function statement(...subscribed: SubscribedTo[]): EventBuffer {
  const buffer = new EventBuffer();
  buffer.kind = 'ack';
  buffer.subscribed = subscribed;
  return buffer;
}

function refusal(): EventBuffer {
  const buffer = new EventBuffer();
  buffer.kind = 'refused';
  return buffer;
}

test('a statement of all subscriptions answers those it names', () => {
  const { names } = opened();
  const heart = { channel: 'heart', symbol: -1 };
  const eth = { channel: 'book', symbol: 1 };
  assert.deepEqual(names(statement(heart, eth, { channel: 'other', symbol: 0 })), [
    'heart -',
    'book ETHUSD',
  ]);
  assert.deepEqual(names(statement()), []);
});

test('what is asked for again is granted once it was gone, not while the old one is named', () => {
  const { names, entries } = opened();
  const again = entries[1] ?? assert.fail();
  again.again = true;
  const btc = { channel: 'book', symbol: 0 };
  assert.deepEqual(names(statement(btc)), [], 'that is the old subscription');
  assert.deepEqual(names(statement()), []);
  assert.deepEqual(names(statement(btc)), ['book BTCUSD']);
});

test('a refusal of nothing by name is the oldest request’s, where answers come in order', () => {
  assert.deepEqual(opened().names(refusal()), [], 'else nobody’s');
  const { names, entries } = opened('in_order');
  (entries[0] ?? assert.fail()).state = 'acked';
  (entries[1] ?? assert.fail()).request_id = null;
  assert.deepEqual(names(refusal()), ['book ETHUSD'], 'of those sent and not answered');
});

test('where a refusal names its market it is that one’s oldest request', () => {
  const { names } = opened('in_order');
  const buffer = refusal();
  buffer.frame_symbol = 1;
  assert.deepEqual(names(buffer), ['book ETHUSD']);
});

test('nobody waits for an answer that comes all the same', () => {
  const { names, entries } = opened('in_order');
  for (const it of entries) it.state = 'live';
  assert.deepEqual(names(refusal()), []);
});
