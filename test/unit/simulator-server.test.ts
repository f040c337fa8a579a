import assert from 'node:assert/strict';
import { test as nodeTest } from 'node:test';
import { retryAfterSeconds } from '../../connectors/runtime/socket.ts';
import { wsSockets } from '../../connectors/runtime/ws-socket.ts';
import { startSimulator, type SimulatorOptions } from '../../connectors/simulator/server.ts';

/** Nothing here waits for a clock: only for what the sockets do, and that comes or never will. */
const test = (name: string, run: () => Promise<void>): void =>
  void nodeTest(name, { timeout: 60_000 }, run);

/** What a real socket saw, and a way to wait for it. */
function listener() {
  const seen: string[] = [];
  const frames: Uint8Array[] = [];
  let wake = (): void => {};
  const note = (what: string): void => {
    seen.push(what);
    wake();
  };
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise<void>((resolve) => (wake = resolve));
  };
  const handlers = {
    onOpen: () => note('open'),
    onFrame: (bytes: Uint8Array) => {
      frames.push(bytes);
      note(new TextDecoder().decode(bytes));
    },
    onPing: () => note('ping'),
    onTooLarge: (bytes: number) => note(`too large ${bytes}`),
    onClose: (code: number | null, reason: string, by: string) =>
      note(`close ${code} ${reason} ${by}`),
    onUpgradeRefused: (status: number, headers: Readonly<Record<string, string>>) =>
      note(`refused ${status} ${retryAfterSeconds(headers)}`),
  };
  return { seen, frames, handlers, until };
}

async function withSimulator(
  options: SimulatorOptions,
  use: (simulator: Awaited<ReturnType<typeof startSimulator>>) => Promise<void>,
): Promise<void> {
  const simulator = await startSimulator(options);
  try {
    await use(simulator);
  } finally {
    await simulator.stop();
  }
}

const KRAKEN: SimulatorOptions = { feed: 'kraken', symbols: ['BTC/USD'], rate: 200, seed: 4 };
const BOOK = '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]}}';

test('a real socket is greeted, acked, fed, and closed by us', async () => {
  await withSimulator(KRAKEN, async ({ url }) => {
    const { seen, handlers, until } = listener();
    const socket = wsSockets()(url, handlers);
    assert.deepEqual(seen, [], 'nothing is called before the socket is returned');
    await until(() => seen[0] === 'open');
    socket.send(BOOK);
    await until(() => seen.length > 50);
    assert.match(seen[1] ?? '', /"channel":"status"/);
    assert.match(seen[2] ?? '', /"success":true/);
    assert.match(seen[3] ?? '', /"type":"snapshot"/);
    socket.close(1000, 'done');
    await until(() => (seen.at(-1) ?? '').startsWith('close'));
    assert.equal(seen.at(-1), 'close 1000 done us');
  });
});

test('bytes that are no UTF-8 arrive as they were sent', async () => {
  await withSimulator(KRAKEN, async ({ url, inject, ledger }) => {
    const { frames, seen, handlers, until } = listener();
    const socket = wsSockets()(url, handlers);
    await until(() => seen.length > 1);
    for (let times = 0; times < 30; times++) inject({ kind: 'garbage' });
    await until(() => frames.length > 30);
    const strange = frames.filter((bytes) => Buffer.from(bytes).indexOf(0xff) >= 0);
    assert.equal(strange.length, ledger.filter(({ detail }) => detail === 'not UTF-8').length);
    assert.ok(strange.length > 0);
    assert.deepEqual([...(strange[0] ?? [])], [0x7b, 0x22, 0xff, 0xfe, 0xc3, 0x28, 0x7d]);
    socket.terminate();
    await until(() => seen.at(-1) === 'close null  us' || (seen.at(-1) ?? '').endsWith('us'));
  });
});

test('the venue’s close with a code, and a cut without one', async () => {
  await withSimulator(KRAKEN, async ({ url, inject, ledger }) => {
    for (const [code, expected] of [
      [1012, 'close 1012 simulated fault venue'],
      [null, 'close null  network'],
    ] as const) {
      const { seen, handlers, until } = listener();
      wsSockets()(url, handlers);
      await until(() => seen.length > 1);
      inject({ kind: 'close', code });
      await until(() => (seen.at(-1) ?? '').startsWith('close'));
      assert.equal(seen.at(-1), expected);
    }
    assert.equal(ledger.length, 2);
  });
});

test('HTTP answers to the upgrade: 429 with Retry-After, 404; nobody listening: a close', async () => {
  let url = '';
  await withSimulator(KRAKEN, async (simulator) => {
    url = simulator.url;
    simulator.inject({ kind: '429', duration_ms: 60_000 });
    const refused = listener();
    wsSockets()(url, refused.handlers);
    await refused.until(() => refused.seen.length > 0);
    assert.deepEqual(refused.seen, ['refused 429 60']);
  });
  await withSimulator(KRAKEN, async (simulator) => {
    const lost = listener();
    wsSockets()(simulator.url.replace('/v2', '/v1'), lost.handlers);
    await lost.until(() => lost.seen.length > 0);
    assert.deepEqual(lost.seen, ['refused 404 null']);
  });
  const nobody = listener();
  wsSockets()(url, nobody.handlers);
  await nobody.until(() => nobody.seen.length > 0);
  assert.match(nobody.seen[0] ?? '', /^close null .*ECONNREFUSED.* network$/);
  assert.equal(nobody.seen.length, 1);
});

test('a message over the limit ends the connection', async () => {
  await withSimulator(KRAKEN, async ({ url }) => {
    const { seen, handlers, until } = listener();
    wsSockets({ frame_bytes_max: 50 })(url, handlers);
    await until(() => (seen.at(-1) ?? '').startsWith('close'));
    assert.match(seen.at(-1) ?? '', /^close null .*payload.* network$/i);
    assert.deepEqual(seen.slice(-2, -1), ['too large 51']);
  });
});

test('an unknown feed is refused with what there is', async () => {
  await assert.rejects(startSimulator({ feed: 'nowhere', symbols: ['X'] }), {
    code: 'SSMD_INVALID_INPUT',
    message:
      /no simulated venue "nowhere"; there are binance-usdm, bybit-linear, coinbase, kraken, okx/,
  });
});
