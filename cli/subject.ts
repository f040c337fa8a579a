/** What `ssmd sub` listens to: a subject checked word by word against what an environment publishes. */
import { suggestion } from '../schema/near-miss.ts';
import { EVENT_TYPES, feedSymbol } from '../schema/events.ts';
import type { Fault } from '../schema/errors.ts';

/** What an environment publishes, one entry for each market on each feed. */
export type Published = {
  readonly environment: string;
  readonly markets: readonly {
    readonly feed: string;
    readonly symbol: string;
    readonly shard: string;
  }[];
};

type Part = 'id' | 'shard' | 'feed' | 'type' | 'symbol';

/** The words behind the first one. */
const PARTS: Readonly<Record<string, readonly Part[]>> = {
  md: ['feed', 'type', 'symbol'],
  internal: ['shard', 'feed', 'type', 'symbol'],
  dlq: ['feed'],
  replay: ['id', 'feed', 'type', 'symbol'],
};

const WORD = /^([A-Za-z0-9_-]+|\*)$/;

/** Everything that is wrong with a subject; nothing where it can match an event. */
export function subjectFaults(subject: string, published: Published): Fault[] {
  const [kind = '', ...rest] = subject.split('.');
  const parts = PARTS[kind];
  if (parts === undefined) {
    return [fault(`'${kind}' begins no subject`, suggestion(kind, Object.keys(PARTS)))];
  }
  const whole = [kind, ...parts.map((part) => `{${part}}`)].join('.');
  const open = rest.at(-1) === '>';
  const words = open ? rest.slice(0, -1) : rest;
  if (words.some((word) => !WORD.test(word)) || words.length > parts.length) {
    return [fault(`expected ${whole}, received '${subject}'`)];
  }
  // NATS matches word by word: a subject that is too short matches nothing, for ever.
  if (open ? words.length === parts.length : words.length < parts.length) {
    const said = open ? words.join('.') : subject;
    const what = open ? `nothing follows ${kind}.${said}` : `'${subject}' is not whole`;
    return [fault(what, open ? `say ${kind}.${said}` : `say ${subject}.>`)];
  }
  return words.flatMap((word, index) => {
    const part = parts[index];
    const any = part === undefined || word === '*' || isOfThePast(kind, part);
    return any ? [] : wordFaults(part, word, kind, words, published);
  });
}

/** Which replays there are, and which symbols RAW has, this environment's file does not say. */
function isOfThePast(kind: string, part: Part): part is 'id' {
  return part === 'id' || (kind === 'replay' && part === 'symbol');
}

function wordFaults(
  part: Exclude<Part, 'id'>,
  word: string,
  kind: string,
  words: readonly string[],
  { environment, markets }: Published,
): Fault[] {
  const chosen = (wanted: Part): string => words[PARTS[kind]?.indexOf(wanted) ?? -1] ?? '*';
  const here = markets.filter(
    (it) =>
      (part === 'shard' || matches(chosen('shard'), it.shard, markets, 'shard')) &&
      (part !== 'symbol' || matches(chosen('feed'), it.feed, markets, 'feed')),
  );
  const known = {
    shard: () => here.map((it) => it.shard),
    feed: () => here.map((it) => it.feed),
    type: () => EVENT_TYPES,
    symbol: () => [...here.map((it) => it.symbol), ...here.map((it) => feedSymbol(it.shard))],
  }[part]();
  const words_known = [...new Set(known)];
  if (words_known.includes(word)) return [];
  const where = part === 'type' ? '' : ` in environment ${environment}`;
  return [fault(`unknown ${part} '${word}'${where}`, suggestion(word, words_known))];
}

/** An unknown word is a fault of its own and narrows nothing. */
function matches(
  word: string,
  value: string,
  markets: Published['markets'],
  of: 'shard' | 'feed',
): boolean {
  return word === '*' || word === value || !markets.some((it) => it[of] === word);
}

function fault(what: string, hint?: string): Fault {
  return { where: 'subject', what, ...(hint === undefined ? {} : { hint }) };
}
