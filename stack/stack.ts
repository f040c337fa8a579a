/**
 * The whole stack of one environment: starts whatever part is not already running, says where each
 * is, and stops what it started and nothing else.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SsmdError } from '../schema/errors.ts';
import { ensureBinary } from './binaries.ts';
import { throwIfInterrupted } from './interrupted.ts';
import { DEFAULT_PORTS, LOOPBACK, choosePort, freePort } from './ports.ts';
import type { StackPorts } from './ports.ts';
import { processStart } from './processes.ts';
import type { Report } from './report.ts';
import { PART_NAMES } from './server.ts';
import type { PartName, ServerSpec } from './server.ts';
import { S3_REGION, natsServer, s3Credentials, s3Server, temporalServer } from './servers.ts';
import type { S3Credentials } from './servers.ts';
import { lockStart } from './start-lock.ts';
import type { PartState, S3State, StackFile } from './state.ts';
import {
  answers,
  isOrphan,
  natsUrl,
  readStackFile,
  runningParts,
  s3Endpoint,
  temporalAddress,
  temporalUi,
  writeStackFile,
} from './state.ts';
import { startServer, stopProcess } from './supervisor.ts';
import type { RunningServer, Spawned } from './supervisor.ts';
import type { ToolName } from './tools.ts';

export type StackOptions = {
  /** `.ssmd/<environment>`: data, logs, credentials, state. */
  readonly dataDir: string;
  /** Preferred ports; a busy one is named and another is used. */
  readonly ports?: Partial<StackPorts>;
  /** Default: all three. */
  readonly only?: readonly PartName[];
  /** Servers go on when this process ends; `stopStack` ends them. */
  readonly outlive_us?: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Report;
  /** Aborted while the stack starts: what was started is stopped again. */
  readonly signal?: AbortSignal;
};

export type Stack = {
  readonly nats: { readonly url: string };
  readonly s3: S3State;
  readonly temporal: { readonly address: string; readonly uiUrl: string };
  /** Parts that this call started; the others were running already. */
  readonly started: readonly PartName[];
  /** Settles with what happened when a part we started ends by itself. */
  readonly failed: Promise<string>;
  /** Ends what this call started, Temporal first. Repeats do nothing. */
  readonly stop: () => Promise<void>;
};

const TOOL_OF: Readonly<Record<PartName, ToolName>> = {
  nats: 'nats-server',
  s3: 'versitygw',
  temporal: 'temporal',
};

const START_TRIES = 3;
const LEFTOVER_WAIT_MS = 5_000;

type Started = { readonly server: RunningServer; readonly state: PartState };

/**
 * Brings the stack up.
 * @throws SSMD_TOOL_MISSING when a binary can neither be found nor made, SSMD_UNAVAILABLE when a
 * server does not come up, SSMD_INTERRUPTED; what had been started is stopped again.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dataDir, log, signal } = options;
  const wanted = options.only ?? PART_NAMES;
  await using _lock = await lockStart(dataDir, log, signal);
  const running = await partsToKeep(dataDir, log);
  for (const name of wanted) {
    const part = running[name];
    if (part !== undefined) log.line(statusLine(name, part, 'running already'));
  }
  const record = openRecord(dataDir, running);
  const started = new Map<PartName, Started>();
  const stop = async (): Promise<void> => {
    const mine = [...started.entries()].reverse();
    started.clear();
    await Promise.all(mine.map(([, { server }]) => stopProcess(server.pid, server.started)));
    await forget(
      dataDir,
      mine.map(([name, { state }]) => [name, state]),
    );
  };
  try {
    const missing = wanted.filter((name) => running[name] === undefined);
    // Binaries first and one by one: two builds at once would fight for the processors.
    for (const name of missing) await ensureBinary(TOOL_OF[name], options.env, log, signal);
    const starts = await Promise.allSettled(
      missing.map(async (name) => started.set(name, await startPart(name, options, record))),
    );
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    throwIfInterrupted(signal);
    const parts: StackFile['parts'] = {
      ...running,
      ...Object.fromEntries([...started].map(([name, { state }]) => [name, state])),
    };
    const failures = [...started].map(async ([name, { server }]) => {
      const how = await server.ended;
      return `${name} (process ${server.pid}) ended by itself: ${how}; log ${server.spec.log_file}`;
    });
    const credentials = parts.s3 === undefined ? null : await s3Credentials(dataDir);
    return stackOf(parts, credentials, { started: missing, failed: first(failures), stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Ends every part that the data folder's state file names. Returns the parts that were running. */
