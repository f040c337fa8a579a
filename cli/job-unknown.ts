/** A job id that the server does not know: what it may have been meant for. */
import type { Client } from '@temporalio/client';
import { SsmdError } from '../schema/errors.ts';
import { JOB_TYPES, PART_TYPES } from '../schema/jobs.ts';
import { nearMiss } from '../schema/near-miss.ts';
import { shellWord } from './shell-word.ts';

/** Of the newest runs; an older one is found by listing. */
const LOOKED_AT = 500;
const SHOWN_MAX = 3;

/** The error to throw where there is no run `id`. */
export async function unknownJob(client: Client, id: string, cause: unknown): Promise<SsmdError> {
  const near = likeOf(id, await idsOf(client).catch(() => []));
  const [only] = near;
  const hint =
    only === undefined
      ? 'see: npx ssmd job list'
      : `did you mean ${near.map(shellWord).join(', or ')}? see: npx ssmd job list`;
  const message = `no job "${id}"; ${hint}`;
  return new SsmdError('SSMD_NOT_FOUND', message, { facts: { id, near }, cause });
}

/** Known ids that are nearly this one, or hold it; the newest first. */
export function likeOf(id: string, known: readonly string[]): readonly string[] {
  const near = nearMiss(id, known);
  const word = id.toLowerCase();
  const held = word.length < 3 ? [] : known.filter((it) => it.toLowerCase().includes(word));
  const all = near === null ? held : [near, ...held];
  return [...new Set(all)].slice(0, SHOWN_MAX);
}

async function idsOf(client: Client): Promise<string[]> {
  const ids: string[] = [];
  const types = [...JOB_TYPES, ...PART_TYPES.filter((it) => it !== 'notice')];
  const query = `WorkflowType IN (${types.map((type) => `"${type}"`).join(', ')})`;
  for await (const { workflowId } of client.workflow.list({ query })) {
    ids.push(workflowId);
    if (ids.length === LOOKED_AT) break;
  }
  return ids;
}
