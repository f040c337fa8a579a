/** `ssmd issue`: the open issues in Linear, and what is done with one from here. */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { NotifySettings } from '../../environments/alerts-file.ts';
import type { LinearAccess } from '../../notify/linear-client.ts';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import type { CliContext } from '../command.ts';
import { GROUPS } from '../command.ts';

const LISTED_DEFAULT = 50;
/** One page of Linear's. */
const LISTED_MAX = 250;
const ID = /^(?:[A-Za-z][A-Za-z0-9]*-\d+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

type ListFlags = { readonly team?: string; readonly limit: number; readonly json?: boolean };
type LinkFlags = { readonly pr: string; readonly json?: boolean };
type CloseFlags = { readonly release: string; readonly json?: boolean };

export function register(program: Command, context: CliContext): void {
  const issue = program
    .command('issue')
    .helpGroup(GROUPS.jobs)
    .summary('issues in Linear: list, link, close')
    .description(
      'Issues in Linear, over its API. The key is in the variable that alerts/linear-integration.yaml ' +
        'names (LINEAR_API_KEY); docs/alerts.md says how issues come about.',
    );
  issue
    .command('list')
    .description('Issues that are open, the newest first.')
    .option('--team <team>', 'only of this team, by name or key')
    .option('--limit <count>', 'at most so many', parseLimit, LISTED_DEFAULT)
    .option('--json', 'print one JSON array')
    .action((flags: ListFlags) => list(flags, context));
  issue
    .command('link')
    .description('Attaches a pull request to an issue.')
    .argument('<id>', 'issue, such as LIN-123', parseId)
    .requiredOption('--pr <number>', 'pull request: a number of the repository, or its address')
    .option('--json', 'print one JSON object')
    .action((id: string, flags: LinkFlags) => link(id, flags, context));
  issue
    .command('close')
    .description('Closes an issue with the release that mends it.')
    .argument('<id>', 'issue, such as LIN-123', parseId)
    .requiredOption('--release <version>', 'the release, such as v1.2', parseRelease)
    .option('--json', 'print one JSON object')
    .action((id: string, flags: CloseFlags) => close(id, flags, context));
}

function parseId(text: string): string {
  if (ID.test(text)) return text;
  throw new InvalidArgumentError(`expected an issue such as LIN-123, received '${text}'`);
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0 && limit <= LISTED_MAX) return limit;
  throw new InvalidArgumentError(`expected 1 to ${LISTED_MAX}, received '${text}'`);
}

function parseRelease(text: string): string {
  if (/^[\w.+/-]{1,64}$/.test(text)) return text;
  throw new InvalidArgumentError(`expected a release such as v1.2, received '${text}'`);
}

type Opened = {
  readonly access: LinearAccess;
  readonly settings: NonNullable<NotifySettings['linear']>;
};

/** @throws SSMD_UNAVAILABLE without a key, and says how to get one */
async function open({ root, env }: CliContext): Promise<Opened> {
  const { loadAlerts, notifySettings } = await import('../../environments/alerts-file.ts');
  const file = loadAlerts(root);
  const { linear } = notifySettings(file, env);
  const { key_from } = file.linear;
  if (linear === null) {
    const message =
      `no key of Linear: ${key_from} is not set. Make one at ` +
      `https://linear.app/settings/account/security and set it: export ${key_from}=lin_api_...; ` +
      'without one, notices are in .ssmd/ENVIRONMENT/notices.jsonl';
    throw new SsmdError('SSMD_UNAVAILABLE', message, { facts: { variable: key_from } });
  }
  const { api_key, url } = linear;
  return { access: { api_key, url, now_ms: Date.now }, settings: linear };
}

async function list(flags: ListFlags, context: CliContext): Promise<void> {
  const { output, interrupted } = context;
  const { access } = await open(context);
  const { listOpenIssues } = await import('../../notify/linear-issues.ts');
  const wanted = { team: flags.team ?? null, limit: flags.limit };
  const rows = await listOpenIssues(access, wanted, interrupted);
  if (flags.json === true) return output.json(rows);
  if (rows.length === 0) return output.line('no open issues');
  output.table(
    ['id', 'priority', 'state', 'team', 'created', 'title'],
    rows.map((it) => [
      ...[it.id, it.priority, it.state, it.team],
      ...[it.created.slice(0, 16).replace('T', ' '), it.title],
    ]),
    { optional: ['team', 'created', 'state'] },
  );
}

async function link(id: string, flags: LinkFlags, context: CliContext): Promise<void> {
  const { output, interrupted } = context;
  const { access, settings } = await open(context);
  const { url, title } = pullRequest(flags.pr, settings.repository);
  const { linkIssue } = await import('../../notify/linear-issues.ts');
  const issue = await linkIssue(access, { id, url, title }, interrupted);
  if (flags.json === true) return output.json({ ...issue, linked: url });
  output.line(`${issue.id} is linked to ${url}`);
}

/** @throws SSMD_INVALID_INPUT where a number is of no repository */
function pullRequest(
  given: string,
  repository: string | null,
): { readonly url: string; readonly title: string } {
  if (/^https?:\/\/\S+$/.test(given)) {
    const number = /(\d+)\/?$/.exec(given)?.[1];
    return { url: given, title: number === undefined ? 'Pull request' : `PR #${number}` };
  }
  const what = !/^[1-9]\d{0,8}$/.test(given)
    ? `"${given}" is neither a number nor an address`
    : repository === null
      ? 'is a number, and alerts/linear-integration.yaml names no linear.repository'
      : null;
  if (what === null) {
    const base = repository?.replace(/\/$/, '').replace(/\.git$/, '') ?? '';
    return { url: `${base}/pull/${given}`, title: `PR #${given}` };
  }
  const example = 'npx ssmd issue link LIN-123 --pr https://github.com/ORG/REPO/pull/456';
  throw invalidInput('the command line', [{ where: '--pr', what }], example);
}

async function close(id: string, flags: CloseFlags, context: CliContext): Promise<void> {
  const { output, interrupted } = context;
  const { access } = await open(context);
  const { closeIssue } = await import('../../notify/linear-issues.ts');
  const { release } = flags;
  const { issue, was_closed } = await closeIssue(access, { id, release }, interrupted);
  if (flags.json === true) return output.json({ ...issue, release, was_closed });
  const how = was_closed ? 'was closed before; the release is noted' : `is ${issue.state}`;
  output.line(`${issue.id} ${how} (${release})`);
}
