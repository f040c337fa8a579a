/** A connection that is closed while its server is away and a call waits to be tried again. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isGrpcCancelledError } from '@temporalio/client';
import { connectTemporal } from '../../cli/temporal-connection.ts';
import { startTestServers } from '../support/servers.ts';

const servers = await startTestServers({ temporal: true });
after(() => servers[Symbol.asyncDispose]());

test('a call that would be tried again is called off, and nothing is thrown where nobody hears', async () => {
  const { temporal } = servers;
  const opened = await connectTemporal({ address: temporal.address });
  const ask = (): Promise<unknown> => opened.connection.workflowService.getClusterInfo({});
  await ask();
  await temporal.kill();
  // As of a command that is over before its question is answered.
  const asked = assert.rejects(ask(), isGrpcCancelledError);
  await opened[Symbol.asyncDispose]();
  await asked;
  await temporal.restart();
});

test('while it is open a call is tried again until its server is back', async () => {
  const { temporal } = servers;
  await using opened = await connectTemporal({ address: temporal.address });
  await temporal.kill();
  const asked = opened.connection.workflowService.getClusterInfo({});
  await temporal.restart();
  assert.ok((await asked).serverVersion !== '');
});
