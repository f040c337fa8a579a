/** Files by which a worker finds the connectors of its host. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Sample } from '../../schema/metrics.ts';
import { scrape } from '../../workers/alerts.ts';
import type { Target } from '../../workers/alerts.ts';
import { announceIfServed, announceStatus, listStatus } from '../../workers/status-files.ts';

const root = await mkdtemp(join(tmpdir(), 'ssmd-status-'));
after(() => rm(root, { recursive: true, force: true }));
const place = { root, environment: 'test' };
const own = { url: 'http://127.0.0.1:1', feed: 'kraken', shard: 'tier1', pid: process.pid };
const urls = async () => (await listStatus(place)).map(({ url }) => url);

test('it is listed until it is taken back, and never of another host', async () => {
  await announceStatus(place, { ...own, pid: 1, host: 'another-container' });
  assert.deepEqual(await urls(), []);
  const back = await announceStatus(place, own);
  assert.deepEqual(await urls(), [own.url]);
  await back();
  assert.deepEqual(await urls(), []);
});

test('without a page, or a folder to write to, a connector goes on', async () => {
  await (
    await announceIfServed(place, { ...own, url: null })
  )();
  const nowhere = { root: '/dev/null', environment: 'test' };
  await (
    await announceIfServed(nowhere, own)
  )();
  assert.deepEqual(await urls(), []);
});

test('a page that does not answer is a connector that is down, with the labels it had', async () => {
  const { signal } = new AbortController();
  const reached = new Map<string, Target>();
  const nobody = { url: 'http://127.0.0.1:1', feed: null, shard: null };
  const known = { ...nobody, feed: 'kraken', shard: 'tier1' };
  const labelsOf = async (target: Target) => (await scrape([target], reached, signal))[0];
  const down = { name: 'ssmd_connector_up', value: 0 };
  assert.deepEqual(await labelsOf(nobody), { ...down, labels: { instance: nobody.url } });
  const labels = { shard: 'tier1', feed: 'kraken' };
  assert.deepEqual(await labelsOf(known), { ...down, labels });
  reached.set(nobody.url, known);
  assert.deepEqual(await labelsOf(nobody), { ...down, labels });
});

/** What a page says that is there for one look; `look` again, when it is gone. */
async function lookOnce(page: RequestListener) {
  const server = createServer(page);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const reached = new Map<string, Target>();
  const { signal } = new AbortController();
  const look = () => scrape([{ url, feed: null, shard: null }], reached, signal);
  const found = await look();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  return { url, found, look };
}

test('what was down before it was ever reached is up under that name as well', async () => {
  const page = 'ssmd_connector_up{shard="tier1",feed="kraken"} 1\n';
  const { url, found, look } = await lookOnce((_, response) => response.end(page));
  const up = found.filter(({ name }) => name === 'ssmd_connector_up');
  const [named, address] = [{ shard: 'tier1', feed: 'kraken' }, { instance: url }];
  const sorted = (of: readonly Sample[]) => of.map(({ labels, value }) => ({ labels, value }));
  assert.deepEqual(sorted(up), [
    { labels: named, value: 1 },
    { labels: address, value: 1 },
  ]);
  assert.deepEqual(sorted(await look()), [{ labels: named, value: 0 }], 'one trouble, not two');
});

test('a collector is asked for text, told by its address, and down under its own metric', async () => {
  const text = 'ssmd_collector_up 1\nssmd_collector_queue_ratio 0.5\n';
  const { url, found, look } = await lookOnce((request, response) => {
    response.end(request.headers.accept === 'text/plain' ? text : '{"up":1}');
  });
  const labels = { instance: url };
  assert.deepEqual(found, [
    { name: 'ssmd_collector_up', labels, value: 1 },
    // Whatever it was taken for before it was reached is over.
    { name: 'ssmd_connector_up', labels, value: 1 },
    { name: 'ssmd_collector_queue_ratio', labels, value: 0.5 },
  ]);
  assert.deepEqual(await look(), [{ name: 'ssmd_collector_up', labels, value: 0 }]);
});
