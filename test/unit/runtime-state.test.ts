import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { hashConfig } from '../../connectors/runtime/provenance.ts';
import { connectorState, createRateWindow } from '../../connectors/runtime/state.ts';
import type { Measurements } from '../../connectors/runtime/state.ts';
import { openStatusServer } from '../../connectors/runtime/status-server.ts';

const WELL: Measurements = {
  log_failure: null,
  connections: 2,
  connections_open: 2,
  refused: 0,
  queue_ratio: 0.1,
  stream_ratio: 0.1,
  drops: 0,
  gaps: 0,
  phase: 'speaking',
};
const stateOf = (change: Partial<Measurements>): string =>
  connectorState({ ...WELL, ...change }).state;

test('the four states, the worst one wins', () => {
  assert.equal(stateOf({}), 'READY');
  assert.equal(stateOf({ queue_ratio: 0.81 }), 'DEGRADED');
  assert.equal(stateOf({ queue_ratio: 0.8 }), 'READY');
  assert.equal(stateOf({ stream_ratio: 0.51 }), 'DEGRADED');
  assert.equal(stateOf({ stream_ratio: 0.5 }), 'READY');
  assert.equal(stateOf({ stream_ratio: null }), 'READY');
  assert.equal(stateOf({ drops: 1 }), 'DEGRADED');
  assert.equal(stateOf({ gaps: 10 }), 'READY');
  assert.equal(stateOf({ gaps: 11 }), 'DEGRADED');
  assert.equal(stateOf({ connections_open: 1 }), 'DEGRADED');
  assert.equal(stateOf({ refused: 1 }), 'DEGRADED');
  assert.equal(stateOf({ phase: 'standby' }), 'DEGRADED');
  assert.equal(stateOf({ connections_open: 0, drops: 5 }), 'OFFLINE');
  assert.equal(stateOf({ connections_open: 0, log_failure: 'ENOSPC' }), 'ERROR');
});

test('a rate window forgets after a minute', () => {
  const window = createRateWindow();
  assert.equal(window.add(0, 0), 0);
  assert.equal(window.add(1_000, 7), 7);
  assert.equal(window.add(59_000, 7), 7);
  assert.equal(window.add(61_500, 8), 1);
  assert.equal(window.add(200_000, 8), 0);
});

test('the hash of a configuration does not depend on the order of its keys', () => {
  const symbols = [{ symbol: 'A', external: 'a', depth: 'l2' as const }];
  const one = hashConfig({ feed: 'f', shard: 's', symbols, channels: ['x'], book_depth: 10 });
  const two = hashConfig({ book_depth: 10, channels: ['x'], symbols, shard: 's', feed: 'f' });
  assert.equal(one.sha256, two.sha256);
  const three = hashConfig({ ...one.config, book_depth: 25 });
  assert.notEqual(one.sha256, three.sha256);
});

test('a page that cannot be told is answered with 500, and ends nothing else', async (t) => {
  const server = await openStatusServer(
    {
      status: () => ({ bytes: 1n }),
      metrics: () => Promise.reject(new Error('no figures')),
      ready: () => assert.fail('not ready to say'),
    },
    { port: 0 },
  );
  t.after(() => server.close());
  for (const [path, says] of [
    ['/status', /BigInt/],
    ['/metrics', /no figures/],
    ['/health/ready', /not ready to say/],
  ] as const) {
    const response = await fetch(`${server.url}${path}`);
    assert.equal(response.status, 500, path);
    assert.match(await response.text(), says);
  }
  assert.equal((await fetch(`${server.url}/health`)).status, 200);
});

test('the status pages can be read and nothing else', async (t) => {
  let ready = false;
  const server = await openStatusServer(
    {
      status: () => ({ state: 'READY' }),
      metrics: () => Promise.resolve('a_total 1\n'),
      ready: () => ready,
    },
    { port: 0 },
  );
  t.after(() => server.close());
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const at = (path: string, method = 'GET'): Promise<Response> =>
    fetch(`${server.url}${path}`, { method });
  assert.deepEqual(await (await at('/status')).json(), { state: 'READY' });
  assert.equal(await (await at('/metrics?x=1')).text(), 'a_total 1\n');
  assert.equal((await at('/health')).status, 200);
  assert.equal((await at('/health/ready')).status, 503);
  ready = true;
  assert.equal((await at('/health/ready')).status, 200);
  assert.equal((await at('/status', 'PUT')).status, 405);
  assert.equal((await at('/status', 'DELETE')).headers.get('allow'), 'GET, HEAD');
  assert.equal((await at('/')).status, 404);
  for (const [said, answered] of [
    ['CONNECT /status HTTP/1.1', '405 Method Not Allowed\r\nallow: GET, HEAD'],
    ['STOP /status HTTP/1.1', '405 Method Not Allowed\r\nallow: GET, HEAD'],
    ['GET /status NONSENSE', '400 Bad Request'],
    [`GET /${'x'.repeat(9_000)} HTTP/1.1`, '431 '],
  ] as const)
    assert.match(await rawAnswer(server.url, said), new RegExp(`^HTTP/1\\.1 ${answered}`), said);
  assert.equal((await at('/health')).status, 200);
});

/** What comes back for a request's own text, whatever it is. */
async function rawAnswer(url: string, line: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`${line}\r\nhost: x\r\n\r\n`);
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += String(chunk);
  return text;
}
