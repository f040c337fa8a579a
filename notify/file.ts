/**
 * Notices in a file, one JSON object a line, and in the log: what there is where no key is, and where
 * what others refused is kept. Above a limit the file is put aside, over the one before.
 */
import { appendFile, mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Notice } from '../schema/notice.ts';
import type { Notifier, Place } from './notifier.ts';
import { againOf, bodyOf, recoveredOf, titleOf } from './render.ts';

/** Of the file; that put aside is as large at most. */
export const FILE_BYTES_MAX = 16 * 1024 * 1024;

export type FileNoticeLine = {
  readonly at: string;
  readonly event: 'opened' | 'again' | 'over';
  readonly fingerprint: string;
  readonly title: string;
  readonly priority: Notice['priority'];
  readonly team: string | null;
  readonly count: number;
  /** Markdown, as Linear would show it. */
  readonly body: string;
};

/** `log` hears the same line. */
export function createFileNotifier(of: {
  readonly path: string;
  readonly place: Place;
  readonly log: (line: FileNoticeLine) => void;
}): Notifier {
  const { path, place, log } = of;
  const write = async (line: FileNoticeLine): Promise<void> => {
    log(line);
    await mkdir(dirname(path), { recursive: true });
    const size = await stat(path).then(
      (it) => it.size,
      () => 0,
    );
    if (size > FILE_BYTES_MAX) await rename(path, `${path}.1`);
    await appendFile(path, `${JSON.stringify(line)}\n`);
  };
  const common = (notice: Notice, count: number) => ({
    fingerprint: notice.fingerprint,
    title: titleOf(notice, place),
    priority: notice.priority,
    team: notice.team,
    count,
  });
  return {
    name: 'file',
    async notify(told) {
      const { notice, count } = told;
      const first = count === 1;
      await write({
        at: notice.at,
        event: first ? 'opened' : 'again',
        ...common(notice, count),
        body: first ? bodyOf(told, place) : againOf(told, place),
      });
      return { did: first ? 'opened' : 'commented', where: path, ticket: null };
    },
    async recovered(recovery) {
      const { notice, well, count } = recovery;
      const body = recoveredOf(recovery);
      await write({ at: well.at, event: 'over', ...common(notice, count), body });
      return { did: 'closed', where: path, ticket: null };
    },
  };
}
