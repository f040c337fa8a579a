/**
 * Linear's API as far as its published schema tells: every operation is parsed, validated and its
 * variables checked against it, then done on teams, states, issues, comments and attachments in memory.
 * Faults are served on demand.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  GraphQLError,
  buildSchema,
  execute,
  getNamedType,
  getNullableType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  parse,
  validate,
} from 'graphql';
import type { GraphQLFieldResolver, GraphQLOutputType, GraphQLSchema } from 'graphql';
import { capturePath } from './captures.ts';

export const LINEAR_KEY = 'lin_api_test_key_that_no_log_may_hold';

/** `lost`: done, and the answer never sent. `hang`: no answer at all. `none`: as it should be. */
export type LinearFault =
  | { readonly kind: 'ratelimited'; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: 'status'; readonly status: number }
  /** An error in GraphQL's own way, of this type. */
  | { readonly kind: 'error'; readonly type: string }
  | { readonly kind: 'hang' | 'none' }
  | { readonly kind: 'lost' };

export type FakeIssue = {
  id: string;
  number: number;
  identifier: string;
  title: string;
  description: string | null;
  priority: number;
  teamId: string;
  stateId: string;
  url: string;
  trashed: boolean;
  archivedAt?: string | null;
  createdAt: string;
};
export type FakeComment = { readonly id: string; readonly issueId: string; readonly body: string };
export type FakeAttachment = {
  readonly id: string;
  readonly issueId: string;
  readonly url: string;
  readonly title: string;
};

export type LinearServer = AsyncDisposable & {
  readonly url: string;
  readonly issues: FakeIssue[];
  readonly comments: FakeComment[];
  readonly attachments: FakeAttachment[];
  /** Names of the operations it was asked, as they came. */
  readonly asked: string[];
  /** What no client of ours may send: each is an operation the schema refuses. */
  readonly invalid: string[];
  /** For the next requests, one each; then it works again. */
  readonly fail: (...faults: readonly LinearFault[]) => void;
  /** Faults that nobody met are taken back. */
  readonly mend: () => void;
  /** Answers 503 until it is up again. */
  setDown: (down: boolean) => void;
  readonly stateType: (issue: FakeIssue) => string;
  /** What a person does in the UI. */
  readonly moveTo: (issue: FakeIssue, type: string) => void;
};

const TEAMS = [
  { id: '11111111-1111-4111-8111-111111111111', key: 'PLA', name: 'Platform' },
  { id: '22222222-2222-4222-8222-222222222222', key: 'DQ', name: 'Data Quality' },
] as const;
const STATES = TEAMS.flatMap((team, at) =>
  ['triage', 'backlog', 'unstarted', 'started', 'completed', 'canceled'].map((type, position) => ({
    id: `${at + 3}0000000-0000-4000-8000-00000000000${position}`,
    ...{ name: `${team.key} ${type}`, type, position, team },
  })),
);
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let schema: GraphQLSchema | null = null;

function refuse(message: string, type = 'invalid input'): never {
  throw new GraphQLError(message, { extensions: { type, userError: true, code: 'INPUT_ERROR' } });
}

type Filter = {
  readonly state?: { type?: { nin?: string[] } };
  readonly team?: { id?: Comparator };
};
type Comparator = { readonly eq?: string; readonly in?: string[] };

const fits = (comparator: Comparator | undefined, value: string): boolean =>
  (comparator?.eq === undefined || comparator.eq === value) &&
  (comparator?.in === undefined || comparator.in.includes(value));

type State = Pick<LinearServer, 'issues' | 'comments' | 'attachments'>;

function stateType({ stateId }: FakeIssue): string {
  return STATES.find(({ id }) => id === stateId)?.type ?? 'none';
}

/** An issue as the schema has it; what is left out gets its type's plain value. */
function shown(issue: FakeIssue) {
  const type = stateType(issue);
  const team = TEAMS.find(({ id }) => id === issue.teamId);
  const state = STATES.find(({ id }) => id === issue.stateId);
  const [completedAt, canceledAt] = ['completed', 'canceled'].map((it) =>
    it === type ? issue.createdAt : null,
  );
  return { ...issue, team, state, completedAt, canceledAt };
}

