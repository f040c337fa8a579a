/** `ssmd feed` against simulated venues over real sockets: each venue refuses in its own way. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { startSimulator } from '../../connectors/simulator/server.ts';
import type { Simulator } from '../../connectors/simulator/server.ts';
import { ssmd } from '../support/command-line.ts';
import { scenarioEnvironmentText } from '../support/contract-stage.ts';
import { scratchDirectory } from '../support/runtime.ts';

type Checked = {
  readonly ok: boolean;
  readonly subscriptions: readonly {
    readonly channel: string;
    readonly symbol: string | null;
    readonly external: string | null;
    readonly result: string;
    readonly ack_ms: number | null;
    readonly first_message_ms: number | null;
    readonly said: string;
  }[];
};

/**
 * A market of each venue, one that it has not, and its words to that. Binance acknowledges a stream that
 * does not exist and then says nothing of it: what always opens with a message is missed.
 */
const VENUES = {
  kraken: { known: 'BTC/USD', unknown: 'NOPE/USD', words: /not supported/i, result: 'refused' },
  'binance-usdm': {
    known: 'BTCUSDT',
    unknown: 'NOPEUSDT',
    words: /^after 1\d{4} ms$/,
    result: 'silent',
  },
  'bybit-linear': {
    known: 'BTCUSDT',
    unknown: 'NOPEUSDT',
    words: /handler not found|topic/i,
    result: 'refused',
  },
  okx: { known: 'BTC-USDT', unknown: 'NOPE-USDT', words: /doesn't exist/, result: 'refused' },
  coinbase: {
    known: 'BTC-USD',
    unknown: 'NOPE-USD',
    words: /not a valid product/,
    result: 'refused',
  },
} as const;

async function venue(
  t: TestContext,
  feed: string,
  symbol: string,
  faults = {},
): Promise<Simulator> {
  const simulator = await startSimulator({ feed, symbols: [symbol], rate: 20, seed: 3, ...faults });
  t.after(() => simulator.stop());
  return simulator;
}

describe('feed check', { concurrency: true }, () => {
  for (const [feed, { known, unknown, words, result }] of Object.entries(VENUES)) {
    void test(`${feed}: what the venue has is taken, what it has not is refused, each by itself`, async (t) => {
      const { url } = await venue(t, feed, known);
      const base = ['feed', 'check', feed, '--env', 'dev', '--url', url, '--json'];
      const good = await ssmd([...base, '--symbols', known]);
      assert.equal(good.code, 0, good.out + good.err);
      const taken = JSON.parse(good.out) as Checked;
      assert.equal(taken.ok, true);
      assert.ok(
        taken.subscriptions.some((it) => it.result === 'live' && it.first_message_ms !== null),
      );

      const mixed = await ssmd([...base, '--symbols', `${known},${unknown}`]);
      assert.equal(mixed.code, 1, mixed.out + mixed.err);
      const { ok, subscriptions } = JSON.parse(mixed.out) as Checked;
      assert.equal(ok, false);
      const bad = subscriptions.filter((it) => it.result !== 'live' && it.result !== 'quiet');
      for (const it of bad) {
        assert.deepEqual([it.external, it.result], [unknown, result]);
        assert.match(it.said, words);
      }
      const channels = subscriptions
        .filter((it) => it.external === unknown)
        .map((it) => it.channel);
      const missed = result === 'silent' ? ['markPrice'] : channels;
      assert.deepEqual(bad.map((it) => it.channel).toSorted(), missed.toSorted());
      assert.ok(bad.length > 0);
    });
  }

  void test('in words: a row a subscription, and what to do; nothing where all is taken', async (t) => {
    const { url } = await venue(t, 'kraken', 'BTC/USD');
    const base = ['feed', 'check', 'kraken', '--env', 'dev', '--url', url];
    const bad = await ssmd([...base, '--symbols', 'BTCUSD,NOPE/USD']);
    assert.equal(bad.code, 1);
    assert.match(bad.out, /^BTCUSD +book +live +\d+ ms +\d+ ms/m);
    assert.match(bad.out, /^NOPEUSD +book +refused/m);
    assert.match(bad.out, /refused: NOPE\/USD: .*correct the symbol's external name/);
    const good = await ssmd([...base, '--symbols', 'BTCUSD']);
    assert.equal(good.code, 0, good.out + good.err);
    assert.match(good.out, /all of \d+ subscriptions are taken/);
  });

  void test('a venue that is not there, and one that accepts and stays silent', async (t) => {
    const gone = await ssmd([
      ...['feed', 'check', 'kraken', '--env', 'dev', '--symbols', 'BTCUSD', '--json'],
      ...['--url', 'ws://127.0.0.1:9/v2'],
    ]);
    assert.equal(gone.code, 1, gone.out + gone.err);
    const { subscriptions } = JSON.parse(gone.out) as Checked;
    assert.ok(
      subscriptions.every((it) => it.result === 'disconnected' && /ECONNREFUSED/.test(it.said)),
    );

    const list = [{ kind: 'silence' as const, channel: 'book', duration_ms: 600_000 }];
    const { url } = await venue(t, 'kraken', 'BTC/USD', { faults: { list } });
    const silent = await ssmd([
      ...['feed', 'check', 'kraken', '--env', 'dev', '--symbols', 'BTCUSD', '--json', '--url', url],
    ]);
    assert.equal(silent.code, 1);
    const { subscriptions: heard } = JSON.parse(silent.out) as Checked;
    assert.deepEqual(
      heard.filter((it) => it.result === 'silent').map((it) => it.channel),
      ['book'],
    );
  });

  void test('a check that would ask for nothing is refused, and does not pass', async (t) => {
    const file = join(scratchDirectory(t), 'prices.yaml');
    const text = scenarioEnvironmentText('prices')
      .replaceAll(', tier: 1 }', ', tier: 1, depth: l1 }')
      .replace('  symbols:', '  feeds: { kraken: { channels: [book] } }\n  symbols:');
    writeFileSync(file, text);
    const none = await ssmd([
      ...['feed', 'check', 'kraken', '--env', file, '--url', 'ws://127.0.0.1:9/v2'],
    ]);
    assert.equal(none.code, 2, none.out + none.err);
    assert.match(none.err, /channels book of kraken ask for nothing of/);
  });

  void test('Ctrl-C ends it at once, with no result', async (t) => {
    const { url } = await venue(t, 'kraken', 'BTC/USD');
    const stop = new AbortController();
    const ran = await ssmd(['feed', 'check', 'kraken', '--env', 'dev', '--url', url], {
      interrupted: stop.signal,
      heard: () => stop.abort(),
    });
    assert.deepEqual([ran.code, ran.out], [130, '']);
  });

  void test('list and show, and what they refuse', async () => {
    const list = await ssmd(['feed', 'list', '--json']);
    const feeds = JSON.parse(list.out) as { feed: string; channels: string[] }[];
    assert.deepEqual(feeds.map((it) => it.feed).toSorted(), Object.keys(VENUES).toSorted());
    const shown = await ssmd(['feed', 'show', 'okx']);
    assert.match(shown.out, /^books +/m);
    assert.match(shown.out, /^silence_ms +25000/m);
    const wrong = await ssmd(['feed', 'show', 'krakn']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /did you mean "kraken"/);
    const none = await ssmd(['feed', 'check', 'okx', '--env', 'dev', '--url', 'http://x']);
    assert.equal(none.code, 2);
    assert.match(none.err, /--symbols[\s\S]*--url/);
  });
});
