import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import {
  feedsOf,
  foldConfig,
  loadEnvironment,
  readEnvironment,
  shardsOf,
} from '../../environments/env.ts';
import type { KnownFeed } from '../../environments/env.ts';
import { environmentNotFound, listEnvironments } from '../../environments/files.ts';
import { nearMiss } from '../../schema/near-miss.ts';
import { SsmdError } from '../../schema/errors.ts';
import { capturesRoot, skipWithoutCaptures } from '../support/captures.ts';

const FEEDS: readonly KnownFeed[] = [
  { id: 'kraken', channels: ['book', 'trade'], book_depths: [10, 25] },
  { id: 'binance-usdm', channels: ['depth'], book_depths: [20] },
];

const GOOD = `apiVersion: ssmd/v1
kind: Environment
metadata:
  name: small
spec:
  symbols:
    BTCUSD: { feed: kraken, external: BTC/USD, tier: 1 }
    ETHUSD: { feeds: { kraken: { external: ETH/USD }, binance-usdm: { external: ETHUSDT } }, tier: 2, depth: l1 }
  shards:
    one: { selector: { tier: 1 } }
    two: { selector: { tier: 2 } }
  transport:
    type: nats
    subjects: { internal: 'internal.{shard}.{feed}.{type}.{symbol}', client: 'md.{feed}.{type}.{symbol}' }
  storage:
    raw: { bucket: small-raw, retention_days: -1 }
    normalized: { bucket: small-normalized, retention_days: 30 }
  jetstream: { retention_hours: 24, max_bytes: 10GB }
`;

function faultsOf(text: string): string {
  try {
    readEnvironment('small.yaml', text, FEEDS);
  } catch (error) {
    assert.ok(error instanceof SsmdError);
    assert.equal(error.code, 'SSMD_INVALID_CONFIG');
    return error.message;
  }
  return 'no fault';
}

