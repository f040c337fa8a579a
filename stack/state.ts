/**
 * What a running stack wrote down about itself, `.ssmd/<environment>/stack.json`: other commands
 * find it by that. Secrets are not in it; the object store's stand in a file of their own.
 */
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LOOPBACK } from './ports.ts';
import { processStart } from './processes.ts';
import { probeHttp, probeNats } from './server.ts';
import type { PartName } from './server.ts';
import { S3_REGION, readS3Credentials } from './servers.ts';

/** One part as written to the file. */
export type PartState = {
  readonly port: number;
  /** Temporal's UI; null for other parts and where there is none. */
  readonly ui_port: number | null;
  /** Where Temporal's readiness is asked; null for other parts. */
  readonly http_port: number | null;
  readonly pid: number;
  /** Tells the process from a later one with its id. */
  readonly started: string;
  readonly version: string;
  /** The process that watches it and will stop it; null when it runs by itself. */
  readonly owner: { readonly pid: number; readonly started: string } | null;
};

export type StackFile = { readonly parts: Readonly<Partial<Record<PartName, PartState>>> };

/** Where the parts of a stack are; null for one that is not up. */
export type StackState = {
  readonly nats: { readonly url: string } | null;
  readonly s3: S3State | null;
  readonly temporal: { readonly address: string; readonly uiUrl: string | null } | null;
};

export type S3State = {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
};

/** `<root>/.ssmd/<environment>`: where a stack keeps its data, logs and state. */
export function stackDir(envName: string, root: string): string {
  return join(root, '.ssmd', envName);
}

/**
 * The stack of an environment as it is now: what its file says, less what no longer runs. Null
 * when none was started there.
 */
export async function readStackState(envName: string, root: string): Promise<StackState | null> {
  const dir = stackDir(envName, root);
  const file = await readStackFile(dir);
  if (file === null) return null;
  const { nats, s3, temporal } = await runningParts(file);
  const credentials = s3 === undefined ? null : await readS3Credentials(dir);
  if (nats === undefined && s3 === undefined && temporal === undefined) return null;
  return {
    nats: nats === undefined ? null : { url: natsUrl(nats) },
    s3:
      s3 === undefined || credentials === null
        ? null
        : {
            endpoint: s3Endpoint(s3),
            accessKey: credentials.access_key,
            secretKey: credentials.secret_key,
            region: S3_REGION,
          },
    temporal:
      temporal === undefined
        ? null
        : { address: temporalAddress(temporal), uiUrl: temporalUi(temporal) },
  };
}

/** A stack of which something runs, and the environment file it was started with, where it is known. */
export type RunningStack = { readonly name: string; readonly file: string | null };

/** The stacks that are up, by name. */
export async function findRunningStacks(root: string): Promise<RunningStack[]> {
  const names = await readdir(join(root, '.ssmd')).catch(() => []);
  const found: RunningStack[] = [];
  for (const name of names.toSorted()) {
    if ((await readStackState(name, root)) === null) continue;
    const text = await readFile(join(stackDir(name, root), FILE_OF), 'utf8').catch(() => '');
    found.push({ name, file: text.trim() || null });
  }
  return found;
}

/** Beside the state: the path of the environment's file, which may lie anywhere. */
const FILE_OF = 'environment-file';

/** Remembers which file a stack was started with. */
export async function recordEnvironmentFile(dir: string, file: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, FILE_OF), `${file}\n`);
}

export function natsUrl(part: PartState): string {
  return `nats://${LOOPBACK}:${part.port}`;
}

export function s3Endpoint(part: PartState): string {
  return `http://${LOOPBACK}:${part.port}`;
}

export function temporalAddress(part: PartState): string {
  return `${LOOPBACK}:${part.port}`;
}

export function temporalUi(part: PartState): string | null {
  return part.ui_port === null ? null : `http://${LOOPBACK}:${part.ui_port}`;
}

/** The state file, or null when there is none or it is not one of ours. */
export async function readStackFile(dir: string): Promise<StackFile | null> {
  const text = await readFile(join(dir, 'stack.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isStackFile(value) ? value : null;
  } catch {
    return null;
  }
}

/** Replaces the state file in one step; no parts left removes it. */
export async function writeStackFile(dir: string, file: StackFile): Promise<void> {
  const path = join(dir, 'stack.json');
  if (Object.keys(file.parts).length === 0) {
    await rm(path, { force: true });
    return;
  }
  await mkdir(dir, { recursive: true });
  const scratch = `${path}.${process.pid}`;
  await writeFile(scratch, `${JSON.stringify(file, null, 2)}\n`);
  await rename(scratch, path);
}

/** The parts of a file whose processes are still the ones it names. */
export async function runningParts(file: StackFile): Promise<StackFile['parts']> {
  const running: Partial<Record<PartName, PartState>> = {};
  for (const [name, part] of Object.entries(file.parts) as [PartName, PartState][]) {
    if ((await processStart(part.pid)) === part.started) running[name] = part;
  }
  return running;
}

/** Whether the process that watches a part is gone, so that nobody will stop it. */
export async function isOrphan(part: PartState): Promise<boolean> {
  if (part.owner === null) return false;
  return (await processStart(part.owner.pid)) !== part.owner.started;
}

/** Whether a recorded part answers. */
export async function answers(name: PartName, part: PartState): Promise<boolean> {
  switch (name) {
    case 'nats':
      return await probeNats(part.port, LOOPBACK);
    case 's3':
      return await probeHttp(`${s3Endpoint(part)}/ssmd/health`);
    case 'temporal':
      return await probeHttp(`http://${LOOPBACK}:${part.http_port}/api/v1/namespaces/default`);
    default:
      return name satisfies never;
  }
}

function isStackFile(value: unknown): value is StackFile {
  if (typeof value !== 'object' || value === null || !('parts' in value)) return false;
  const { parts } = value;
  if (typeof parts !== 'object' || parts === null) return false;
  return Object.values(parts).every(
    (part: unknown) =>
      typeof part === 'object' &&
      part !== null &&
      'port' in part &&
      typeof part.port === 'number' &&
      'pid' in part &&
      typeof part.pid === 'number' &&
      'started' in part &&
      typeof part.started === 'string',
  );
}
