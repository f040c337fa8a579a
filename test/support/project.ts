/** The project's own files, for tests that look at the project itself. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const projectRoot = resolve(import.meta.dirname, '..', '..');

/**
 * Files that git knows or would take (nothing ignored), as paths from the root. Without git, as in
 * an unpacked archive, every file outside `node_modules` and `.ssmd`.
 */
export function projectFiles(): readonly string[] {
  if (!existsSync(join(projectRoot, '.git'))) return walk('');
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const listed = execFileSync('git', args, { cwd: projectRoot, encoding: 'utf8' });
  return listed
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(projectRoot, path)))
    .toSorted();
}

export function readProjectFile(path: string): string {
  return readFileSync(join(projectRoot, path), 'utf8');
}

function walk(folder: string): string[] {
  const entries = readdirSync(join(projectRoot, folder), { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (!entry.isDirectory()) return [path];
    return ['node_modules', '.ssmd', '.git'].includes(entry.name) ? [] : walk(path);
  });
}
