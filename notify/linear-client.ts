/**
 * Linear's own client behind what we ask of it: one call with a time limit, its errors as ours. A key
 * never leaves here: errors of the client hold requests and are not passed on.
 */
import {
  AuthenticationLinearError,
  ForbiddenLinearError,
  InternalLinearError,
  LinearClient,
  LinearError,
  LockTimeoutLinearError,
  NetworkLinearError,
  RatelimitedLinearError,
} from '@linear/sdk';
import { SsmdError } from '../schema/errors.ts';
import { suggestion } from '../schema/near-miss.ts';
import { FIND_ISSUE, STATES, TEAMS } from './linear-operations.ts';
import type { LinearIssue, LinearState, LinearTeam, Operation } from './linear-operations.ts';

export type LinearAccess = {
  readonly api_key: string;
  /** Linear's own where it is null. */
  readonly url: string | null;
  /** Now, ms: rate limits say until when. */
  readonly now_ms: () => number;
};

/** One request; what asks several has the limit of its caller as well. */
export const REQUEST_MS_MAX = 15_000;
/** A refused key is asked again as soon as an operator may have mended it. */
const REFUSED_RETRY_MS = 300_000;
const LIMITED_RETRY_MS = 60_000;
/** Teams and states one page has at most. */
const PAGE = 250;
/** Pages of teams that are read. */
const PAGES_MAX = 20;

/** Asks Linear; every error is one of ours. @throws SSMD_UNAVAILABLE, SSMD_NOT_FOUND, SSMD_INVALID_INPUT */
export async function ask<V extends Record<string, unknown>, D>(
  access: LinearAccess,
  signal: AbortSignal,
  { document }: Operation<V, D>,
  variables: V,
): Promise<D> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS_MAX)]);
  const { api_key: apiKey, url } = access;
  const options = { apiKey, signal: limit, ...(url === null ? {} : { apiUrl: url }) };
  try {
    const { client } = new LinearClient(options);
    const { data } = await client.rawRequest<D, V>(document, variables);
    if (data === undefined) throw new Error('an answer without data');
    return data;
  } catch (error) {
    throw asOurs(error, access, limit);
  }
}

/** By id or identifier, such as `LIN-123`; null where there is none. */
export async function findIssue(
  access: LinearAccess,
  signal: AbortSignal,
  id: string,
): Promise<LinearIssue | null> {
  return (await orNull(ask(access, signal, FIND_ISSUE, { id })))?.issue ?? null;
}

/** Null where the other side says that there is no such thing. */
export async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof SsmdError && error.code === 'SSMD_NOT_FOUND') return null;
    throw error;
  }
}

/** A team by key, name or id, however it is written. @throws SSMD_INVALID_CONFIG naming those there are */
export async function teamNamed(
  access: LinearAccess,
  signal: AbortSignal,
  name: string | null,
): Promise<LinearTeam> {
  const nodes = await allTeams(access, signal);
  const [only] = nodes;
  if (name === null && nodes.length === 1 && only !== undefined) return only;
  const wanted = plain(name ?? '');
  const found = nodes.find((it) => it.id === name || [it.key, it.name].map(plain).includes(wanted));
  if (found !== undefined && name !== null) return found;
  const known = nodes.map((it) => `${it.name} (${it.key})`);
  const what = name === null ? 'no team is named' : `Linear has no team "${name}"`;
  const near =
    name === null
      ? ''
      : `, ${suggestion(
          name,
          nodes.map((it) => plain(it.name)),
        )}`;
  const message = `${what}${near}; there are ${known.join(', ')}: name one in alerts/linear-integration.yaml`;
  throw new SsmdError('SSMD_INVALID_CONFIG', message, { facts: { team: name, known } });
}

async function allTeams(access: LinearAccess, signal: AbortSignal): Promise<LinearTeam[]> {
  const found: LinearTeam[] = [];
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const of: { first: number; after: string | null } = { first: PAGE, after };
    const { teams } = await ask(access, signal, TEAMS, of);
    found.push(...teams.nodes);
    after = teams.pageInfo.endCursor ?? null;
    if (!teams.pageInfo.hasNextPage || after === null) break;
  }
  return found;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}

