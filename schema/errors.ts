/**
 * Errors a user or an operator can meet. Each has a code that is documented in `docs/errors.md` (a
 * test keeps the two in step), says whether trying again can help, and carries the facts as fields.
 * The message says what, where, expected, received, and what to do next; it never holds a secret.
 */
export type ErrorCode =
  | 'SSMD_INVALID_INPUT'
  | 'SSMD_INVALID_CONFIG'
  | 'SSMD_NOT_FOUND'
  | 'SSMD_UNAVAILABLE'
  | 'SSMD_DAY_NOT_OVER'
  | 'SSMD_CORRUPT'
  | 'SSMD_VERSION_CONFLICT'
  | 'SSMD_LATE_RAW'
  | 'SSMD_MOVED'
  | 'SSMD_FENCED'
  | 'SSMD_DISK_FULL'
  | 'SSMD_LIMIT'
  | 'SSMD_TOOL_MISSING'
  | 'SSMD_INTERRUPTED';

/** Facts are plain JSON: instants and large ids as text. */
export type ErrorFacts = Readonly<Record<string, unknown>>;

export class SsmdError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly facts: ErrorFacts;

  constructor(
    code: ErrorCode,
    message: string,
    options: { retryable?: boolean; facts?: ErrorFacts; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SsmdError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.facts = options.facts ?? {};
  }
}

/** One thing wrong with an input: `where` is a path in it or `file:line:column`. */
export type Fault = { readonly where: string; readonly what: string; readonly hint?: string };

/** All faults of an input at once, with a valid example. */
export function invalidInput(what: string, faults: readonly Fault[], example?: unknown): SsmdError {
  const lines = faults.map(
    (fault) => `  ${fault.where}: ${fault.what}${fault.hint ? ` (${fault.hint})` : ''}`,
  );
  // A command line is shown as it is typed.
  const text = typeof example === 'string' ? example : JSON.stringify(example);
  const shown = example === undefined ? '' : `\nA valid example: ${text}`;
  return new SsmdError(
    'SSMD_INVALID_INPUT',
    `${what} has ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}:\n${lines.join('\n')}${shown}`,
    { facts: { faults, example } },
  );
}

/** A statement that holds unless the code itself is wrong. */
export function invariant(condition: boolean, statement: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${statement}`);
}
