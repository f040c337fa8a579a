/** Alerts as they are written, and when they fire. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notifySettings, readAlerts } from '../../environments/alerts-file.ts';
import { createAlerts } from '../../notify/alerts.ts';
import { holds, parseCondition, parseDuration } from '../../notify/condition.ts';
import { parseMetrics } from '../../notify/prometheus.ts';
import { UNKNOWN_LABEL, fillTemplate } from '../../notify/template.ts';
import { createCounters, createMetrics } from '../../connectors/runtime/counters.ts';
import { SsmdError } from '../../schema/errors.ts';
import { METRICS } from '../../schema/metrics.ts';
import type { Sample } from '../../schema/metrics.ts';
import { FINGERPRINT_CHARS_MAX, alertFingerprint, runFingerprint } from '../../schema/notice.ts';
import { readProjectFile } from '../support/project.ts';

/** As the requirements have it. */
const SAMPLE = `# alerts/linear-integration.yaml
alerts:
  - name: connector-down
    condition: ssmd_connector_up == 0
    for: 5m
    linear:
      team: platform
      priority: urgent
      template: |
        **Connector Down**
        Feed: {{ $labels.feed }}
        Duration: {{ $value }}m

  - name: data-quality-failure
    condition: ssmd_qa_check_failed > 0
    linear:
      team: data-quality
      priority: high
      template: |
        **QA Check Failed**
        Feed: {{ $labels.feed }}
        Check: {{ $labels.check }}
        Date: {{ $labels.date }}
`;
const { rules } = readAlerts('a.yaml', SAMPLE);

const up = (value: number, feed = 'kraken'): Sample => ({
  name: 'ssmd_connector_up',
  labels: { shard: 'tier1', feed },
  value,
});
const MINUTE = 60_000;

function faultsOf(text: string): string {
  try {
    readAlerts('a.yaml', text);
  } catch (error) {
    assert.ok(error instanceof SsmdError && error.code === 'SSMD_INVALID_CONFIG', String(error));
    return error.message;
  }
  assert.fail(`taken: ${text}`);
}

const alert = (condition: string, more = ''): string =>
  `alerts:\n  - name: it\n    condition: ${condition}\n${more}`;

test('the sample of the requirements, and the shipped file, are read', () => {
  assert.deepEqual(
    rules.map(({ name, for_ms, team, priority }) => [name, for_ms, team, priority]),
    [
      ['connector-down', 5 * MINUTE, 'platform', 'urgent'],
      ['data-quality-failure', 0, 'data-quality', 'high'],
    ],
  );
  const shipped = readAlerts('b.yaml', readProjectFile('alerts/linear-integration.yaml'));
  assert.deepEqual(
    shipped.rules.map(({ name }) => name),
    rules.map(({ name }) => name),
  );
  assert.deepEqual(readAlerts('c.yaml', '').rules, []);
  const severities = readAlerts(
    'd.yaml',
    alert('abs(ssmd_clock_offset_us) > 10000  # >10ms', '    for: 5m\n    severity: warning\n'),
  );
  assert.equal(severities.rules[0]?.priority, 'high');
});

test('anything else is refused with line and column, and what was meant', () => {
  assert.match(
    faultsOf(alert('ssmd_conector_up == 0')),
    /a\.yaml:3:5: unknown metric "ssmd_conector_up" \(did you mean "ssmd_connector_up"\?\)/,
  );
  for (const beyond of [
    'delta(ssmd_clock_offset_us[10m]) > 1',
    'abs(delta(ssmd_clock_offset_us[10m])) > 1',
    'ssmd_clock_offset_us - avg_over_time(ssmd_clock_offset_us[1h]) > 5',
  ]) {
    assert.match(faultsOf(alert(`'${beyond}'`)), /a\.yaml:3:5: .*is no condition .*for Prometheus/);
  }
  for (const wrong of [
    'ssmd_connector_up',
    'ssmd_connector_up = 0',
    'ssmd_connector_up == zero',
    '0 == ssmd_connector_up',
    'ssmd_connector_up == 0 and 1',
    'ssmd_connector_up{feed="x"} == 0',
    '""',
  ]) {
    assert.match(
      faultsOf(alert(`'${wrong.replaceAll("'", '')}'`)),
      /a\.yaml:3:5: .*is no condition/,
      wrong,
    );
  }
  assert.match(
    faultsOf(alert('ssmd_connector_up == 0', '    fro: 5m\n')),
    /a\.yaml:4:5: .*"fro".*did you mean "for"/,
  );
  assert.match(
    faultsOf(alert('ssmd_connector_up == 0', '    for: soon\n')),
    /a\.yaml:4:5: .*5m or 1h/,
  );
  assert.match(
    faultsOf(alert('ssmd_connector_up == 0', '    linear:\n      priority: hihg\n')),
    /a\.yaml:5:7: .*hihg/,
  );
  const label = '    linear:\n      template: "{{ $labels.fede }}"\n';
  assert.match(
    faultsOf(alert('ssmd_connector_up == 0', label)),
    /a\.yaml:5:7: the metric has no label "fede": did you mean "feed"/,
  );
  const hole = '    annotations:\n      description: "{{ humanize $value }}"\n';
  assert.match(
    faultsOf(alert('ssmd_connector_up == 0', hole)),
    /a\.yaml:5:7: .*humanize.*there are \{\{ \$value \}\}/,
  );
  const twice = `${alert('ssmd_connector_up == 0')}  - name: it\n    condition: ssmd_connector_up == 1\n`;
  assert.match(faultsOf(twice), /a\.yaml:4:5: name "it" is used twice/);
});