function connection(nodes: readonly object[]) {
  return { nodes, pageInfo: { hasNextPage: false, hasPreviousPage: false } };
}

function roots({ issues, comments, attachments }: State) {
  const issueOf = (id: string): FakeIssue =>
    issues.find((it) => it.id === id || it.identifier === id) ??
    refuse('Entity not found: Issue - Could not find referenced Issue.');
  const checkId = (id: string | undefined, taken: readonly { readonly id: string }[]): string => {
    if (id === undefined) return crypto.randomUUID();
    if (!UUID_V4.test(id)) refuse('Argument Validation Error - id must be a UUID');
    if (taken.some((it) => it.id === id)) refuse(`Entity with id ${id} is there already`);
    return id;
  };
  const update = (issue: FakeIssue, input: Partial<FakeIssue>) => {
    if (input.stateId !== undefined) {
      const state = STATES.find(({ id }) => id === input.stateId);
      if (state?.team.id !== issue.teamId) refuse('stateId is of no state of the team');
    }
    Object.assign(issue, input);
    return { success: true, lastSyncId: 1, issue: { id: issue.id } };
  };
  return {
    // A page is one team at most, however many are asked for: who reads one page only misses the others.
    teams: ({ after }: { after?: string | null }) => {
      const at = TEAMS.findIndex(({ id }) => id === after) + 1;
      const hasNextPage = at + 1 < TEAMS.length;
      const pageInfo = { hasNextPage, hasPreviousPage: at > 0, endCursor: TEAMS[at]?.id ?? null };
      return { nodes: TEAMS.slice(at, at + 1), pageInfo };
    },
    workflowStates: ({ filter }: { filter?: Filter }) =>
      connection(STATES.filter(({ team }) => fits(filter?.team?.id, team.id))),
    issue: ({ id }: { id: string }) => shown(issueOf(id)),
    issues: ({ filter }: { filter?: Filter }) =>
      connection(
        issues
          .filter((it) => filter?.state?.type?.nin?.includes(stateType(it)) !== true)
          .filter(({ teamId }) => fits(filter?.team?.id, teamId))
          .map(shown),
      ),
    comment: ({ id }: { id?: string }) =>
      comments.find((it) => it.id === id) ?? refuse('Entity not found: Comment'),
    issueCreate: ({ input }: { input: Partial<FakeIssue> & { teamId: string } }) => {
      const id = checkId(input.id, issues);
      const team = TEAMS.find((it) => it.id === input.teamId) ?? refuse('teamId is of no team');
      const number = issues.filter(({ teamId }) => teamId === team.id).length + 1;
      const identifier = `${team.key}-${number}`;
      const state = STATES.find((it) => it.team.id === team.id && it.type === 'backlog');
      issues.push({
        ...{ id, number, identifier, title: input.title ?? '', priority: input.priority ?? 0 },
        ...{ description: input.description ?? null, teamId: team.id, stateId: state?.id ?? '' },
        ...{ url: `https://linear.app/test/issue/${identifier}`, trashed: false },
        createdAt: new Date().toISOString(),
      });
      return { success: true, lastSyncId: 1, issue: shown(issueOf(id)) };
    },
    issueUpdate: ({ id, input }: { id: string; input: Partial<FakeIssue> }) =>
      update(issueOf(id), input),
    issueUnarchive: ({ id }: { id: string }) => {
      Object.assign(issueOf(id), { trashed: false, archivedAt: null });
      return { success: true, lastSyncId: 1 };
    },
    commentCreate: ({ input }: { input: { id?: string; issueId: string; body: string } }) => {
      const issue = issueOf(input.issueId);
      const id = checkId(input.id, comments);
      comments.push({ id, issueId: issue.id, body: input.body });
      return { success: true, lastSyncId: 1, comment: { id } };
    },
    attachmentLinkURL: (of: { issueId: string; url: string; title: string }) => {
      const issueId = issueOf(of.issueId).id;
      const there = attachments.find((it) => it.url === of.url && it.issueId === issueId);
      const id = there?.id ?? crypto.randomUUID();
      if (there === undefined) attachments.push({ id, issueId, url: of.url, title: of.title });
      return { success: true, lastSyncId: 1, attachment: { id } };
    },
  };
}

