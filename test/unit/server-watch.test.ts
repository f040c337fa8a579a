/** A server that goes and comes back, on a real socket. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { test } from 'node:test';
import { isRefused, watchServer } from '../../cli/server-watch.ts';

async function listen(port: number): Promise<Server> {
  const server = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
}

test('a server that goes is told once, and once that it is back', { timeout: 60_000 }, async () => {
  const first = await listen(0);
  const { port } = first.address() as AddressInfo;
  const said: string[] = [];
  const [away, back] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const say = (word: 'away' | 'back'): void => {
    said.push(word);
    (word === 'away' ? away : back).resolve();
  };
  const over = new AbortController();
  const looked = new Promise((resolve) => first.once('connection', resolve));
  const watched = watchServer({ address: `127.0.0.1:${port}`, say, look_ms: 5 }, over.signal);
  await looked;
  await new Promise((resolve) => first.close(resolve));
  await away.promise;
  const second = await listen(port);
  await back.promise;
  over.abort();
  await watched;
  await new Promise((resolve) => second.close(resolve));
  assert.deepEqual(said, ['away', 'back']);
});

test('what is no address is not watched', async () => {
  const say = (): void => assert.fail('nothing to say');
  await watchServer({ address: 'temporal', say }, new AbortController().signal);
});

test('nobody there is known at once; whoever takes connections, or is no address, is asked', async () => {
  const server = await listen(0);
  const { port } = server.address() as AddressInfo;
  assert.equal(await isRefused(`127.0.0.1:${port}`), false);
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await isRefused(`127.0.0.1:${port}`), true);
  assert.equal(await isRefused('temporal'), false);
});
