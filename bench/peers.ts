/**
 * The packages that only the benchmark needs: locked in this folder, installed on first use. The project
 * itself never installs them, so their types are not there when it is checked: what is used of them is
 * written down by `tardis.ts`, and loaded by a name the compiler does not follow.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const HERE = import.meta.dirname;
const INSTALL_MS_MAX = 300_000;

/** Installs what the lockfile says, unless it is there. */
export function ensurePeers(say: (line: string) => void): void {
  const { packages } = readJson('package-lock.json') as {
    readonly packages: Readonly<Record<string, { readonly version?: string }>>;
  };
  const here = Object.entries(packages).every(
    ([path, { version }]) => path === '' || versionOf(path) === version,
  );
  if (here) return;
  say('installing what is measured against (bench/package-lock.json)');
  const options = { cwd: HERE, stdio: 'inherit', timeout: INSTALL_MS_MAX } as const;
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], options);
}

/** Versions of what is measured against. */
export function peerVersions(): Readonly<Record<string, string>> {
  return { 'tardis-dev': versionOf('node_modules/tardis-dev') ?? 'not installed' };
}

function versionOf(path: string): string | null {
  const file = join(path, 'package.json');
  if (!existsSync(join(HERE, file))) return null;
  return (readJson(file) as { readonly version: string }).version;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(HERE, path), 'utf8'));
}
