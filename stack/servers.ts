/**
 * The three servers on loopback: files, flags and probes. Settings are the proven ones:
 * JetStream syncs every 10 s (acknowledged messages survived every kill of the server), Temporal's
 * SQLite in WAL mode is 3.5 times faster and lost no acknowledged start.
 */
import { randomBytes } from 'node:crypto';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SsmdError } from '../schema/errors.ts';
import type { Binary } from './binaries.ts';
import { LOOPBACK } from './ports.ts';
import type { ServerSpec } from './server.ts';
import { probeHttp, probeNats } from './server.ts';

/** Names an operator filters runs by; the dev server has ten Keyword slots. */
export const SEARCH_ATTRIBUTES: readonly string[] = [
  'SsmdFeed',
  'SsmdDay',
  'SsmdVersion',
  'SsmdStage',
  'SsmdOutcome',
  'SsmdMode',
  'SsmdTicket',
];

export const TASK_QUEUE = 'ssmd';
export const S3_REGION = 'us-east-1';

export type S3Credentials = { readonly access_key: string; readonly secret_key: string };

/** NATS with JetStream, files under `<dir>/nats`. */
export async function natsServer(
  binary: Binary,
  options: { readonly dir: string; readonly port: number },
): Promise<ServerSpec> {
  const { dir, port } = options;
  const folder = join(dir, 'nats');
  await mkdir(folder, { recursive: true });
  const config = join(folder, 'nats-server.conf');
  const lines = [
    '# Written at every start.',
    `listen: "${LOOPBACK}:${port}"`,
    'server_name: "ssmd"',
    'jetstream {',
    `  store_dir: ${JSON.stringify(join(folder, 'data'))}`,
    '  sync_interval: "10s"',
    '}',
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  return {
    part: 'nats',
    binary,
    args: ['--config', config],
    env: {},
    log_file: join(dir, 'logs', 'nats-server.log'),
    ready_timeout_ms: 30_000,
    url: `nats://${LOOPBACK}:${port}`,
    probe: () => probeNats(port, LOOPBACK),
  };
}

/** Versity's S3 gateway over a plain folder: objects under `<dir>/s3/objects`. */
export async function s3Server(
  binary: Binary,
  options: {
    readonly dir: string;
    readonly port: number;
    readonly credentials: S3Credentials;
  },
): Promise<ServerSpec> {
  const { dir, port, credentials } = options;
  const folder = join(dir, 's3');
  const objects = join(folder, 'objects');
  const versions = join(folder, 'versions');
  await mkdir(objects, { recursive: true });
  await mkdir(versions, { recursive: true });
  const health = '/ssmd/health';
  const sidecar = await sidecarArgs(folder);
  return {
    part: 's3',
    binary,
    args: [
      ...['--port', `${LOOPBACK}:${port}`, '--region', S3_REGION, '--health', health, '--quiet'],
      '--keep-alive',
      ...['posix', '--versioning-dir', versions, ...sidecar, objects],
    ],
    env: {
      ROOT_ACCESS_KEY_ID: credentials.access_key,
      ROOT_SECRET_ACCESS_KEY: credentials.secret_key,
    },
    log_file: join(dir, 'logs', 'versitygw.log'),
    ready_timeout_ms: 30_000,
    url: `http://${LOOPBACK}:${port}`,
    probe: () => probeHttp(`http://${LOOPBACK}:${port}${health}`),
  };
}

/** The Temporal development server with its UI, one SQLite file under `<dir>/temporal`. */
export async function temporalServer(
  binary: Binary,
  options: {
    readonly dir: string;
    readonly port: number;
    /** Null: no UI. */
    readonly ui_port: number | null;
    /** Where readiness is asked, over HTTP. */
    readonly http_port: number;
  },
): Promise<ServerSpec> {
  const { dir, port, ui_port, http_port } = options;
  const folder = join(dir, 'temporal');
  await mkdir(folder, { recursive: true });
  const http = `http://${LOOPBACK}:${http_port}/api/v1/namespaces/default`;
  return {
    part: 'temporal',
    binary,
    args: [
      ...['server', 'start-dev', '--ip', LOOPBACK, '--port', String(port)],
      ...(ui_port === null ? ['--headless'] : ['--ui-port', String(ui_port)]),
      ...['--http-port', String(http_port), '--log-level', 'warn', '--color', 'never'],
      ...['--db-filename', join(folder, 'temporal.db'), '--disable-config-file'],
      ...['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=normal'],
      ...SEARCH_ATTRIBUTES.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
    ],
    env: {},
    log_file: join(dir, 'logs', 'temporal.log'),
    ready_timeout_ms: 60_000,
    url: `${LOOPBACK}:${port}`,
    // The namespace asks the frontend, the task queue asks matching: both must serve.
    probe: async () =>
      (await probeHttp(http)) &&
      (await probeHttp(`${http}/task-queues/${TASK_QUEUE}`)) &&
      (ui_port === null || (await probeHttp(`http://${LOOPBACK}:${ui_port}/`))),
  };
}

/**
 * The root credentials of a data folder, made at first use and kept in `<dir>/s3/credentials.json`
 * readable by its owner only.
 */
export async function s3Credentials(dir: string): Promise<S3Credentials> {
  const file = join(dir, 's3', 'credentials.json');
  const kept = await readS3Credentials(dir);
  if (kept !== null) return kept;
  const made: S3Credentials = {
    access_key: `SSMD${randomBytes(8).toString('hex').toUpperCase()}`,
    secret_key: randomBytes(24).toString('base64url'),
  };
  await mkdir(join(dir, 's3'), { recursive: true });
  await writeFile(file, `${JSON.stringify(made)}\n`, { mode: 0o600, flag: 'wx' });
  return made;
}

/** The credentials a data folder has, or null. @throws SSMD_CORRUPT when the file is not ours. */
export async function readS3Credentials(dir: string): Promise<S3Credentials | null> {
  const file = join(dir, 's3', 'credentials.json');
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  const kept: unknown = JSON.parse(text);
  if (isCredentials(kept)) return kept;
  throw new SsmdError(
    'SSMD_CORRUPT',
    `${file} holds no credentials: expected access_key and secret_key; delete it to make new ones`,
    { facts: { file } },
  );
}

function isCredentials(value: unknown): value is S3Credentials {
  return (
    typeof value === 'object' &&
    value !== null &&
    'access_key' in value &&
    typeof value.access_key === 'string' &&
    'secret_key' in value &&
    typeof value.secret_key === 'string'
  );
}

/** A folder once begun with its attributes in sidecar files goes on so. */
async function sidecarArgs(folder: string): Promise<string[]> {
  const sidecar = join(folder, 'sidecar');
  const there = await access(sidecar).then(
    () => true,
    () => false,
  );
  return there ? ['--sidecar', sidecar] : [];
}