describe('an environment', () => {
  test('resolves symbols, shards and what a connector subscribes to', () => {
    const environment = readEnvironment('small.yaml', GOOD, FEEDS);
    assert.deepEqual(feedsOf(environment), ['binance-usdm', 'kraken']);
    assert.deepEqual(shardsOf(environment, 'kraken'), ['one', 'two']);
    assert.equal(environment.spec.jetstream.max_bytes, 10e9);
    assert.deepEqual(foldConfig(environment, FEEDS[0] as KnownFeed, 'two'), {
      feed: 'kraken',
      shard: 'two',
      symbols: [{ symbol: 'ETHUSD', external: 'ETH/USD', depth: 'l1' }],
      channels: ['book', 'trade'],
      book_depth: 10,
    });
  });

  test('of a feed a shard does not carry names the shards that do', () => {
    const environment = readEnvironment('small.yaml', GOOD, FEEDS);
    assert.throws(
      () => foldConfig(environment, FEEDS[1] as KnownFeed, 'one'),
      /did you mean "two"|one of two/,
    );
  });

  test('of a feed no shard carries says how to name its markets, in words that load', () => {
    const environment = readEnvironment('small.yaml', GOOD, FEEDS);
    const okx = { ...(FEEDS[0] as KnownFeed), id: 'okx' };
    let said = '';
    assert.throws(
      () => foldConfig(environment, okx, 'one'),
      (error: Error) => (said = error.message) !== '',
    );
    const [, line = ''] = /below spec\.symbols: (.*)$/.exec(said) ?? [];
    const own = line.replace('OURS', 'BTCUSDT').replace('THEIRS', 'BTC-USDT');
    const text = GOOD.replace(/^ {2}symbols:\n/m, (it) => `${it}    ${own}\n`);
    assert.notEqual(text, GOOD);
    const added = readEnvironment('small.yaml', text, [...FEEDS, okx]);
    assert.deepEqual(feedsOf(added), ['binance-usdm', 'kraken', 'okx']);
  });

  test('every shipped environment loads', () => {
    assert.deepEqual(listEnvironments(), ['demo', 'demo-live', 'dev']);
    for (const name of listEnvironments()) {
      assert.equal(loadEnvironment(name, FEEDS).name, name);
    }
  });

  test('that has no file is told with the file looked for and those there are', () => {
    assert.throws(() => loadEnvironment('dmo', FEEDS), {
      code: 'SSMD_NOT_FOUND',
      message:
        /no file \S+environments\/dmo\.yaml; there are demo, demo-live, dev; did you mean "demo"\?/,
    });
    assert.doesNotMatch(environmentNotFound('production').message, /did you mean/);
  });

  test('is called as its file: data is found by the name', () => {
    const dir = mkdtempSync(path.join(tmpdir(), 'ssmd-environment-'));
    try {
      writeFileSync(path.join(dir, 'small.yaml'), GOOD);
      writeFileSync(path.join(dir, 'copy.yaml'), GOOD);
      assert.equal(loadEnvironment(path.join(dir, 'small.yaml'), FEEDS).name, 'small');
      assert.throws(() => loadEnvironment(path.join(dir, 'copy.yaml'), FEEDS), {
        code: 'SSMD_INVALID_CONFIG',
        message: /metadata\.name is "small", expected "copy"/,
      });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test('the sample of the requirements loads unchanged', { skip: skipWithoutCaptures }, () => {
    const text = readFileSync(path.join(capturesRoot, '../requirements/ssmd.md'), 'utf8');
    const block = /```yaml\n(# environments\/prod\.yaml\napiVersion[\s\S]*?)```/.exec(text);
    assert.ok(block?.[1], 'the requirements hold the sample environments/prod.yaml');
    const environment = readEnvironment('prod.yaml', block[1], FEEDS);
    assert.deepEqual(shardsOf(environment, 'kraken'), ['tier1', 'tier2']);
    assert.equal(environment.symbols.find((it) => it.symbol === 'SOLUSD')?.depth, 'l1');
    assert.equal(environment.spec.jetstream.retention_hours, 24);
  });
});

describe('a faulty environment', () => {
  test('names a misspelt key with line, column and what was meant', () => {
    const message = faultsOf(GOOD.replace('retention_hours', 'retention_hour'));
    assert.match(
      message,
      /small\.yaml:18:16: .*unknown key "retention_hour" \(did you mean "retention_hours"\?\)/,
    );
  });

  test('counts a misspelt key once, also where it had to be there', () => {
    const message = faultsOf(
      GOOD.replace('subjects:', 'subjcts:').replace('  name: small', '  nam: small'),
    );
    assert.match(message, /^small\.yaml has 2 errors:\n/);
    assert.match(message, /:4:3: metadata: unknown key "nam" \(did you mean "name"\?\)\n/);
    assert.match(
      message,
      /:14:5: spec\.transport: unknown key "subjcts" \(did you mean "subjects"/,
    );
    const missing = faultsOf(
      GOOD.replace('jetstream: { retention_hours: 24, max_bytes: 10GB }', ''),
    );
    assert.match(missing, /has 1 error:\n {2}small\.yaml:\d+:\d+: spec\.jetstream: is missing$/);
  });

  test('lists its faults in the order of the lines', () => {
    const message = faultsOf(
      // What is checked last stands first in the file.
      GOOD.replace("'md.{feed}", "'mds.{feed}")
        .replace('feed: kraken,', 'feed: krakken,')
        .replace(
          '  transport:',
          '  entitlements: [{ client_id: me, type: display, feeds: [krakn], symbols: [X] }]\n  transport:',
        )
        .replace('  shards:', '  feeds: { krakn: {} }\n  shards:')
        .replace('{ tier: 2 } }', '{ teir: 2 } }'),
    );
    const lines = [...message.matchAll(/small\.yaml:(\d+):/g)].map((match) => Number(match[1]));
    assert.ok(lines.length >= 4, message);
    assert.deepEqual(
      lines,
      lines.toSorted((a, b) => a - b),
    );
  });

  test('names all of its faults at once', () => {
    const message = faultsOf(
      GOOD.replace('feed: kraken,', 'feed: krakken,').replace('kind: Environment', 'kind: Env'),
    );
    assert.match(message, /small\.yaml:2:1: kind/);
    const semantic = faultsOf(
      GOOD.replace('feed: kraken,', 'feed: krakken,').replace('{ tier: 2 } }', '{ teir: 2 } }'),
    );
    assert.match(
      semantic,
      /small\.yaml:7:5: symbol BTCUSD: unknown feed "krakken" \(did you mean "kraken"\?\)/,
    );
    assert.match(semantic, /Symbol ETHUSD has no matching shard/);
    assert.match(
      semantic,
      /Shard two references unknown attribute 'teir' \(did you mean "tier"\?\)/,
    );
    assert.match(semantic, /Shard two matches no symbols/);
  });

  test('names faults of shape and of meaning in one round, and none that only follow', () => {
    const message = faultsOf(
      GOOD.replace('kind: Environment', 'kind: Enviroment')
        .replace('name: small', 'name: large')
        .replace('feed: kraken,', 'feed: krakken,')
        .replace('depth: l1', 'depth: l9')
        .replace('type: nats', 'type: natz')
        .replace('max_bytes: 10GB', 'max_bytes: lots')
        .concat(
          '  entitlements:\n    - { client_id: a, type: displey, feeds: [x], symbols: [X] }\n',
        )
        .concat('    - { client_id: b, type: display, feeds: [kraken], symbols: [BTCUSX] }\n'),
    );
    const said = [
      /2:1: kind: expected "Environment", received "Enviroment" \(did you mean "Environment"\?\)/,
      /4:3: metadata\.name is "large", expected "small" as the file is called/,
      /7:5: symbol BTCUSD: unknown feed "krakken"/,
      /8:\d+: spec\.symbols\.ETHUSD\.depth: .*received "l9"/,
      /13:5: transport "natz" is not known, only "nats" is/,
      /18:\d+: spec\.jetstream\.max_bytes: expected a size/,
      /20:\d+: spec\.entitlements\.0\.type: .*\(did you mean "display"\?\)/,
      /21:7: client b: unknown symbol "BTCUSX" \(did you mean "BTCUSD"\?\)/,
    ];
    for (const line of said) assert.match(message, line);
    assert.match(message, new RegExp(`has ${said.length} errors:`), message);
  });

  test('that lacks whole sections is told of what there is', () => {
    const bare = faultsOf(
      'apiVersion: ssmd/v1\nmetadata: { name: other }\nspec: { symbols: {} }\n',
    );
    assert.match(bare, /2:13: metadata\.name is "other", expected "small"/);
    assert.match(bare, /3:1: spec\.transport: is missing/);
    assert.match(faultsOf(''), /1:1: the file is empty \(environments\/dev\.yaml shows/);
    assert.match(faultsOf('- a'), /1:1: expected keys such as \w+:, received a list \(/);
    assert.match(
      faultsOf('hello'),
      /has 1 error:\n {2}small\.yaml:1:1: expected keys such as \w+:, received "hello" \(known are /,
    );
    const key = faultsOf(GOOD.replace('BTCUSD:', 'btcusd:'));
    assert.match(key, /7:5: spec\.symbols: "btcusd": a symbol is A-Z/);
  });

  const cases: readonly [string, (text: string) => string, RegExp][] = [
    [
      'a symbol in two shards',
      (it) => it.replace('{ tier: 2 } }', '{ tier: 1 } }'),
      /Symbol BTCUSD matches shards: one, two/,
    ],
    ['a lower-case symbol', (it) => it.replace('BTCUSD:', 'btcusd:'), /btcusd/],
    [
      'a size that is none',
      (it) => it.replace('10GB', '10 parsecs'),
      /small\.yaml:18:\d+: .*expected a size such as 10GB/,
    ],
    [
      'a transport that is not there',
      (it) => it.replace('type: nats', 'type: aeron'),
      /transport "aeron" is not available/,
    ],
    ['other subjects', (it) => it.replace("'md.{feed}", "'mds.{feed}"), /expected "md\.\{feed\}/],
    [
      'one market twice',
      (it) => it.replace('external: ETH/USD', 'external: BTC/USD'),
      /symbols BTCUSD and ETHUSD are both BTC\/USD on kraken/,
    ],
    [
      'YAML that is none',
      (it) => it.replace('kind: Environment', 'kind: [Environment'),
      /small\.yaml:\d+:\d+:/,
    ],
    [
      'a symbol on no feed',
      (it) => it.replace('feed: kraken, external: BTC/USD, ', ''),
      /symbol BTCUSD is on no feed/,
    ],
  ];
  for (const [what, change, expected] of cases) {
    test(`is refused: ${what}`, () => {
      assert.notEqual(change(GOOD), GOOD);
      assert.match(faultsOf(change(GOOD)), expected);
    });
  }
});

test('a near miss is near', () => {
  assert.equal(nearMiss('krakne', ['kraken', 'okx']), 'kraken');
  assert.equal(nearMiss('coinbase', ['kraken', 'okx']), null);
});
