/** A real versitygw on a folder and port of its own, for as long as a test needs it. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export type S3Server = AsyncDisposable & {
  readonly config: {
    readonly endpoint: string;
    readonly region: string;
    readonly access_key_id: string;
    readonly secret_access_key: string;
  };
  /** The folder whose sub-folders are buckets and whose files are objects. */
  readonly folder: string;
};

/** A binary from its variable or the PATH; null where there is none. */
export function findBinary(name: string, variable: string): string | null {
  const named = process.env[variable];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = [
    ...(named === undefined ? [] : [named]),
    ...folders.map((f) => join(f, name)),
  ];
  return candidates.find(isExecutable) ?? null;
}

const binary = findBinary('versitygw', 'SSMD_VERSITYGW_BIN');

/** Why S3 tests cannot run here, or false. In CI they must. */
export const skipWithoutS3Server: string | false =
  binary !== null || process.env['CI'] === 'true'
    ? false
    : 'no versitygw: set SSMD_VERSITYGW_BIN or put it on the PATH';

const READY_MS_MAX = 10_000;

/** Starts one; disposing ends it and removes its folder. */
export async function openS3Server(): Promise<S3Server> {
  if (binary === null) throw new Error('versitygw was not found: set SSMD_VERSITYGW_BIN');
  const root = await mkdtemp(join(tmpdir(), 'ssmd-s3-'));
  const folder = join(root, 'buckets');
  await mkdir(folder);
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const child = spawn(
    binary,
    ['--port', address, '--access', 'test', '--secret', 'test-secret', '--quiet', 'posix', folder],
    { stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await untilAnswers(`http://${address}/`);
  return {
    config: {
      endpoint: `http://${address}`,
      region: 'us-east-1',
      access_key_id: 'test',
      secret_access_key: 'test-secret',
    },
    folder,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** A port nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

async function untilAnswers(url: string): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX;
  for (;;) {
    const answered = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answered) return;
    if (performance.now() > deadline)
      throw new Error(`${url} did not answer in ${READY_MS_MAX} ms`);
    await delay(20);
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
