/** What quality checks of a feed rest on: its suite, and what the environment captures of it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FEEDS } from '../connectors/registry.ts';
import { foldConfig } from '../environments/env.ts';
import type { Environment } from '../environments/env.ts';
import { parseSuite } from '../environments/qa-suite.ts';
import type { ExpectedSymbol } from '../qa/check.ts';
import { typesOfChannels } from '../qa/streams.ts';
import type { Suite } from '../qa/suite.ts';
import { SsmdError } from '../schema/errors.ts';

/**
 * The markets of a feed with what is captured of each: the types of the channels the feed's own plan
 * subscribes to for it. A market kept `l1` has no book, a spot market no funding rate.
 */
export function expectedSymbols(environment: Environment, feed: string): ExpectedSymbol[] {
  const it = FEEDS.get(feed);
  const known = it === undefined ? null : { id: it.id, ...it.protocol };
  return environment.symbols.flatMap(({ symbol, feeds, shard, depth }) => {
    const external = feeds.get(feed);
    if (external === undefined) return [];
    if (it === undefined || known === null) return [{ symbol, external, shard, types: [] }];
    const config = foldConfig(environment, known, shard);
    const own = { ...config, symbols: [{ symbol, external, depth }] };
    const channels = it.protocol
      .endpoints(own)
      .flatMap(({ subscriptions }) => subscriptions.map(({ channel }) => channel));
    return [{ symbol, external, shard, types: typesOfChannels(it, channels) }];
  });
}

/**
 * A feed's suite: `qa/{feed}.yaml`, or `qa/{feed}-checks.yaml`. `SSMD_NOT_FOUND` where there is
 * neither, `SSMD_INVALID_CONFIG` where it has faults or is of another feed.
 */
export function readSuite(root: string, feed: string): Suite {
  const names = [`qa/${feed}.yaml`, `qa/${feed}-checks.yaml`];
  const found = names.find((name) => existsSync(join(root, name)));
  if (found === undefined) {
    throw new SsmdError('SSMD_NOT_FOUND', `no check suite of ${feed}: write ${names[0]}`, {
      facts: { feed, looked_for: names },
    });
  }
  const suite = parseSuite(found, readFileSync(join(root, found), 'utf8'));
  if (suite.feed === feed) return suite;
  throw new SsmdError('SSMD_INVALID_CONFIG', `${found} is of feed ${suite.feed}, not of ${feed}`, {
    facts: { feed, file: found, of: suite.feed },
  });
}
