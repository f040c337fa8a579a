/**
 * Histories of real runs, kept to be replayed: `SSMD_KEEP_HISTORIES=1` writes those of a test run to
 * `test/replay/histories/`. Otherwise nothing is written.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

const FOLDER = join(import.meta.dirname, '..', 'replay', 'histories');

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
  await writeFile(join(FOLDER, `${name}.json`), `${JSON.stringify(kept)}\n`);
}
