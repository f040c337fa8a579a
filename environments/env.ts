/**
 * The one description of an environment, read and checked whole. This folder is the only reader of
 * `process.env`; everything else is handed an `Environment`.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { SsmdError } from '../schema/errors.ts';
import type { Fault } from '../schema/errors.ts';
import { suggestion } from '../schema/near-miss.ts';
import type { FoldConfig, SymbolConfig } from '../schema/symbols.ts';
import { environmentFile, environmentName, environmentNotFound } from './files.ts';
import { environmentSchema } from './schema.ts';
import { invalidConfig, parseYaml } from './yaml-file.ts';
import type { YamlFile } from './yaml-file.ts';
import type { z } from 'zod';

type File = z.output<typeof environmentSchema>;
type Attribute = string | number | boolean;

/** What the checks need to know about a feed. */
export type KnownFeed = {
  readonly id: string;
  readonly channels: readonly string[];
  readonly book_depths: readonly number[];
};

export type EnvironmentSymbol = {
  readonly symbol: string;
  /** The venue's spelling by feed. */
  readonly feeds: ReadonlyMap<string, string>;
  readonly depth: 'l1' | 'l2';
  readonly shard: string;
};

export type Environment = {
  readonly name: string;
  readonly file: string;
  readonly spec: File['spec'];
  readonly symbols: readonly EnvironmentSymbol[];
};

/**
 * Loads `environments/{name}.yaml`, or a path that ends in `.yaml`.
 * @throws SSMD_NOT_FOUND naming the environments there are; SSMD_INVALID_CONFIG with every fault
 */
export function loadEnvironment(nameOrPath: string, feeds: readonly KnownFeed[]): Environment {
  const file = environmentFile(nameOrPath);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw environmentNotFound(nameOrPath, cause);
  }
  const environment = readEnvironment(path.basename(file), text, feeds, file);
  const called = environmentName(file);
  if (environment.name === called) return environment;
  // Data and servers are found by the name: two files of one name would share them.
  const what = `metadata.name is "${environment.name}", expected "${called}" as the file is called`;
  throw invalidConfig(path.basename(file), [{ where: path.basename(file), what }]);
}

/** Reads an environment from text; throws SSMD_INVALID_CONFIG with every fault at once. */
export function readEnvironment(
  name: string,
  text: string,
  feeds: readonly KnownFeed[],
  file = name,
): Environment {
  const yaml = parseYaml(name, text, environmentSchema);
  const faults: Fault[] = [];
  const symbols = resolveSymbols(yaml, feeds, faults);
  checkShards(yaml, symbols, faults);
  checkFeeds(yaml, feeds, faults);
  checkEntitlements(yaml, feeds, faults);
  checkTransport(yaml, faults);
  if (faults.length > 0) throw invalidConfig(name, faults);
  return { name: yaml.value.metadata.name, file, spec: yaml.value.spec, symbols };
}

/** Shards of an environment that carry a feed, by name. */
export function shardsOf(environment: Environment, feed: string): string[] {
  const shards = environment.symbols.filter((it) => it.feeds.has(feed)).map((it) => it.shard);
  return [...new Set(shards)].sort();
}

/** Feeds an environment captures. */
export function feedsOf(environment: Environment): string[] {
  return [...new Set(environment.symbols.flatMap((it) => [...it.feeds.keys()]))].sort();
}

/** What a shard's connector subscribes to on a feed; throws SSMD_INVALID_INPUT where it is nothing. */
export function foldConfig(environment: Environment, feed: KnownFeed, shard: string): FoldConfig {
  const symbols: SymbolConfig[] = [];
  for (const it of environment.symbols) {
    const external = it.feeds.get(feed.id);
    if (it.shard === shard && external !== undefined) {
      symbols.push({ symbol: it.symbol, external, depth: it.depth });
    }
  }
  if (symbols.length === 0) {
    const shards = shardsOf(environment, feed.id);
    throw new SsmdError(
      'SSMD_INVALID_INPUT',
      `shard "${shard}" has no symbols of feed "${feed.id}" in environment "${environment.name}"; ` +
        (shards.length === 0 ? 'no shard has' : suggestion(shard, shards)),
      { facts: { shard, feed: feed.id, shards } },
    );
  }
  const own = environment.spec.feeds[feed.id];
  return {
    feed: feed.id,
    shard,
    symbols,
    channels: own?.channels ?? feed.channels,
    book_depth: own?.book_depth ?? feed.book_depths[0] ?? 0,
  };
}

type Yaml = YamlFile<File>;

