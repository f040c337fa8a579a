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
import { salvage } from './salvage.ts';
import type { Salvaged } from './salvage.ts';
import { invalidConfig, readYaml, shapeFaults, valueAt } from './yaml-file.ts';
import type { Path, YamlFile } from './yaml-file.ts';
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
  return readEnvironment(path.basename(file), text, feeds, file);
}

/**
 * Reads an environment from text. `name` is the file's, `metadata.name` must say the same.
 * @throws SSMD_INVALID_CONFIG with every fault, of shape and of meaning, at once
 */
export function readEnvironment(
  name: string,
  text: string,
  feeds: readonly KnownFeed[],
  file = name,
): Environment {
  const read = readYaml(name, text);
  const { given, where } = read;
  if (given === null) throw invalidConfig(name, [{ where: `${name}:1:1`, ...EMPTY }]);
  const parsed = environmentSchema.safeParse(given);
  const faults = parsed.success ? [] : shapeFaults(parsed.error, environmentSchema, read);
  const judged = parsed.success
    ? { value: parsed.data, broken: () => false }
    : salvage(environmentSchema, given, harmlessAt);
  if (judged === null) throw invalidConfig(name, faults);
  const yaml: Yaml = { ...judged, given, where };
  checkName(yaml, environmentName(name), faults);
  const symbols = resolveSymbols(yaml, feeds, faults);
  checkShards(yaml, symbols, faults);
  checkFeeds(yaml, feeds, faults);
  checkEntitlements(yaml, feeds, faults);
  checkTransport(yaml, faults);
  if (faults.length > 0) throw invalidConfig(name, faults);
  return { name: yaml.value.metadata.name, file, spec: yaml.value.spec, symbols };
}

const EMPTY = { what: 'the file is empty', hint: 'environments/dev.yaml shows what belongs in it' };

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
        (shards.length === 0 ? addSymbols(feed.id) : suggestion(shard, shards)),
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

/** What to do where an environment captures nothing of a feed. */
function addSymbols(feed: string): string {
  const line = `OURS: { feeds: { ${feed}: { external: THEIRS } }, tier: 1 }`;
  return `no shard has. Name its markets in the environment's file, below spec.symbols: ${line}`;
}

/** A file of which all, or what is left of it, has the right shape. */
type Yaml = YamlFile<File> & Salvaged<File> & { readonly given: unknown };

/** Data and servers are found by the name: two files of one name would share them. */
function checkName({ value, where, broken }: Yaml, called: string, faults: Fault[]): void {
  const { name } = value.metadata;
  const at = ['metadata', 'name'];
  if (name === called || broken(at)) return;
  const what = `metadata.name is "${name}", expected "${called}" as the file is called`;
  faults.push({ where: where(at), what });
}

/** Parts of a symbol that say where it is; the others are attributes. */
const PLACES: readonly string[] = ['feed', 'external', 'feeds', 'depth'];