/** What a field without a value is: null where it may be, else the plainest there is of its type. */
const plainField: GraphQLFieldResolver<unknown, unknown> = (source, args, context, info) => {
  const held = (source as Readonly<Record<string, unknown>> | null)?.[info.fieldName];
  if (typeof held === 'function') {
    return (held as (args: unknown) => unknown).call(source, args);
  }
  return held ?? (isNonNullType(info.returnType) ? plainOf(info.returnType) : null);
};

function plainOf(type: GraphQLOutputType): unknown {
  if (isListType(getNullableType(type))) return [];
  const named = getNamedType(type);
  if (isObjectType(named)) return { id: 'plain' };
  if (isEnumType(named)) return named.getValues()[0]?.value;
  const values: Readonly<Record<string, unknown>> = {
    ...{ Int: 0, Float: 0, Boolean: false, JSON: {}, JSONObject: {} },
    DateTime: '2026-11-21T00:00:00.000Z',
  };
  return values[named.name] ?? 'plain';
}

type Asked = { readonly query: string; readonly variables?: Record<string, unknown> };

/** Starts it on a free port of loopback. */
export async function startLinearServer(): Promise<LinearServer> {
  schema ??= buildSchema(readFileSync(capturePath('linear/schema.graphql'), 'utf8'));
  const known = schema;
  const state: State = { issues: [], comments: [], attachments: [] };
  const rootValue = roots(state);
  const [asked, invalid, faults] = [[] as string[], [] as string[], [] as LinearFault[]];
  let down = false;

  async function answer({ query, variables }: Asked) {
    const document = parse(query);
    const errors = validate(known, document);
    if (errors.length > 0) {
      invalid.push(...errors.map(({ message }) => message));
      return { errors };
    }
    const [operation] = document.definitions;
    if (operation?.kind === 'OperationDefinition') asked.push(operation.name?.value ?? '');
    const fieldResolver = plainField;
    const of = { schema: known, document, rootValue, fieldResolver };
    return execute({ ...of, ...(variables === undefined ? {} : { variableValues: variables }) });
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const fault = down ? { kind: 'status' as const, status: 503 } : faults.shift();
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'status') return send(response, fault.status, { error: 'no' });
    if (fault?.kind === 'error') {
      const errors = [{ message: 'Something went wrong', extensions: { type: fault.type } }];
      return send(response, 200, { errors, data: null });
    }
    if (fault?.kind === 'ratelimited') {
      const errors = [{ message: 'Rate limit exceeded', extensions: { code: 'RATELIMITED' } }];
      return send(response, 400, { errors }, fault.headers);
    }
    if (request.headers.authorization !== LINEAR_KEY) {
      const extensions = { type: 'authentication error', code: 'AUTHENTICATION_ERROR' };
      return send(response, 401, { errors: [{ message: 'Authentication required', extensions }] });
    }
    const body = await answer(JSON.parse(Buffer.concat(chunks).toString()) as Asked);
    if (fault?.kind === 'lost') return void response.destroy();
    const refused = body.errors !== undefined && !('data' in body);
    send(response, refused ? 400 : 200, body);
  }

  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/graphql`,
    ...state,
    ...{ asked, invalid, stateType },
    fail: (...more) => void faults.push(...more),
    mend: () => void (faults.length = 0),
    setDown: (is) => void (down = is),
    moveTo: (issue, type) => {
      const to = STATES.find((it) => it.team.id === issue.teamId && it.type === type);
      issue.stateId = to?.id ?? '';
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
