/**
 * Histories of real runs, kept to be replayed: a folder a release under `test/replay/histories/`, named as
 * its version. `SSMD_KEEP_HISTORIES=1` writes those of a test run to the folder of the version being worked
 * on, which is the one in `package.json`; those of versions before it are never written again.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { projectRoot } from './project.ts';

const FOLDER = join(projectRoot, 'test', 'replay', 'histories');

/** A run as a release recorded it. */
export type KeptHistory = {
  /** The release. */
  readonly version: string;
  /** `{version}/{name}.json` */
  readonly file: string;
  readonly workflow_id: string;
  readonly type: string;
  readonly history: { readonly events: { readonly eventType: string }[] };
};

/** The version being worked on. */
export function versionHere(): string {
  const text = readFileSync(join(projectRoot, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Releases whose runs may still be open. */
export function keptReleases(): readonly string[] {
  return readdirSync(FOLDER).toSorted();
}

/** What a release recorded. Fails on a file that stands in no release's folder. */
export function keptHistories(version: string): readonly KeptHistory[] {
  const folder = join(FOLDER, version);
  return readdirSync(folder).map((name) => {
    const kept = JSON.parse(readFileSync(join(folder, name), 'utf8')) as KeptHistory;
    return { ...kept, version, file: join(version, name) };
  });
}

/** Keeps the history of a finished run as `{type}[-{variant}].json`. */
export async function keepHistory(
  client: Client,
  type: string,
  id: string,
  variant?: string,
): Promise<void> {
  if (process.env['SSMD_KEEP_HISTORIES'] === undefined) return;
  const handle = client.workflow.getHandle(id);
  await handle.result().catch(() => null);
  // Which process ran it is nobody's business.
  const text = historyToJSON(await handle.fetchHistory());
  const history = JSON.parse(text.replaceAll(/"\d+@[^"]*"/g, '"worker"')) as object;
  const name = variant === undefined ? type : `${type}-${variant}`;
  const kept = { workflow_id: id, type, history };
  const folder = join(FOLDER, versionHere());
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(kept)}\n`);
}
