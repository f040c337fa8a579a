/** Processes as the operating system shows them: alive or not, when started, which owns a port. */
import { readFile, readdir, readlink } from 'node:fs/promises';
import { basename } from 'node:path';

/** Whether a process of that id exists (zombies apart, where `/proc` tells). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * What tells a process from a later one with the same id: its start in clock ticks since boot.
 * Null where the process is gone; `unknown` on a system without `/proc`.
 */
export async function processStart(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') return isAlive(pid) ? 'unknown' : null;
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command may hold spaces and brackets: fields are counted behind its last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

export type PortOwner = { readonly pid: number; readonly name: string };

/** The process that listens on a TCP port, or null when none does or it may not be looked up. */
export async function portOwner(port: number): Promise<PortOwner | null> {
  const inodes = await listeningInodes(port);
  if (inodes.size === 0) return null;
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const handles = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const handle of handles) {
      const target = await readlink(`/proc/${pid}/fd/${handle}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode === undefined || !inodes.has(inode)) continue;
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return { pid: Number(pid), name: basename(command.split('\0')[0] ?? '') || 'unknown' };
    }
  }
  return null;
}

/** Socket inodes listening on the port, from `/proc/net/tcp` and `tcp6`; state 0A is LISTEN. */
async function listeningInodes(port: number): Promise<Set<string>> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const inodes = new Set<string>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const table = await readFile(file, 'utf8').catch(() => '');
    for (const row of table.split('\n').slice(1)) {
      const fields = row.trim().split(/\s+/);
      if (fields[1]?.endsWith(wanted) === true && fields[3] === '0A' && fields[9] !== undefined) {
        inodes.add(fields[9]);
      }
    }
  }
  return inodes;
}
