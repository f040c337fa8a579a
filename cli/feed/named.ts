/** The feed a command line names. */
import type { Feed } from '../../connectors/feed.ts';
import { invalidInput } from '../../schema/errors.ts';
import { nearMiss } from '../../schema/near-miss.ts';

/** @throws SSMD_INVALID_INPUT naming those there are */
export async function feedOf(name: string, example: string): Promise<Feed> {
  const { FEEDS } = await import('../../connectors/registry.ts');
  const feed = FEEDS.get(name);
  if (feed !== undefined) return feed;
  const known = [...FEEDS.keys()];
  const near = nearMiss(name, known);
  const fault = {
    where: 'feed',
    what: `expected one of ${known.join(', ')}, received '${name}'`,
    ...(near === null ? {} : { hint: `did you mean "${near}"?` }),
  };
  throw invalidInput('the command line', [fault], example);
}
