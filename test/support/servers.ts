/**
 * Real servers for a test, on their own free ports and in their own temporary folder, so that they
 * run beside a stack that is up. Use `await using servers = await startTestServers({ nats: true })`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Binary } from '../../stack/binaries.ts';
import { ensureBinary } from '../../stack/binaries.ts';
import { LOOPBACK, freePort } from '../../stack/ports.ts';
import { plainReport } from '../../stack/report.ts';
import type { ServerSpec } from '../../stack/server.ts';
import {
  S3_REGION,
  natsServer,
  s3Credentials,
  s3Server,
  temporalServer,
} from '../../stack/servers.ts';
import type { RunningServer } from '../../stack/supervisor.ts';
import { startServer, stopProcess } from '../../stack/supervisor.ts';
import type { ToolName } from '../../stack/tools.ts';

/** A server that a test may kill and start again: same port, same files. */
export type TestServer = {
  readonly port: number;
  readonly pid: () => number;
  /** SIGKILL; returns when it is gone. */
  readonly kill: () => Promise<void>;
  /** SIGTERM and wait. */
  readonly stop: () => Promise<void>;
  /** Starts it again; returns when it answers. */
  readonly restart: () => Promise<void>;
};

export type TestNats = TestServer & { readonly url: string };
export type TestS3 = TestServer & {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
};
export type TestTemporal = TestServer & { readonly address: string };

export type TestServers = AsyncDisposable & {
  /** The temporary folder; removed at the end. */
  readonly dir: string;
  /** Each throws when it was not asked for. */
  readonly nats: TestNats;
  readonly s3: TestS3;
  readonly temporal: TestTemporal;
};

export type Wanted = {
  readonly nats?: boolean;
  readonly s3?: boolean;
  readonly temporal?: boolean;
  /** Limits of the Temporal server that are not its own: `key=value` of its dynamic configuration. */
  readonly temporal_limits?: readonly string[];
};

const START_TRIES = 3;

/** Starts what is asked for, together. */
export async function startTestServers(wanted: Wanted): Promise<TestServers> {
  const dir = await mkdtemp(join(tmpdir(), 'ssmd-test-'));
  const started: TestServer[] = [];
  const note = <T extends TestServer>(server: T): T => {
    started.push(server);
    return server;
  };
  const stopAll = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    const starts = await Promise.allSettled([
      wanted.nats === true ? startNats(dir).then(note) : null,
      wanted.s3 === true ? startS3(dir).then(note) : null,
      wanted.temporal === true ? startTemporal(dir, wanted.temporal_limits ?? []).then(note) : null,
    ]);
    const [nats, s3, temporal] = [outcome(starts[0]), outcome(starts[1]), outcome(starts[2])];
    return {
      dir,
      get nats() {
        return asked(nats, 'nats');
      },
      get s3() {
        return asked(s3, 's3');
      },
      get temporal() {
        return asked(temporal, 'temporal');
      },
      [Symbol.asyncDispose]: stopAll,
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function startNats(dir: string): Promise<TestNats> {
  const binary = await binaryFor('nats-server');
  const server = await startOn((port) => natsServer(binary, { dir, port }));
  return { ...server, url: `nats://${LOOPBACK}:${server.port}` };
}

/** An S3 server that keeps no versions of objects; the caller stops it. */
export function startS3WithoutVersions(dir: string): Promise<TestS3> {
  return startS3(dir, (args) => {
    const at = args.indexOf('--versioning-dir');
    return args.filter((_, index) => at < 0 || (index !== at && index !== at + 1));
  });
}

async function startS3(
  dir: string,
  adapt: (args: readonly string[]) => readonly string[] = (args) => args,
): Promise<TestS3> {
  const binary = await binaryFor('versitygw');
  const credentials = await s3Credentials(dir);
  const server = await startOn(async (port) => {
    const spec = await s3Server(binary, { dir, port, credentials });
    return { ...spec, args: adapt(spec.args) };
  });
  return {
    ...server,
    endpoint: `http://${LOOPBACK}:${server.port}`,
    accessKey: credentials.access_key,
    secretKey: credentials.secret_key,
    region: S3_REGION,
  };
}

async function startTemporal(dir: string, limits: readonly string[]): Promise<TestTemporal> {
  const binary = await binaryFor('temporal');
  const others = limits.flatMap((limit) => ['--dynamic-config-value', limit]);
  const server = await startOn(async (port) => {
    const http_port = await freePort();
    const spec = await temporalServer(binary, { dir, port, ui_port: null, http_port });
    return { ...spec, args: [...spec.args, ...others] };
  });
  return { ...server, address: `${LOOPBACK}:${server.port}` };
}

async function binaryFor(tool: ToolName): Promise<Binary> {
  return await ensureBinary(
    tool,
    process.env,
    plainReport((text) => process.stderr.write(text)),
  );
}

/** Starts on a free port; another test may take it first, so a start that fails is tried again. */
async function startOn(specFor: (port: number) => Promise<ServerSpec>): Promise<TestServer> {
  for (let tried = 1; ; tried += 1) {
    const port = await freePort();
    const spec = await specFor(port);
    try {
      return testServer(port, spec, await startServer(spec));
    } catch (error) {
      if (tried === START_TRIES) throw error;
    }
  }
}

function testServer(port: number, spec: ServerSpec, first: RunningServer): TestServer {
  let running = first;
  return {
    port,
    pid: () => running.pid,
    async kill() {
      // Without warning, as a crash would end it: the whole of its process group.
      process.kill(-running.pid, 'SIGKILL');
      await stopProcess(running.pid, running.started);
    },
    stop: () => stopProcess(running.pid, running.started),
    restart: async () => {
      await stopProcess(running.pid, running.started);
      running = await startServer(spec);
    },
  };
}

function outcome<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}

function asked<T>(server: T | null, name: string): T {
  if (server === null) throw new Error(`startTestServers was not asked for ${name}`);
  return server;
}