test('a condition holds as it reads', () => {
  for (const [text, value, expected] of [
    ['ssmd_connector_up == 0', 0, true],
    ['ssmd_connector_up == 0', 1, false],
    ['ssmd_connector_up != 0', 1, true],
    ['ssmd_connector_lag_seconds >= 1.5', 1.5, true],
    ['ssmd_connector_lag_seconds > 1.5', 1.5, false],
    ['ssmd_connector_lag_seconds <= -1e3', -1000, true],
    ['abs(ssmd_clock_offset_us) > 10', -11, true],
    ['ssmd_clock_offset_us < -10', -11, true],
    ['abs( ssmd_clock_offset_us )<10', -11, false],
    ['ssmd_clock_offset_us > 0', NaN, false],
  ] as const) {
    const condition = parseCondition(text);
    assert.ok('metric' in condition, text);
    assert.equal(holds(condition, { value }), expected, `${text} of ${value}`);
  }
  assert.deepEqual(
    ['90s', '5m', '1h30m', '1d'].map(parseDuration),
    [90e3, 300e3, 5_400e3, 86_400e3],
  );
  assert.deepEqual(['', '5', 'm', '5 m', '-5m', '5m!'].map(parseDuration), Array(6).fill(null));
});

test('it fires once it held for as long as it says, once, and is over when it does not hold', () => {
  const alerts = createAlerts(rules, []);
  const told = (at: number, ...samples: Sample[]) => {
    const { told, well } = alerts.look(samples, at * MINUTE);
    return [told.map(({ fingerprint }) => fingerprint), well.map(({ fingerprint }) => fingerprint)];
  };
  const name = 'alert/connector-down/feed=kraken/shard=tier1';
  assert.deepEqual(told(0, up(0)), [[], []]);
  assert.deepEqual(told(4, up(0)), [[], []]);
  assert.deepEqual(told(4.5, up(1)), [[], []]);
  assert.deepEqual(told(5, up(0), up(0, 'okx')), [[], []]);
  assert.deepEqual(told(10, up(0), up(1, 'okx')), [[name], []]);
  assert.deepEqual(told(11, up(0)), [[], []]);
  // Nobody knows: it is not over.
  assert.deepEqual(told(12), [[], []]);
  assert.deepEqual(told(13, up(1)), [[], [name]]);
  assert.deepEqual(told(14, up(1)), [[], []]);
});

test('after a restart what was told goes on, and what is over is said', () => {
  const name = 'alert/connector-down/feed=kraken/shard=tier1';
  const alerts = createAlerts(rules, [name]);
  assert.deepEqual(alerts.look([up(0)], 0), { told: [], well: [], crowded: [] });
  assert.deepEqual(alerts.look([up(0)], 5 * MINUTE).told, []);
  assert.equal(alerts.look([up(1)], 6 * MINUTE).well[0]?.fingerprint, name);
});

test('a failed check is one trouble, whoever tells of it; its words are filled in', () => {
  const labels = { feed: 'kraken', check: 'sequence', date: '2026-11-20' };
  const sample = { name: 'ssmd_qa_check_failed', labels, value: 1 };
  const [notice] = createAlerts(rules, []).look([sample], 0).told;
  assert.equal(notice?.fingerprint, 'qa/kraken/2026-11-20/sequence');
  assert.equal(notice.text, '**QA Check Failed**\nFeed: kraken\nCheck: sequence\nDate: 2026-11-20');
  assert.deepEqual(
    [notice.team, notice.priority, notice.day],
    ['data-quality', 'high', '2026-11-20'],
  );
  const bare = { ...sample, labels: {} };
  assert.equal(fillTemplate('{{$labels.feed}} is {{ $value }}', bare), `${UNKNOWN_LABEL} is 1`);
});