/** The first state of a kind that its team has, by the team's own order; `kinds` by preference. */
export async function stateOf(
  access: LinearAccess,
  signal: AbortSignal,
  team: LinearTeam,
  kinds: readonly string[],
): Promise<LinearState> {
  const filter = { team: { id: { eq: team.id } } };
  const { workflowStates } = await ask(access, signal, STATES, { first: PAGE, filter });
  for (const kind of kinds) {
    const [first] = workflowStates.nodes
      .filter(({ type }) => type === kind)
      .toSorted((a, b) => a.position - b.position);
    if (first !== undefined) return first;
  }
  const message = `the team ${team.name} has no state of type ${kinds.join(' or ')}`;
  throw new SsmdError('SSMD_INVALID_CONFIG', message, { facts: { team: team.key, kinds } });
}

type Raw = {
  readonly response?: {
    readonly headers?: Headers;
    readonly status?: number;
    readonly errors?: readonly { readonly extensions?: { readonly code?: unknown } }[];
  };
};

function asOurs(error: unknown, access: LinearAccess, limit: AbortSignal): SsmdError {
  if (error instanceof SsmdError) return error;
  const said = wordsOf(error, access);
  const raw: Raw = error instanceof LinearError ? ((error.raw ?? {}) as Raw) : {};
  if (error instanceof RatelimitedLinearError || isLimited(raw)) {
    const retry_after_ms = retryAfterMs(raw.response?.headers, access.now_ms());
    const message = `Linear takes no more requests for ${Math.ceil(retry_after_ms / 1000)} s`;
    return new SsmdError('SSMD_UNAVAILABLE', message, {
      retryable: true,
      facts: { retry_after_ms },
    });
  }
  if (error instanceof AuthenticationLinearError || error instanceof ForbiddenLinearError) {
    const message =
      `Linear refuses the key: ${said}; make one at ` +
      'https://linear.app/settings/account/security, put it into the variable, and start again';
    const facts = { retry_after_ms: REFUSED_RETRY_MS };
    return new SsmdError('SSMD_UNAVAILABLE', message, { retryable: true, facts });
  }
  const status = raw.response?.status;
  if (/not found/i.test(said) && status !== undefined && status < 500) {
    return new SsmdError('SSMD_NOT_FOUND', `Linear has no such thing: ${said}`);
  }
  const ours = error instanceof LinearError && status !== undefined && status < 500;
  if (ours && !isTheirs(error))
    return new SsmdError('SSMD_INVALID_INPUT', `Linear refuses what it was told: ${said}`);
  const why = limit.aborted
    ? `did not answer within ${REQUEST_MS_MAX / 1000} s`
    : `is away: ${said}`;
  const message = `Linear ${why}${placeOf(access)}`;
  return new SsmdError('SSMD_UNAVAILABLE', message, { retryable: true });
}

/** Troubles of its own come with any status, 200 too: GraphQL has its own words for what went wrong. */
function isTheirs(error: LinearError): boolean {
  const theirs = [InternalLinearError, LockTimeoutLinearError, NetworkLinearError];
  return theirs.some((kind) => error instanceof kind);
}

const WORDS_CHARS_MAX = 300;

/** What the client says, without what it was asked with. */
/** Where it was asked, if not at Linear itself: a proxy that is not there is no fault of theirs. */
function placeOf({ url }: LinearAccess): string {
  return url === null || !URL.canParse(url) ? '' : ` (asked at ${new URL(url).origin})`;
}

/** Without the key, and without an address, which may hold a password. */
function wordsOf(error: unknown, { api_key, url }: LinearAccess): string {
  const said = error instanceof Error ? error.message : String(error);
  const told = url === null ? said : said.replaceAll(url, '(address)');
  return told.replaceAll(api_key, '(key)').slice(0, WORDS_CHARS_MAX);
}

/** Rate limits come with 400 and a code. */
function isLimited({ response }: Raw): boolean {
  return (response?.errors ?? []).some(({ extensions }) => extensions?.code === 'RATELIMITED');
}

const RESETS = ['x-ratelimit-requests-reset', 'x-ratelimit-complexity-reset'];
/** Linear's windows are an hour. */
const RESET_MS_MAX = 3_600_000;

function retryAfterMs(headers: Headers | undefined, now_ms: number): number {
  const after = Number(headers?.get('retry-after') ?? NaN);
  if (after > 0) return after * 1000;
  const waits = RESETS.flatMap((name) => {
    // Of the two, one may not be used up.
    const left = Number(headers?.get(name.replace('reset', 'remaining')) ?? 0);
    const until = Number(headers?.get(name) ?? NaN);
    return left > 0 || Number.isNaN(until) ? [] : [until - now_ms];
  });
  const wait = Math.max(...waits, 0);
  return wait > 0 ? Math.min(wait, RESET_MS_MAX) : LIMITED_RETRY_MS;
}