function resolveSymbols(
  { value, where }: Yaml,
  feeds: readonly KnownFeed[],
  faults: Fault[],
): EnvironmentSymbol[] {
  const known = feeds.map((it) => it.id);
  const resolved: EnvironmentSymbol[] = [];
  const taken = new Map<string, string>();
  for (const [symbol, entry] of Object.entries(value.spec.symbols)) {
    const at = ['spec', 'symbols', symbol];
    const spelled = new Map(
      Object.entries(entry.feeds ?? {}).map(([feed, it]) => [feed, it.external]),
    );
    if (entry.feed !== undefined) {
      if (entry.external === undefined) {
        faults.push({ where: where(at), what: `symbol ${symbol} has a feed but no external` });
      } else {
        spelled.set(entry.feed, entry.external);
      }
    }
    if (spelled.size === 0 && entry.feed === undefined) {
      const hint = 'give feed and external, or feeds: {kraken: {external: BTC/USD}}';
      faults.push({ where: where(at), what: `symbol ${symbol} is on no feed`, hint });
    }
    for (const [feed, external] of spelled) {
      if (!known.includes(feed)) {
        const hint = suggestion(feed, known);
        faults.push({ where: where(at), what: `symbol ${symbol}: unknown feed "${feed}"`, hint });
      }
      const other = taken.get(`${feed} ${external}`);
      if (other !== undefined) {
        const what = `symbols ${other} and ${symbol} are both ${external} on ${feed}`;
        faults.push({ where: where(at), what });
      }
      taken.set(`${feed} ${external}`, symbol);
    }
    const shard = shardOf(value, symbol, faults, where(at));
    resolved.push({ symbol, feeds: spelled, depth: entry.depth, shard: shard ?? '' });
  }
  return resolved;
}

function shardOf(value: File, symbol: string, faults: Fault[], where: string): string | null {
  const attributes = value.spec.symbols[symbol] as Readonly<Record<string, unknown>>;
  const matching = Object.entries(value.spec.shards)
    .filter(([, { selector }]) =>
      Object.entries(selector).every(([key, wanted]) => attributes[key] === wanted),
    )
    .map(([shard]) => shard);
  if (matching.length === 0) {
    faults.push({ where, what: `Symbol ${symbol} has no matching shard` });
  } else if (matching.length > 1) {
    faults.push({ where, what: `Symbol ${symbol} matches shards: ${matching.join(', ')}` });
  }
  return matching[0] ?? null;
}

function checkShards(
  { value, where }: Yaml,
  symbols: readonly EnvironmentSymbol[],
  faults: Fault[],
): void {
  const attributes = new Set(Object.values(value.spec.symbols).flatMap((it) => Object.keys(it)));
  for (const [shard, { selector }] of Object.entries(value.spec.shards)) {
    const at = where(['spec', 'shards', shard]);
    for (const key of Object.keys(selector as Record<string, Attribute>)) {
      if (attributes.has(key)) continue;
      const hint = suggestion(key, [...attributes]);
      faults.push({
        where: at,
        what: `Shard ${shard} references unknown attribute '${key}'`,
        hint,
      });
    }
    if (!symbols.some((it) => it.shard === shard)) {
      faults.push({ where: at, what: `Shard ${shard} matches no symbols` });
    }
  }
}

function checkFeeds({ value, where }: Yaml, feeds: readonly KnownFeed[], faults: Fault[]): void {
  for (const [id, own] of Object.entries(value.spec.feeds)) {
    const at = ['spec', 'feeds', id];
    const feed = feeds.find((it) => it.id === id);
    if (feed === undefined) {
      const hint = suggestion(
        id,
        feeds.map((it) => it.id),
      );
      faults.push({ where: where(at), what: `unknown feed "${id}"`, hint });
      continue;
    }
    if (own.book_depth !== undefined && !feed.book_depths.includes(own.book_depth)) {
      const hint = `${id} offers ${feed.book_depths.join(', ')}`;
      const what = `feed ${id} has no book depth ${own.book_depth}`;
      faults.push({ where: where([...at, 'book_depth']), what, hint });
    }
  }
}

function checkEntitlements(
  { value, where }: Yaml,
  feeds: readonly KnownFeed[],
  faults: Fault[],
): void {
  const symbols = Object.keys(value.spec.symbols);
  value.spec.entitlements.forEach((entry, index) => {
    const at = where(['spec', 'entitlements', index]);
    for (const feed of entry.feeds) {
      if (feeds.some((it) => it.id === feed)) continue;
      const hint = suggestion(
        feed,
        feeds.map((it) => it.id),
      );
      faults.push({ where: at, what: `client ${entry.client_id}: unknown feed "${feed}"`, hint });
    }
    for (const symbol of entry.symbols) {
      if (symbol.includes('*') || symbols.includes(symbol)) continue;
      const hint = suggestion(symbol, symbols);
      const what = `client ${entry.client_id}: unknown symbol "${symbol}"`;
      faults.push({ where: at, what, hint });
    }
  });
}

const SUBJECTS = {
  internal: 'internal.{shard}.{feed}.{type}.{symbol}',
  client: 'md.{feed}.{type}.{symbol}',
} as const;

function checkTransport({ value, where }: Yaml, faults: Fault[]): void {
  const { type, subjects } = value.spec.transport;
  if (type !== 'nats') {
    const at = where(['spec', 'transport', 'type']);
    faults.push({ where: at, what: `transport "${type}" is not available, only nats is` });
  }
  for (const key of ['internal', 'client'] as const) {
    if (subjects[key] === SUBJECTS[key]) continue;
    const what = `subject pattern "${subjects[key]}" is not supported`;
    const hint = `expected "${SUBJECTS[key]}"`;
    faults.push({ where: where(['spec', 'transport', 'subjects', key]), what, hint });
  }
}
