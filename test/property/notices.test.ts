/** Fingerprints, words and conditions, of anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCondition } from '../../notify/condition.ts';
import { parseMetrics } from '../../notify/prometheus.ts';
import {
  BODY_CHARS_MAX,
  SLACK_HEADER_CHARS_MAX,
  SLACK_SECTION_CHARS_MAX,
  TITLE_CHARS_MAX,
  againOf,
  bodyOf,
  retryCommand,
  slackTold,
  titleOf,
} from '../../notify/render.ts';
import { fillTemplate, templateFaults } from '../../notify/template.ts';
import { uuidOf } from '../../notify/uuid.ts';
import { JOB_TYPES } from '../../schema/jobs.ts';
import { METRICS } from '../../schema/metrics.ts';
import { FINGERPRINT_CHARS_MAX, alertFingerprint, runFingerprint } from '../../schema/notice.ts';
import { PLACE, aNotice } from '../support/notices.ts';
import { words } from '../support/documents.ts';
import { hold } from '../support/property.ts';

const text = fc.string({ maxLength: 300, unit: 'binary' });
const run = fc.record({
  type: fc.oneof(fc.constantFrom(...JOB_TYPES), text),
  id: text,
  feed: fc.option(text),
  day: fc.option(text),
});

test('a fingerprint is an id Temporal takes, the same each time, and another for another run', () => {
  hold(
    fc.property(run, run, (a, b) => {
      const [one, other] = [runFingerprint(a), runFingerprint(b)];
      assert.equal(one, runFingerprint({ ...a }));
      assert.match(one, /^run\/[A-Za-z0-9._:/=,@+~-]*$/);
      assert.ok(one.length <= FINGERPRINT_CHARS_MAX);
      const about = (it: typeof a) => JSON.stringify([it.type, it.id, it.feed, it.day]);
      if (about(a) === about(b)) assert.equal(one, other);
    }),
  );
  hold(
    fc.property(text, text, (a, b) => {
      const of = { type: 'export', feed: null, day: null };
      const strip = (id: string) => id.replace(/-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/, '');
      const same = runFingerprint({ ...of, id: a }) === runFingerprint({ ...of, id: b });
      assert.equal(same, strip(a) === strip(b));
    }),
  );
});

test('a day and a standing job have one fingerprint, whatever id their runs were started under', () => {
  const of = { feed: 'kraken', day: '2026-11-20' };
  const scheduled = 'x-2026-11-21T06:00:00Z';
  for (const type of ['daily-archive', 'archive-tier', 'audit']) {
    const a = runFingerprint({ type, id: 'a', ...of });
    assert.equal(a, runFingerprint({ type, id: scheduled, ...of }));
    assert.notEqual(a, runFingerprint({ type, id: 'a', ...of, feed: 'okx' }));
  }
  const next = { ...of, day: '2026-11-21' };
  const daily = { type: 'daily-archive', id: 'a' };
  assert.notEqual(runFingerprint({ ...daily, ...of }), runFingerprint({ ...daily, ...next }));
  const unknown = { type: 'daily-archive', feed: null, day: null };
  assert.equal(runFingerprint({ ...unknown, id: scheduled }), 'run/x');
});

test('labels of an alert have no order', () => {
  const labels = fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), text, { maxKeys: 5 });
  hold(
    fc.property(labels, (it) => {
      const turned = Object.fromEntries(Object.entries(it).toReversed());
      assert.equal(alertFingerprint('a', it), alertFingerprint('a', turned));
    }),
  );
});

test('an id that follows from words has the shape of a version 4 UUID', () => {
  hold(
    fc.property(text, text, (a, b) => {
      const id = uuidOf('x', a);
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.equal(uuidOf('x', b) === id, a === b);
    }),
  );
});

test('what is told keeps its limits, whatever it is about, and says where it was cut', () => {
  const long = fc.string({ maxLength: 3_000, unit: 'binary' });
  hold(
    fc.property(long, fc.array(long, { maxLength: 9 }), fc.nat(2_000), (title, causes, count) => {
      const notice = aNotice({ title, causes, text: causes.join('').repeat(3) });
      const told = { notice, count };
      assert.ok(titleOf(notice, PLACE).length <= TITLE_CHARS_MAX);
      assert.ok(!titleOf(notice, PLACE).includes('\n'));
      for (const body of [bodyOf(told, PLACE), againOf(told, PLACE)]) {
        assert.ok(body.length <= BODY_CHARS_MAX);
        if (body.length === BODY_CHARS_MAX) assert.match(body, /\(cut: \d+ characters\)$/);
      }
      const [header, section] = slackTold(told, PLACE).blocks;
      assert.ok((header?.text.text.length ?? 0) <= SLACK_HEADER_CHARS_MAX);
      assert.ok((section?.text.text.length ?? 0) <= SLACK_SECTION_CHARS_MAX);
    }),
  );
  const cut = titleOf(aNotice({ title: 'x'.repeat(500) }), PLACE);
  assert.match(cut, /\(cut: 507 characters\)$/);
});

test('the command that takes a job up again is one shell word after another', () => {
  const id = fc.string({ minLength: 1, maxLength: 40 }).filter((it) => !/['\s]/.test(it));
  hold(
    fc.property(id, (it) => {
      const { run } = aNotice();
      const command = retryCommand(
        aNotice({ run: run === null ? null : { ...run, id: it } }),
        PLACE,
      );
      assert.deepEqual(words(command ?? ''), ['npx', 'ssmd', 'job', 'retry', it, '--env', 'test']);
    }),
  );
});

test('a condition is read or refused, never more', () => {
  const metric = fc.constantFrom(...Object.keys(METRICS));
  const op = fc.constantFrom('==', '!=', '>', '<', '>=', '<=');
  const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((it) => it + 0);
  hold(
    fc.property(metric, op, number, fc.boolean(), (name, sign, it, abs) => {
      const asked = abs ? `abs(${name})` : name;
      assert.deepEqual(parseCondition(`${asked} ${sign} ${it}`), {
        ...{ metric: name, abs, op: sign, number: it },
      });
    }),
  );
  hold(
    fc.property(text, (it) => {
      const read = parseCondition(it);
      if ('metric' in read) assert.ok(it.includes(read.metric));
      else assert.ok(read.hint.length > 0);
    }),
  );
});

test('a template that is taken leaves no hole', () => {
  const part = fc.constantFrom(
    '{{ $labels.feed }}',
    '{{$value}}',
    '{{',
    '}}',
    '{',
    'Feed: ',
    '\n',
    '{{ x }}',
  );
  hold(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const template = parts.join('');
      if (templateFaults(template, ['feed']).length > 0) return;
      const filled = fillTemplate(template, { name: 'a', labels: { feed: 'kraken' }, value: 7 });
      assert.ok(!filled.includes('$') && !filled.includes('{{'), filled);
    }),
  );
  hold(fc.property(text, (page) => void parseMetrics(page)));
});
