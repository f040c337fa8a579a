/**
 * What we ask Linear, in its own words: only the fields we use. The client's ready-made operations ask for
 * all there are, and fail as a whole where the server has one field less. A test holds each of these to
 * the published schema.
 */

export type LinearState = { readonly id: string; readonly name: string; readonly type: string };
export type LinearTeam = { readonly id: string; readonly key: string; readonly name: string };
export type LinearIssue = {
  readonly id: string;
  readonly identifier: string;
  readonly url: string;
  readonly title: string;
  readonly description: string | null;
  readonly priorityLabel: string;
  readonly createdAt: string;
  readonly completedAt: string | null;
  readonly canceledAt: string | null;
  readonly archivedAt: string | null;
  readonly trashed: boolean | null;
  readonly state: LinearState;
  readonly team: LinearTeam;
};

const ISSUE = `
  fragment OurIssue on Issue {
    id identifier url title description priorityLabel createdAt completedAt canceledAt archivedAt trashed
    state { id name type }
    team { id key name }
  }
`;

/** An operation with the types of what it takes and gives. */
export type Operation<V, D> = { readonly document: string; readonly types?: (variables: V) => D };

const operation = <V, D>(document: string): Operation<V, D> => ({ document });

type Done = { readonly success: boolean };

export const FIND_ISSUE = operation<{ readonly id: string }, { readonly issue: LinearIssue }>(
  `query ssmdIssue($id: String!) { issue(id: $id) { ...OurIssue } } ${ISSUE}`,
);

/** At most `first`, the newest first; `teams`: ids. */
export const OPEN_ISSUES = operation<
  { readonly first: number; readonly filter: object },
  { readonly issues: { readonly nodes: readonly LinearIssue[] } }
>(
  `query ssmdIssues($first: Int!, $filter: IssueFilter) {
    issues(first: $first, filter: $filter, orderBy: createdAt) { nodes { ...OurIssue } }
  } ${ISSUE}`,
);

export const TEAMS = operation<
  { readonly first: number; readonly after: string | null },
  {
    readonly teams: {
      readonly nodes: readonly LinearTeam[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor?: string | null };
    };
  }
>(
  `query ssmdTeams($first: Int!, $after: String) {
    teams(first: $first, after: $after) { nodes { id key name } pageInfo { hasNextPage endCursor } }
  }`,
);

export const STATES = operation<
  { readonly first: number; readonly filter: object },
  {
    readonly workflowStates: {
      readonly nodes: readonly (LinearState & { readonly position: number })[];
    };
  }
>(
  `query ssmdStates($first: Int!, $filter: WorkflowStateFilter) {
    workflowStates(first: $first, filter: $filter) { nodes { id name type position } }
  }`,
);

export const FIND_COMMENT = operation<
  { readonly id: string },
  { readonly comment: { readonly id: string } }
>(`query ssmdComment($id: String!) { comment(id: $id) { id } }`);

export const CREATE_ISSUE = operation<
  { readonly input: object },
  {
    readonly issueCreate: Done & {
      readonly issue: Pick<LinearIssue, 'identifier' | 'url'> | null;
    };
  }
>(
  `mutation ssmdIssueCreate($input: IssueCreateInput!) {
    issueCreate(input: $input) { success issue { identifier url } }
  }`,
);

export const UPDATE_ISSUE = operation<
  { readonly id: string; readonly input: object },
  { readonly issueUpdate: Done }
>(
  `mutation ssmdIssueUpdate($id: String!, $input: IssueUpdateInput!) {
    issueUpdate(id: $id, input: $input) { success }
  }`,
);

export const RESTORE_ISSUE = operation<{ readonly id: string }, { readonly issueUnarchive: Done }>(
  `mutation ssmdIssueUnarchive($id: String!) { issueUnarchive(id: $id) { success } }`,
);

export const CREATE_COMMENT = operation<
  { readonly input: object },
  { readonly commentCreate: Done }
>(
  `mutation ssmdCommentCreate($input: CommentCreateInput!) {
    commentCreate(input: $input) { success }
  }`,
);

export const LINK_URL = operation<
  { readonly issueId: string; readonly url: string; readonly title: string },
  { readonly attachmentLinkURL: Done }
>(
  `mutation ssmdLink($issueId: String!, $url: String!, $title: String!) {
    attachmentLinkURL(issueId: $issueId, url: $url, title: $title) { success }
  }`,
);
