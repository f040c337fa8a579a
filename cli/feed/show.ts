/** What this build knows of a feed: its evidence table and its limits. */
import type { Feed } from '../../connectors/feed.ts';
import type { Output } from '../output.ts';

export type FeedFacts = Pick<Feed, 'normalizer' | 'trade_ids' | 'evidence'> & {
  readonly feed: string;
  readonly url: string;
  readonly channels: readonly string[];
  /** Since which day each decoder holds. */
  readonly decoders: readonly string[];
  /** Numbers as the protocol names them; `first_message_ms` by channel, null where quiet is normal. */
  readonly limits: Readonly<Record<string, number | null>>;
};

export function describeFeed(feed: Feed): FeedFacts {
  const { id, normalizer, trade_ids, evidence, protocol } = feed;
  const { first_message_ms, ...limits } = protocol.limits;
  const firsts = protocol.channels.map((it) => [`first_message_ms ${it}`, first_message_ms(it)]);
  return {
    ...{ feed: id, normalizer, trade_ids, evidence },
    url: protocol.url,
    channels: protocol.channels,
    decoders: feed.decoders.map((it) => it.valid_from),
    limits: {
      ...limits,
      ping_interval_ms: protocol.ping?.interval_ms ?? null,
      book_depth_max: deepest(protocol.book_depths),
      ...(Object.fromEntries(firsts) as Record<string, number | null>),
    },
  };
}

/** Null where the venue sends all levels: there is no depth to ask for. */
function deepest(depths: readonly number[]): number | null {
  return depths.length === 0 ? null : Math.max(...depths);
}

export function printFeed(facts: FeedFacts, { line, table, color }: Output): void {
  line(`${color.bold(facts.feed)}: normalizer ${facts.normalizer}, ${facts.url}`);
  line(`channels ${facts.channels.join(' ')}; decoders from ${facts.decoders.join(', ')}`);
  line();
  table(
    ['channel', 'variant', 'role', 'becomes', 'evidence'],
    facts.evidence.map((it) => [it.channel, it.variant, it.role, it.action, it.evidence]),
    { optional: ['evidence', 'variant'] },
  );
  line();
  table(
    ['limit', 'value'],
    Object.entries(facts.limits).map(([name, value]) => [
      name,
      value === null ? 'none' : `${value}`,
    ]),
  );
}
