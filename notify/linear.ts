/**
 * Notices as Linear issues: one for each fingerprint and environment, by an id that follows from them.
 * Told again it is commented, closed it is opened again, over it is commented and closed. Every call may
 * be repeated: an issue that says what it is told says it once, and comments have ids as well.
 */
import { SsmdError } from '../schema/errors.ts';
import { PRIORITIES, cutTo } from '../schema/notice.ts';
import type { Notice, Ticket } from '../schema/notice.ts';
import { ask, findIssue, orNull, stateOf, teamNamed } from './linear-client.ts';
import type { LinearAccess } from './linear-client.ts';
import {
  CREATE_COMMENT,
  CREATE_ISSUE,
  FIND_COMMENT,
  RESTORE_ISSUE,
  UPDATE_ISSUE,
} from './linear-operations.ts';
import type { LinearIssue } from './linear-operations.ts';
import type { Delivery, Notifier, Place, Told } from './notifier.ts';
import { BODY_CHARS_MAX, againOf, bodyOf, recoveredOf, titleOf } from './render.ts';
import { uuidOf } from './uuid.ts';

/** Where an issue goes that is open again. */
const OPEN_KINDS = ['unstarted', 'backlog', 'triage', 'started'];
const DONE_KINDS = ['completed'];

export function createLinearNotifier(of: {
  readonly access: LinearAccess;
  readonly place: Place;
  /** The team of notices that name none; null: the only one there is. */
  readonly team: string | null;
}): Notifier {
  const { access, place } = of;
  const idOf = ({ fingerprint }: Pick<Notice, 'fingerprint'>): string =>
    uuidOf('ssmd notice', place.environment, fingerprint);

  /** The issue that was there before, or where the new one is. */
  async function create(
    told: Told,
    signal: AbortSignal,
  ): Promise<LinearIssue | { readonly made: Placed }> {
    const { notice } = told;
    const { id: teamId } = await teamNamed(access, signal, notice.team ?? of.team);
    const input = {
      id: idOf(notice),
      teamId,
      title: titleOf(notice, place),
      description: described(told, place),
      priority: PRIORITIES.indexOf(notice.priority),
    };
    try {
      const { issueCreate } = await ask(access, signal, CREATE_ISSUE, { input });
      return { made: issueCreate.issue };
    } catch (error) {
      // Somebody, or an attempt whose answer was lost, was before us: then it is there.
      if (!(error instanceof SsmdError) || error.code !== 'SSMD_INVALID_INPUT') throw error;
      const there = await findIssue(access, signal, input.id);
      if (there === null) throw error;
      return there;
    }
  }

  async function comment(issue: LinearIssue, body: string, key: string, signal: AbortSignal) {
    const id = uuidOf('ssmd comment', issue.id, key);
    const input = { id, issueId: issue.id, body };
    try {
      await ask(access, signal, CREATE_COMMENT, { input });
    } catch (error) {
      if (!(error instanceof SsmdError) || error.code !== 'SSMD_INVALID_INPUT') throw error;
      const there = await orNull(ask(access, signal, FIND_COMMENT, { id }));
      if (there === null) throw error;
    }
  }

  async function move(issue: LinearIssue, kinds: readonly string[], signal: AbortSignal) {
    const { id: stateId } = await stateOf(access, signal, issue.team, kinds);
    await ask(access, signal, UPDATE_ISSUE, { id: issue.id, input: { stateId } });
  }

  return {
    name: 'linear',

    async notify(told, signal): Promise<Delivery> {
      const { notice } = told;
      const id = idOf(notice);
      const issue = (await findIssue(access, signal, id)) ?? (await create(told, signal));
      if ('made' in issue) return { did: 'opened', ...placed(issue.made) };
      const at = placed(issue);
      const closed = isClosed(issue);
      // Linear puts away what is closed for long: there nobody would see it open again.
      if (issue.trashed === true || issue.archivedAt != null) {
        await ask(access, signal, RESTORE_ISSUE, { id });
      }
      if (closed) await move(issue, OPEN_KINDS, signal);
      if (issue.description?.includes(occurrence(notice)) === true && !closed) {
        return { did: 'nothing', ...at };
      }
      await comment(issue, againOf(told, place), notice.event, signal);
      return { did: closed ? 'reopened' : 'commented', ...at };
    },

    async recovered(recovery, signal): Promise<Delivery> {
      const { notice, well } = recovery;
      const issue = await findIssue(access, signal, idOf(notice));
      if (issue === null || isClosed(issue)) return { did: 'nothing', ...placed(issue) };
      await comment(issue, recoveredOf(recovery), `over ${well.at}`, signal);
      await move(issue, DONE_KINDS, signal);
      return { did: 'closed', ...placed(issue) };
    },
  };
}

type Placed = Pick<LinearIssue, 'identifier' | 'url'> | null;

function placed(issue: Placed): Pick<Delivery, 'where' | 'ticket'> {
  if (issue === null) return { where: null, ticket: null };
  const ticket: Ticket = { id: issue.identifier, url: issue.url };
  return { where: issue.url, ticket };
}

/** Done, cancelled or thrown away. */
export function isClosed({ completedAt, canceledAt, trashed }: LinearIssue): boolean {
  return completedAt != null || canceledAt != null || trashed === true;
}

/** Tells the issue that an attempt made from one that was there before. */
function occurrence({ event }: Notice): string {
  return `occurrence \`${event}\``;
}

function described(told: Told, place: Place): string {
  const foot = `\n\n${occurrence(told.notice)}`;
  return `${cutTo(bodyOf(told, place), BODY_CHARS_MAX - foot.length)}${foot}`;
}
