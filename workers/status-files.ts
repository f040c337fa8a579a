/**
 * Where the connectors of this host serve their pages: a file each, `.ssmd/ENVIRONMENT/connectors/`, taken
 * away when one stops in order. One that is left behind is of a connector that did not.
 */
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

export type StatusFile = {
  readonly url: string;
  readonly feed: string;
  readonly shard: string;
  readonly pid: number;
  /** Whose loopback the page is on: containers may share the folder. */
  readonly host?: string;
};

export type StatusPlace = { readonly root: string; readonly environment: string };

function folder({ root, environment }: StatusPlace): string {
  return join(root, '.ssmd', environment, 'connectors');
}

/** Says where this process serves, in place of those of its shard that are gone; takes it back. */
export async function announceStatus(
  place: StatusPlace,
  own: StatusFile,
): Promise<() => Promise<void>> {
  const dir = folder(place);
  await mkdir(dir, { recursive: true });
  for (const other of await listStatus(place)) {
    const same = other.feed === own.feed && other.shard === own.shard;
    if (same && !isAlive(other.pid)) await rm(join(dir, nameOf(other)), { force: true });
  }
  const path = join(dir, nameOf(own));
  await writeFile(path, `${JSON.stringify({ ...own, host: own.host ?? hostname() })}\n`);
  return () => rm(path, { force: true });
}

/** As that, where there is a page; nothing where it cannot be written: capture depends on none of it. */
export async function announceIfServed(
  place: StatusPlace,
  { url, ...own }: Omit<StatusFile, 'url'> & { readonly url: string | null },
): Promise<() => Promise<void>> {
  const nothing = (): Promise<void> => Promise.resolve();
  return url === null ? nothing : announceStatus(place, { url, ...own }).catch(() => nothing);
}

/** Of connectors of this host that serve, or did until they died. */
export async function listStatus(place: StatusPlace): Promise<StatusFile[]> {
  const dir = folder(place);
  const names = await readdir(dir).catch(() => []);
  const found: StatusFile[] = [];
  for (const name of names.toSorted()) {
    const text = await readFile(join(dir, name), 'utf8').catch(() => '');
    const file = statusIn(text);
    if (file !== null) found.push(file);
  }
  return found;
}

function nameOf({ feed, shard, pid }: StatusFile): string {
  return `${feed}-${shard}-${pid}.json`;
}

function statusIn(text: string): StatusFile | null {
  try {
    const { url, feed, shard, pid, host } = JSON.parse(text) as Record<string, unknown>;
    if (typeof url !== 'string' || typeof pid !== 'number' || host !== hostname()) return null;
    return { url, pid, feed: String(feed), shard: String(shard) };
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
