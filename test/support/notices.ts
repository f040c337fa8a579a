/** Notices of a test: a file notifier in a folder of its own, and waiting for what must come. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileNotifier } from '../../notify/file.ts';
import type { FileNoticeLine } from '../../notify/file.ts';
import type { Notifier, Place } from '../../notify/notifier.ts';
import type { Notice } from '../../schema/notice.ts';

export const PLACE: Place = {
  environment: 'test',
  ui_url: 'http://127.0.0.1:8233',
  namespace: 'default',
};

export type NoticeFile = AsyncDisposable & {
  readonly notifier: Notifier;
  /** What its log heard. */
  readonly logged: readonly FileNoticeLine[];
  readonly lines: () => Promise<FileNoticeLine[]>;
};

export async function openNoticeFile(): Promise<NoticeFile> {
  const dir = await mkdtemp(join(tmpdir(), 'ssmd-notices-'));
  const path = join(dir, 'of', 'test', 'notices.jsonl');
  const logged: FileNoticeLine[] = [];
  return {
    logged,
    notifier: createFileNotifier({ path, place: PLACE, log: (line) => logged.push(line) }),
    lines: async () => {
      const text = await readFile(path, 'utf8').catch(() => '');
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as FileNoticeLine);
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

/** A run's failure as it is told. */
export function aNotice(other: Partial<Notice> = {}): Notice {
  return {
    ...{ fingerprint: 'run/daily-archive/tiny/2026-11-20', kind: 'run', priority: 'high' },
    ...{ title: 'daily-archive tiny 2026-11-20 failed: SSMD_NOT_FOUND', team: null },
    ...{ at: '2026-11-21T06:00:00Z', event: 'failed 1', feed: 'tiny', day: '2026-11-20' },
    ...{ version: 'v1', manifest: null, report: null, text: null },
    run: {
      ...{ type: 'daily-archive', id: 'one', run_id: '01a20009', activity: 'planArchiveDay' },
      attempt: 3,
    },
    causes: ['SSMD_NOT_FOUND: nothing was captured'],
    ...other,
  };
}