export async function stopStack(dataDir: string): Promise<readonly PartName[]> {
  const file = await readStackFile(dataDir);
  if (file === null) return [];
  const running = Object.entries(await runningParts(file)) as [PartName, PartState][];
  await Promise.all(running.map(([, part]) => stopProcess(part.pid, part.started)));
  await writeStackFile(dataDir, { parts: {} });
  return running.map(([name]) => name);
}

/**
 * Parts recorded, watched and answering. One that nobody watches any more (its `ssmd up` was
 * killed) or that does not answer is ours too, and is ended.
 */
async function partsToKeep(dataDir: string, log: Report): Promise<StackFile['parts']> {
  const file = await readStackFile(dataDir);
  if (file === null) return {};
  const kept: Partial<Record<PartName, PartState>> = {};
  for (const [name, part] of Object.entries(await runningParts(file)) as [PartName, PartState][]) {
    const orphan = await isOrphan(part);
    if (!orphan && (await answersSoon(name, part))) {
      kept[name] = part;
      continue;
    }
    const why = orphan ? 'is left over from a start that was killed' : 'does not answer';
    log.line(`${name}: process ${part.pid} ${why}; ending it`);
    await stopProcess(part.pid, part.started);
  }
  return kept;
}

/** A part that another process is just starting may not answer yet. */
async function answersSoon(name: PartName, part: PartState): Promise<boolean> {
  const deadline = performance.now() + LEFTOVER_WAIT_MS;
  for (;;) {
    if (await answers(name, part)) return true;
    const running = await runningParts({ parts: { [name]: part } });
    if (running[name] === undefined || performance.now() > deadline) return false;
    await sleep(100);
  }
}

/** Writes a part down, or takes it out. */
type RecordPart = (name: PartName, state: PartState | null) => Promise<void>;

/**
 * Keeps the state file in step with the processes while they start: a start that is killed half-way
 * leaves nothing that `stopStack` does not know. One write at a time.
 */
function openRecord(dataDir: string, running: StackFile['parts']): RecordPart {
  let parts = running;
  let last: Promise<void> = Promise.resolve();
  return (name, state) => {
    const { [name]: _, ...others } = parts;
    parts = state === null ? others : { ...others, [name]: state };
    const now = parts;
    // A write that failed has been told to whoever asked for it; the next one states all of it anew.
    last = last.catch(() => undefined).then(() => writeStackFile(dataDir, { parts: now }));
    return last;
  };
}

/** Starts one part; a port taken between the choice and the start is chosen anew. */
async function startPart(
  name: PartName,
  options: StackOptions,
  record: RecordPart,
): Promise<Started> {
  const wanted = { ...DEFAULT_PORTS, ...options.ports };
  const binary = await ensureBinary(TOOL_OF[name], options.env, options.log, options.signal);
  for (let tried = 1; ; tried += 1) {
    const main = await choosePort(wanted[name]);
    const ui = name === 'temporal' ? await choosePort(wanted.temporal_ui) : null;
    const http_port = name === 'temporal' ? await freePort() : null;
    for (const chosen of [main, ui]) {
      if (chosen !== null && chosen.note !== null) options.log.line(`${name}: ${chosen.note}`);
    }
    const ports = { port: main.port, ui_port: ui?.port ?? null, http_port };
    const spec = await specOf(name, options.dataDir, binary, ports);
    const outlive_us = options.outlive_us === true;
    const owner = outlive_us ? null : await ourselves();
    const stateOf = ({ pid, started }: Spawned): PartState => {
      return { ...ports, pid, started, version: binary.version, owner };
    };
    try {
      const server = await startServer(spec, {
        outlive_us,
        onSpawned: (spawned) => record(name, stateOf(spawned)),
        signal: options.signal,
      });
      options.log.line(statusLine(name, stateOf(server), 'started'));
      return { server, state: stateOf(server) };
    } catch (error) {
      await record(name, null);
      throwIfInterrupted(options.signal);
      const taken = !(await stillFree(main.port)) || (ui !== null && !(await stillFree(ui.port)));
      if (!taken || tried === START_TRIES) throw error;
    }
  }
}

