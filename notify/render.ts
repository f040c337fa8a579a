/** How a notice reads: one title, Markdown for Linear and files, blocks for Slack. Pure. */
import { cutTo } from '../schema/notice.ts';
import type { Notice } from '../schema/notice.ts';
import type { Place, Recovered, Told } from './notifier.ts';

/** Linear takes longer ones; nobody reads them. */
export const TITLE_CHARS_MAX = 200;
export const BODY_CHARS_MAX = 20_000;
/** Slack's own limits of a header and of a section's text. */
export const SLACK_HEADER_CHARS_MAX = 150;
export const SLACK_SECTION_CHARS_MAX = 3_000;

/** `[dev] daily-archive kraken 2026-11-20 failed: SSMD_NOT_FOUND`. */
export function titleOf(notice: Notice, { environment }: Place): string {
  return cutTo(`[${environment}] ${oneLine(notice.title)}`, TITLE_CHARS_MAX);
}

/** Where the run is in Temporal's UI; null without a run or a UI. */
export function runLink({ run }: Notice, { ui_url, namespace }: Place): string | null {
  if (run === null || ui_url === null) return null;
  const base = ui_url.replace(/\/$/, '');
  const id = encodeURIComponent(run.id);
  return `${base}/namespaces/${encodeURIComponent(namespace)}/workflows/${id}/${run.run_id}/history`;
}

/** What takes the job up again, to be pasted into a shell. */
export function retryCommand({ run }: Notice, { environment }: Place): string | null {
  if (run === null) return null;
  const id = /^[\w./:@%+=,-]+$/.test(run.id) ? run.id : `'${run.id.replaceAll("'", `'\\''`)}'`;
  return `npx ssmd job retry ${id} --env ${environment}`;
}

/** The whole notice as Markdown. */
export function bodyOf(told: Told, place: Place): string {
  const { notice } = told;
  const parts = [notice.text ?? '', factsOf(told, place), causesOf(notice), nextOf(notice, place)];
  return cutTo(parts.filter((part) => part !== '').join('\n\n'), BODY_CHARS_MAX);
}

/** What is added where the issue is there already. */
export function againOf(told: Told, place: Place): string {
  const { count } = told;
  const head = count === 1 ? '**It is back.**' : `**Again**, the ${ordinal(count)} time.`;
  return cutTo(`${head}\n\n${bodyOf(told, place)}`, BODY_CHARS_MAX);
}

export function recoveredOf({ well, count }: Recovered): string {
  const times = count === 1 ? 'once' : `${count} times`;
  return cutTo(`**Over** since ${well.at}: ${well.words}. It came up ${times}.`, BODY_CHARS_MAX);
}

type Fact = readonly [name: string, value: string | null];

function factsOf({ notice, count }: Told, place: Place): string {
  const { run } = notice;
  const link = runLink(notice, place);
  const attempt = run?.attempt == null ? '' : `, attempt ${run.attempt}`;
  const facts: readonly Fact[] = [
    ['environment', place.environment],
    ['feed', notice.feed],
    ['day', notice.day],
    ['version', notice.version],
    ['job', run === null ? null : `${run.type} ${code(run.id)}`],
    ['run', run === null ? null : link === null ? code(run.run_id) : `[${run.run_id}](${link})`],
    ['failed activity', run?.activity == null ? null : `${code(run.activity)}${attempt}`],
    ['manifest', notice.manifest === null ? null : code(notice.manifest)],
    ['report', notice.report === null ? null : code(notice.report)],
    ['at', notice.at],
    ['times', count === 1 ? null : String(count)],
    ['fingerprint', code(notice.fingerprint)],
  ];
  const known = facts.filter(([, value]) => value !== null);
  return known.map(([name, value]) => `- ${name}: ${value}`).join('\n');
}

function causesOf({ causes }: Notice): string {
  if (causes.length === 0) return '';
  return ['**Cause**', ...causes.map((cause, at) => `${at + 1}. ${code(cause)}`)].join('\n');
}

function nextOf(notice: Notice, place: Place): string {
  const lines: string[] = [];
  const retry = notice.kind === 'run' ? retryCommand(notice, place) : null;
  if (retry !== null) lines.push(retry);
  if (notice.run !== null && retry === null) {
    lines.push(`npx ssmd job status ${notice.run.id} --env ${place.environment}`);
  }
  if (notice.report !== null) {
    lines.push(`npx ssmd storage get ${notice.report} --env ${place.environment}`);
  }
  return lines.length === 0 ? '' : `**Next**\n\n\`\`\`sh\n${lines.join('\n')}\n\`\`\``;
}

/** Text as it is, whatever marks it holds: on one line, between as many backticks as it needs. */
function code(text: string): string {
  const plain = oneLine(text);
  const longest = Math.max(0, ...[...plain.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const space = longest > 0 ? ' ' : '';
  return `${fence}${space}${plain}${space}${fence}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function ordinal(count: number): string {
  const [tens, ones] = [count % 100, count % 10];
  const end = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][ones] ?? 'th');
  return `${count}${end}`;
}

/** What Slack, and whatever takes its webhooks, is sent. */
export type SlackMessage = {
  /** Shown where blocks are not. */
  readonly text: string;
  readonly blocks: readonly SlackBlock[];
};
export type SlackBlock =
  | {
      readonly type: 'header';
      readonly text: { readonly type: 'plain_text'; readonly text: string };
    }
  | { readonly type: 'section'; readonly text: { readonly type: 'mrkdwn'; readonly text: string } };

export function slackTold(told: Told, place: Place): SlackMessage {
  const again = told.count === 1 ? '' : ` (${ordinal(told.count)} time)`;
  return slack(`${titleOf(told.notice, place)}${again}`, bodyOf(told, place));
}

export function slackRecovered(of: Recovered, place: Place): SlackMessage {
  return slack(`Over: ${titleOf(of.notice, place)}`, recoveredOf(of));
}

function slack(title: string, markdown: string): SlackMessage {
  const header = cutTo(title, SLACK_HEADER_CHARS_MAX);
  // Cut before it is marked up, and once more after: escapes make it longer.
  const text = cutTo(toMrkdwn(cutTo(markdown, SLACK_SECTION_CHARS_MAX)), SLACK_SECTION_CHARS_MAX);
  return {
    text: escaped(title),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: header } },
      { type: 'section', text: { type: 'mrkdwn', text } },
    ],
  };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Slack's own marks: one star is bold, links are turned round, and three letters are escaped. */
function toMrkdwn(markdown: string): string {
  return escaped(markdown)
    .replaceAll(/\[([^\]\n]+)\]\((\S+?)\)/g, '<$2|$1>')
    .replaceAll(/\*\*([^*\n]+)\*\*/g, '*$1*')
    .replaceAll('```sh\n', '```\n');
}
