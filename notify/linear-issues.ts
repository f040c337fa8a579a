/** What an operator does with issues from the command line: list the open ones, link, close. */
import { SsmdError } from '../schema/errors.ts';
import { ask, findIssue, orNull, stateOf, teamNamed } from './linear-client.ts';
import type { LinearAccess } from './linear-client.ts';
import { isClosed } from './linear.ts';
import {
  CREATE_COMMENT,
  FIND_COMMENT,
  LINK_URL,
  OPEN_ISSUES,
  UPDATE_ISSUE,
} from './linear-operations.ts';
import type { LinearIssue } from './linear-operations.ts';
import { uuidOf } from './uuid.ts';

export type IssueRow = {
  readonly id: string;
  readonly title: string;
  readonly state: string;
  readonly priority: string;
  readonly team: string;
  readonly created: string;
  readonly url: string;
};

/** The newest first; of all teams where none is named. @throws SSMD_UNAVAILABLE, SSMD_INVALID_CONFIG */
export async function listOpenIssues(
  access: LinearAccess,
  of: { readonly team: string | null; readonly limit: number },
  signal: AbortSignal,
): Promise<IssueRow[]> {
  const team = of.team === null ? null : await teamNamed(access, signal, of.team);
  const filter = {
    state: { type: { nin: ['completed', 'canceled', 'duplicate'] } },
    ...(team === null ? {} : { team: { id: { eq: team.id } } }),
  };
  const { issues } = await ask(access, signal, OPEN_ISSUES, { first: of.limit, filter });
  return issues.nodes.map(rowOf);
}

function rowOf(issue: LinearIssue): IssueRow {
  const { identifier, title, state, priorityLabel, team, createdAt, url } = issue;
  const names = { state: state.name, priority: priorityLabel, team: team.name };
  return { id: identifier, title, ...names, created: createdAt, url };
}

/** Attaches an address, such as a pull request's; the same one twice is one. @throws SSMD_NOT_FOUND */
export async function linkIssue(
  access: LinearAccess,
  of: { readonly id: string; readonly url: string; readonly title: string },
  signal: AbortSignal,
): Promise<IssueRow> {
  const issue = await issueNamed(access, of.id, signal);
  const { url, title } = of;
  await ask(access, signal, LINK_URL, { issueId: issue.id, url, title });
  return rowOf(issue);
}

/** Comments with the release and closes; what is closed already stays so. @throws SSMD_NOT_FOUND */
export async function closeIssue(
  access: LinearAccess,
  of: { readonly id: string; readonly release: string },
  signal: AbortSignal,
): Promise<{ readonly issue: IssueRow; readonly was_closed: boolean }> {
  const issue = await issueNamed(access, of.id, signal);
  const id = uuidOf('ssmd release', issue.id, of.release);
  const input = { id, issueId: issue.id, body: `Released in **${of.release}**.` };
  // Typed twice, it is said once.
  if ((await orNull(ask(access, signal, FIND_COMMENT, { id }))) === null) {
    await ask(access, signal, CREATE_COMMENT, { input });
  }
  if (isClosed(issue)) return { issue: rowOf(issue), was_closed: true };
  const state = await stateOf(access, signal, issue.team, ['completed']);
  await ask(access, signal, UPDATE_ISSUE, { id: issue.id, input: { stateId: state.id } });
  return { issue: { ...rowOf(issue), state: state.name }, was_closed: false };
}

async function issueNamed(
  access: LinearAccess,
  id: string,
  signal: AbortSignal,
): Promise<LinearIssue> {
  const issue = await findIssue(access, signal, id);
  if (issue !== null) return issue;
  const message = `Linear has no issue "${id}"; npx ssmd issue list shows those that are open`;
  throw new SsmdError('SSMD_NOT_FOUND', message, { facts: { id } });
}
