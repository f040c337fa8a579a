/**
 * Notices to a webhook that takes Slack's JSON: Slack itself, Mattermost, Discord (its address with
 * `/slack`), or a few lines of your own. The address is a secret and stands in no message.
 */
import { SsmdError } from '../schema/errors.ts';
import type { Delivery, Notifier, Place } from './notifier.ts';
import { slackRecovered, slackTold } from './render.ts';
import type { SlackMessage } from './render.ts';

export const WEBHOOK_MS_MAX = 10_000;
const ANSWER_CHARS_MAX = 200;
/** Shorter parts of an address are words, such as `hooks`. */
const SECRET_CHARS_MIN = 8;

export function createWebhookNotifier(of: {
  readonly url: string;
  readonly place: Place;
}): Notifier {
  const { url, place } = of;
  const send = async (message: SlackMessage, signal: AbortSignal): Promise<Delivery> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(WEBHOOK_MS_MAX)]);
    let answer: Response;
    let said: string;
    try {
      answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(message),
        redirect: 'error',
        signal: limit,
      });
      said = withoutAddress(await answer.text(), url).slice(0, ANSWER_CHARS_MAX);
    } catch (error) {
      const why = limit.aborted
        ? `did not answer within ${WEBHOOK_MS_MAX / 1000} s`
        : `is away: ${codeOf(error)}`;
      throw new SsmdError('SSMD_UNAVAILABLE', `the webhook ${why}`, { retryable: true });
    }
    if (answer.ok) return { did: 'told', where: null, ticket: null };
    const after = Number(answer.headers.get('retry-after') ?? NaN);
    const retryable = answer.status === 429 || answer.status >= 500;
    throw new SsmdError(
      retryable ? 'SSMD_UNAVAILABLE' : 'SSMD_INVALID_INPUT',
      `the webhook answered ${answer.status}: ${said}`,
      { retryable, facts: after > 0 ? { retry_after_ms: after * 1000 } : {} },
    );
  };
  return {
    name: 'webhook',
    notify: (told, signal) => send(slackTold(told, place), signal),
    recovered: (recovery, signal) => send(slackRecovered(recovery, place), signal),
  };
}

/** Servers repeat what they were asked for: the secret is in the path, or behind it. */
function withoutAddress(text: string, url: string): string {
  const { pathname, search } = new URL(url);
  const parts = [url, `${pathname}${search}`, pathname, search, ...pathname.split('/')];
  const secrets = parts.filter(({ length }) => length >= SECRET_CHARS_MIN);
  const hidden = secrets.flatMap((it) => [it, decoded(it)]);
  return hidden.reduce((said, it) => said.replaceAll(it, '(address)'), text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `ECONNREFUSED`, else the kind of error: messages of a URL that cannot be read repeat it. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (typeof cause === 'object' && cause !== null && 'code' in cause) return String(cause.code);
  return error instanceof Error ? error.name : 'unknown';
}
