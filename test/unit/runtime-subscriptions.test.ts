import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ACK_TIMEOUT_MS,
  RESUBSCRIBES_PER_MINUTE_MAX,
  RETRY_AFTER_MS_MAX,
  TRANSITIONS,
  backoffMs,
  isSettled,
  resubscribeWaitMs,
  timerEvent,
  transition,
} from '../../connectors/runtime/subscriptions.ts';
import type {
  SubscriptionEvent,
  SubscriptionState,
} from '../../connectors/runtime/subscriptions.ts';
import { hold } from '../support/property.ts';

const STATES = Object.keys(TRANSITIONS) as SubscriptionState[];
const EVENTS = Object.keys(TRANSITIONS.requested) as SubscriptionEvent[];
const walk = (from: SubscriptionState, ...events: SubscriptionEvent[]): SubscriptionState =>
  events.reduce((state, event) => transition(state, event).to, from);

test('the way to live, and the ways off it', () => {
  assert.equal(walk('requested', 'ack', 'data', 'data'), 'live');
  assert.equal(walk('requested', 'refuse'), 'refused');
  assert.equal(walk('requested', 'no_ack'), 'resubscribing');
  assert.equal(walk('requested', 'ack', 'silent'), 'resubscribing');
  assert.equal(walk('live', 'broken', 'request', 'ack', 'data', 'data'), 'live');
  assert.equal(walk('live', 'stale'), 'stale');
});

test('S1: every state and event has an answer, and every answer is a state', () => {
  for (const state of STATES) {
    for (const event of EVENTS) assert.ok(STATES.includes(TRANSITIONS[state][event].to));
  }
});

test('S2: an action is due on entering resubscribing, and there alone apart from a refusal', () => {
  for (const state of STATES) {
    for (const event of EVENTS) {
      const { to, action } = TRANSITIONS[state][event];
      const enters = to === 'resubscribing' && state !== 'resubscribing';
      assert.equal(action !== 'none' && action !== 'report_refused', enters, `${state} ${event}`);
    }
  }
});

test('S3: asking again leads to requested from anywhere', () => {
  for (const state of STATES) assert.equal(transition(state, 'request').to, 'requested');
});

test('S4: data never makes a refused or stale subscription look worse, nor a broken one whole', () => {
  assert.equal(walk('resubscribing', 'data', 'ack', 'data'), 'resubscribing');
  assert.equal(walk('refused', 'data'), 'first_message');
});

test('timers are about requested and acked alone', () => {
  assert.equal(timerEvent('requested', ACK_TIMEOUT_MS, null), 'no_ack');
  assert.equal(timerEvent('requested', ACK_TIMEOUT_MS - 1, null), null);
  assert.equal(timerEvent('acked', 5_000, 5_000), 'silent');
  assert.equal(timerEvent('acked', 1e9, null), null, 'a quiet market is not a fault');
  for (const state of STATES) {
    if (state !== 'requested' && state !== 'acked') assert.equal(timerEvent(state, 1e9, 1), null);
  }
  assert.equal(isSettled('acked', null), true);
  assert.equal(isSettled('acked', 1_000), false);
});

test('at most three resubscriptions in any minute', () => {
  hold(
    fc.property(fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 200 }), (pauses) => {
      const past: number[] = [];
      const done: number[] = [];
      let now = 0;
      for (const pause of pauses) {
        now += pause;
        const wait = resubscribeWaitMs(past, now);
        assert.ok(wait >= 0 && wait <= 60_000);
        now += wait;
        assert.equal(resubscribeWaitMs(past, now), 0, 'waiting as told is enough');
        past.push(now);
        done.push(now);
      }
      for (const at of done) {
        const within = done.filter((it) => it >= at && it < at + 60_000).length;
        assert.ok(within <= RESUBSCRIBES_PER_MINUTE_MAX, `${within} within a minute`);
      }
    }),
  );
});

test('backoff doubles from 1 to 32 s, jittered down by at most a quarter, never below Retry-After', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 100].map((failures) => backoffMs(failures, null, 0)),
    [1000, 2000, 4000, 8000, 16_000, 32_000, 32_000, 32_000],
  );
  assert.equal(backoffMs(1, null, 0.999999), 750);
  assert.equal(backoffMs(1, 90_000, 0.5), 90_000);
  assert.equal(backoffMs(1, 999_999_000, 0.5), RETRY_AFTER_MS_MAX, 'eleven days is no answer');
});
