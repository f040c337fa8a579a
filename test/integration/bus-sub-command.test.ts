/** `ssmd sub` over a real nats-server, in this process. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Bus } from '../../bus/bus.ts';
import { DEFAULT_LIMITS } from '../../bus/bus.ts';
import { createNatsBus } from '../../bus/nats.ts';
import { buildProgram } from '../../cli/main.ts';
import { createOutput } from '../../cli/output.ts';
import { encodeMarketEvent } from '../../codec/md2.ts';
import { unixNs } from '../../schema/time.ts';
import { eventMessage, openFor } from '../support/bus-contract.ts';
import { until } from '../support/until.ts';
import type { TestServers } from '../support/servers.ts';
import { startTestServers } from '../support/servers.ts';

let servers: TestServers;
let bus: Bus & AsyncDisposable;

before(async () => {
  servers = await startTestServers({ nats: true });
  bus = await createNatsBus({
    servers: servers.nats.url,
    environment: 'dev',
    subject_prefix: '',
    name: 'test',
    wait: false,
  });
  await bus.ensureStreams({ ...DEFAULT_LIMITS, max_bytes: 64e6 });
});
after(async () => {
  await bus.close();
  await servers[Symbol.asyncDispose]();
});

type Run = { readonly out: string[]; readonly err: string[]; readonly done: Promise<unknown> };

function run(args: readonly string[], interrupted: AbortSignal): Run {
  const out: string[] = [];
  const err: string[] = [];
  const output = createOutput({
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    env: {},
  });
  const env = { SSMD_NATS_URL: servers.nats.url };
  const program = buildProgram({ root: servers.dir, env, output, interrupted });
  return { out, err, done: program.parseAsync(['sub', ...args], { from: 'user' }) };
}

function trade(index: number): Uint8Array {
  return encodeMarketEvent({
    type: 'trade',
    t: unixNs(1_795_252_499_335_952_197n),
    ts_event: null,
    index,
    shard: 'tier1',
    feed: 'kraken',
    symbol: 'BTCUSD',
    sequence: null,
    flags: 0,
    price: { mantissa: 640001n, exponent: -1 },
    size: { mantissa: 50n, exponent: -2 },
    side: 'buy',
    trade_id: '7',
    order_type: null,
    first_trade_id: null,
    last_trade_id: null,
  });
}

async function publishTrades(count: number): Promise<void> {
  const { publisher, put } = await openFor(bus, 'tier1');
  for (let index = 0; index < count; index++) {
    await put(eventMessage('tier1', 'BTCUSD', '', { data: trade(index) }));
  }
  await publisher.close();
}

test('prints events readable, and ends by itself after --count', async () => {
  const { out, err, done } = run(['md.kraken.>', '--count', '2'], new AbortController().signal);
  await until('listening', () => err.some((it) => it.includes('listening to')));
  await publishTrades(3);
  await done;
  assert.equal(out.length, 2);
  assert.match(out[0] ?? '', /kraken\s+BTCUSD\s+trade\s+buy 0\.50 @ 64000\.1\s+id 7\n/);
});

test('prints JSON with exact decimals as text, and ends cleanly when interrupted', async () => {
  const stop = new AbortController();
  const { out, err, done } = run(['md.kraken.trade.*', '--json'], stop.signal);
  await until('listening', () => err.some((it) => it.includes('listening to')));
  await publishTrades(1);
  await until('printed', () => out.length === 1);
  stop.abort();
  await done;
  const shown: unknown = JSON.parse(out[0] ?? '');
  const { subject, price, t, trade_id } = shown as Record<string, unknown>;
  assert.deepEqual(
    { subject, price, t, trade_id },
    {
      subject: 'md.kraken.trade.BTCUSD',
      price: '64000.1',
      t: '1795252499335952197',
      trade_id: '7',
    },
  );
});

test('a subject that is none is one error with an example', async () => {
  const { done } = run(['kraken'], new AbortController().signal);
  await assert.rejects(done, { code: 'SSMD_INVALID_INPUT', message: /md\.kraken\.trade\.>/ });
});

test('says at once that the bus is away, and that it is back', async () => {
  const stop = new AbortController();
  const { out, err, done } = run(['md.kraken.>', '--count', '1'], stop.signal);
  await until('listening', () => err.some((it) => it.includes('listening to')));
  await servers.nats.kill();
  await until('away', () => err.some((it) => it.includes('the bus is away')));
  await servers.nats.restart();
  await until('back', () => err.some((it) => it.includes('the bus is back')));
  await publishTrades(1);
  await done;
  assert.equal(out.length, 1);
  assert.equal(err.filter((it) => it.includes('away')).length, 1, 'once');
});