/** `nats      started          nats://127.0.0.1:4222  v2.15.2`: at most 80 columns. */
function statusLine(name: PartName, part: PartState, what: string): string {
  const ui = temporalUi(part);
  const where = {
    nats: natsUrl(part),
    s3: s3Endpoint(part),
    temporal: `${temporalAddress(part)}${ui === null ? '' : `, UI ${ui}`}`,
  }[name];
  return `${name.padEnd(9)} ${what.padEnd(16)} ${where}  ${part.version}`;
}

async function ourselves(): Promise<PartState['owner']> {
  return { pid: process.pid, started: (await processStart(process.pid)) ?? 'unknown' };
}

async function stillFree(port: number): Promise<boolean> {
  return (await choosePort(port)).note === null;
}

async function specOf(
  name: PartName,
  dir: string,
  binary: Awaited<ReturnType<typeof ensureBinary>>,
  ports: Pick<PartState, 'port' | 'ui_port' | 'http_port'>,
): Promise<ServerSpec> {
  const { port, ui_port } = ports;
  switch (name) {
    case 'nats':
      return await natsServer(binary, { dir, port });
    case 's3':
      return await s3Server(binary, { dir, port, credentials: await s3Credentials(dir) });
    case 'temporal':
      return await temporalServer(binary, { dir, port, ui_port, http_port: ports.http_port ?? 0 });
    default:
      return name satisfies never;
  }
}

/** Where each part is; asking for one that was left out of `only` throws. */
function stackOf(
  parts: StackFile['parts'],
  credentials: S3Credentials | null,
  life: Pick<Stack, 'started' | 'failed' | 'stop'>,
): Stack {
  const { nats, s3, temporal } = parts;
  return {
    ...life,
    get nats() {
      return { url: natsUrl(up(nats, 'nats')) };
    },
    get s3() {
      return {
        endpoint: s3Endpoint(up(s3, 's3')),
        accessKey: credentials?.access_key ?? '',
        secretKey: credentials?.secret_key ?? '',
        region: S3_REGION,
      };
    },
    get temporal() {
      const part = up(temporal, 'temporal');
      return { address: temporalAddress(part), uiUrl: temporalUi(part) ?? `http://${LOOPBACK}` };
    },
  };
}

function up(part: PartState | undefined, name: PartName): PartState {
  if (part !== undefined) return part;
  throw new SsmdError(
    'SSMD_UNAVAILABLE',
    `${name} is not part of this stack: it was not asked for`,
    {
      facts: { part: name },
    },
  );
}

/** Takes our parts out of the state file, unless another process has put its own there. */
async function forget(dataDir: string, ours: readonly [PartName, PartState][]): Promise<void> {
  const file = await readStackFile(dataDir);
  if (file === null) return;
  const parts = Object.entries(file.parts).filter(
    ([name, part]) => !ours.some(([mine, state]) => mine === name && state.pid === part.pid),
  );
  await writeStackFile(dataDir, { parts: Object.fromEntries(parts) });
}

/** The first of several to settle; one that never does when there are none. */
async function first(events: readonly Promise<string>[]): Promise<string> {
  return events.length === 0 ? await new Promise<string>(() => undefined) : Promise.race(events);
}