test('the metrics a condition may ask for are those a connector serves, by name and labels', async () => {
  const config = { feed: 'kraken', shard: 'tier1', symbols: [], channels: [], book_depth: 10 };
  const counters = createCounters(config);

  counters.alarms.set('stale', 1);
  const gauges = {
    state: 'READY',
    connections: 1,
    connections_open: 1,
    reconnects: 0,
    queue_ratio: 0,
    stream_ratio: 0,
    lag_s: 0,
    local_log_bytes: 0,
    segments_pending: 0,
  } as const;
  const text = await createMetrics(config, counters, () => gauges).text();
  const samples = parseMetrics(text);
  assert.ok(samples.length >= 20);
  for (const { name, labels } of samples) {
    assert.deepEqual(Object.keys(labels).toSorted(), [...(METRICS[name] ?? [])].toSorted(), name);
  }
  const served = new Set(samples.map(({ name }) => name));
  const ours = Object.keys(METRICS).filter((name) => /^ssmd_(connector|shard)_/.test(name));
  assert.deepEqual(
    ours.filter((name) => !served.has(name)),
    [],
  );
  assert.deepEqual(parseMetrics('a{b="x\\"y\\n",c="}"} +Inf\n# b\nb 1 2\nno\n'), [
    { name: 'a', labels: { b: 'x"y\n', c: '}' }, value: Infinity },
    { name: 'b', labels: {}, value: 1 },
  ]);
});

test('secrets come from the variables that are named, and nothing else', () => {
  const file = readAlerts('a.yaml', 'linear: {key_from: OUR_KEY, team: ops}\n');
  const none = notifySettings(file, { LINEAR_API_KEY: 'x' });
  assert.deepEqual([none.linear, none.webhook, none.metrics], [null, null, []]);
  const some = notifySettings(file, {
    ...{ OUR_KEY: 'k', SSMD_WEBHOOK_URL: 'https://hooks.test/s' },
    SSMD_METRICS: 'http://a:1, http://b:2',
  });
  assert.deepEqual(some.linear, { api_key: 'k', url: null, team: 'ops', repository: null });
  assert.deepEqual(some.metrics, ['http://a:1', 'http://b:2']);
  assert.match(faultsOf('linear: {key_from: lin_api_secret}\n'), /a\.yaml:1:10/);
});

test('what a worker before this one told is over when it is', () => {
  const fingerprint = alertFingerprint('connector-down', up(0).labels);
  const alerts = createAlerts(rules, [fingerprint]);
  assert.deepEqual(
    alerts.look([up(1)], 0).well.map((it) => it.fingerprint),
    [fingerprint],
  );
  assert.deepEqual(alerts.look([up(1)], MINUTE).well, [], 'once');
});

test('fingerprints: of a standing job whatever its id, of long ids each its own', () => {
  const of = (type: string, id: string) => runFingerprint({ type, id, feed: null, day: null });
  assert.equal(of('audit', 'audit-2026-11-21T09:00:00Z'), of('audit', 'audit/all/by-hand'));
  const long = 'x'.repeat(FINGERPRINT_CHARS_MAX);
  assert.notEqual(of('export', `${long}a`), of('export', `${long}b`));
  assert.ok(of('export', `${long}a`).length <= FINGERPRINT_CHARS_MAX);
});

test('a condition over time is refused with its line, the reason, and what comes nearest', () => {
  // As the requirements have them, for the clock.
  const written = [
    ['abs(delta(ssmd_clock_offset_us[10m])) > 1000', 'abs(ssmd_clock_offset_us) > 1000'],
    [
      'abs(ssmd_exchange_clock_skew_us - avg_over_time(ssmd_exchange_clock_skew_us[1h])) > 50000',
      'abs(ssmd_exchange_clock_skew_us) > 50000',
    ],
    ['rate(ssmd_connector_drops_total[5m]) >= 1', 'ssmd_connector_drops_total >= 1'],
  ] as const;
  for (const [condition, instead] of written) {
    const text = `alerts:\n  - name: drift\n    condition: |\n      ${condition}\n`;
    assert.throws(
      () => readAlerts('a.yaml', text),
      (error: SsmdError) => {
        assert.equal(error.code, 'SSMD_INVALID_CONFIG');
        assert.match(error.message, /a\.yaml:3:\d+/);
        assert.ok(error.message.includes('functions over time are for Prometheus'), error.message);
        assert.ok(error.message.includes(`of what it is now: ${instead};`), error.message);
        return true;
      },
    );
    assert.ok('metric' in parseCondition(instead), instead);
  }
});