function resolveSymbols(
  yaml: Yaml,
  feeds: readonly KnownFeed[],
  faults: Fault[],
): EnvironmentSymbol[] {
  const { value, where, broken } = yaml;
  const known = feeds.map((it) => it.id);
  const resolved: EnvironmentSymbol[] = [];
  const taken = new Map<string, string>();
  for (const [symbol, entry] of Object.entries(value.spec.symbols)) {
    const at = ['spec', 'symbols', symbol];
    const spelled = new Map(
      Object.entries(entry.feeds ?? {}).map(([feed, it]) => [feed, it.external]),
    );
    if (entry.feed !== undefined) {
      if (entry.external === undefined && !broken([...at, 'external'])) {
        faults.push({ where: where(at), what: `symbol ${symbol} has a feed but no external` });
      }
      if (entry.external !== undefined) spelled.set(entry.feed, entry.external);
    }
    const misplaced = PLACES.some((key) => broken([...at, key]));
    if (spelled.size === 0 && entry.feed === undefined && !misplaced) {
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
    const shard = shardOf(yaml, symbol, faults);
    resolved.push({ symbol, feeds: spelled, depth: entry.depth, shard: shard ?? '' });
  }
  return resolved;
}

function shardOf(yaml: Yaml, symbol: string, faults: Fault[]): string | null {
  const { value, given, broken } = yaml;
  const at = ['spec', 'symbols', symbol];
  const where = yaml.where(at);
  const attributes = value.spec.symbols[symbol] as Readonly<Record<string, unknown>>;
  const own = Object.keys(valueAt(given, at) ?? {}).filter((key) => !PLACES.includes(key));
  if (broken(['spec', 'shards']) || own.some((key) => broken([...at, key]))) return null;
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
  { value, given, where, broken }: Yaml,
  symbols: readonly EnvironmentSymbol[],
  faults: Fault[],
): void {
  const written = Object.values(valueAt(given, ['spec', 'symbols']) ?? {});
  const attributes = new Set(written.flatMap((it: unknown) => Object.keys(it ?? {})));
  for (const [shard, { selector }] of Object.entries(value.spec.shards)) {
    const at = where(['spec', 'shards', shard]);
    for (const key of Object.keys(selector as Record<string, Attribute>)) {
      if (attributes.has(key) || attributes.size === 0) continue;
      const hint = suggestion(key, [...attributes]);
      faults.push({
        where: at,
        what: `Shard ${shard} references unknown attribute '${key}'`,
        hint,
      });
    }
    const unsure = broken(['spec', 'symbols']) || broken(['spec', 'shards']);
    if (!unsure && !symbols.some((it) => it.shard === shard)) {
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
  { value, given, where, broken }: Yaml,
  feeds: readonly KnownFeed[],
  faults: Fault[],
): void {
  const symbols = Object.keys(valueAt(given, ['spec', 'symbols']) ?? {});
  value.spec.entitlements.forEach((entry, index) => {
    if (broken(['spec', 'entitlements', index])) return;
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

/** Transports of the design that are not there yet. */
const TRANSPORTS_TO_COME = ['aeron', 'chronicle'];

function checkTransport({ value, where, broken }: Yaml, faults: Fault[]): void {
  const { type, subjects } = value.spec.transport;
  if (type !== 'nats') {
    const at = where(['spec', 'transport', 'type']);
    const is = TRANSPORTS_TO_COME.includes(type) ? 'is not available yet' : 'is not known';
    faults.push({ where: at, what: `transport "${type}" ${is}, only "nats" is` });
  }
  for (const key of ['internal', 'client'] as const) {
    if (subjects[key] === SUBJECTS[key] || broken(['spec', 'transport', 'subjects', key])) continue;
    const what = `subject pattern "${subjects[key]}" is not supported`;
    const hint = `expected "${SUBJECTS[key]}"`;
    faults.push({ where: where(['spec', 'transport', 'subjects', key]), what, hint });
  }
}

/** Stands in for parts that are missing or misshapen, so that the rest can be judged. */
const HARMLESS = {
  ...{ apiVersion: 'ssmd/v1', kind: 'Environment', metadata: { name: 'harmless' } },
  spec: {
    ...{
      symbols: {},
      shards: {},
      entitlements: [],
      transport: { type: 'nats', subjects: SUBJECTS },
    },
    storage: {
      raw: { bucket: 'harmless', retention_days: -1 },
      normalized: { bucket: 'harmless', retention_days: -1 },
    },
    jetstream: { retention_hours: 1, max_bytes: 1 },
  },
};
const ENTITLEMENT = { client_id: 'harmless', type: 'display', feeds: ['any'], symbols: ['*'] };

function harmlessAt(path: Path): unknown {
  const [, section] = path;
  return section === 'entitlements' && path.length === 3 ? ENTITLEMENT : valueAt(HARMLESS, path);
}
