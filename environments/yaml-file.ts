/**
 * YAML an operator edits, read against a zod schema: every fault at once, each with its line and
 * column and, for a misspelt key or word, what was probably meant.
 */
import { LineCounter, isMap, isScalar, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';
import type { z } from 'zod';
import { SsmdError } from '../schema/errors.ts';
import type { Fault } from '../schema/errors.ts';
import { nearMiss } from '../schema/near-miss.ts';

export type Path = readonly (string | number)[];

/** A parsed file: its value, and where each path of it stands. */
export type YamlFile<T> = {
  readonly value: T;
  /** `file:line:column` of a path, of the nearest parent where the path itself is absent. */
  readonly where: (path: Path) => string;
};

/** Parses `text` or throws SSMD_INVALID_CONFIG with all its faults. */
export function parseYaml<S extends z.ZodType>(
  name: string,
  text: string,
  schema: S,
): YamlFile<z.output<S>> {
  const { given, where } = readYaml(name, text);
  const result = schema.safeParse(given);
  if (result.success) return { value: result.data, where };
  throw invalidConfig(name, shapeFaults(result.error, schema, { given, where }));
}

/** A file as it is written, before its shape is judged. */
export type GivenYaml = { readonly given: unknown; readonly where: (path: Path) => string };

/** Where a file is no YAML, each token after the first mistake may be one more. */
const SYNTAX_FAULTS_MAX = 10;

/** @throws SSMD_INVALID_CONFIG where it is not YAML */
export function readYaml(name: string, text: string): GivenYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0) {
    const faults = document.errors.slice(0, SYNTAX_FAULTS_MAX).map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      const [what = 'not YAML'] = error.message.split(' at line');
      return { where: `${name}:${line}:${col}`, what };
    });
    throw invalidConfig(name, faults, document.errors.length - faults.length);
  }
  const where = (path: Path): string => {
    const { line, col } = lines.linePos(offsetOf(document, path));
    return `${name}:${line}:${col}`;
  };
  return { given: document.toJS() as unknown, where };
}

/** What the schema has against a file, one mistake one fault. */
export function shapeFaults(
  error: z.ZodError,
  schema: z.ZodType,
  { given, where }: GivenYaml,
): Fault[] {
  const wanted = knownKeys(schema, []);
  if (wanted.length > 0 && (typeof given !== 'object' || given === null || Array.isArray(given))) {
    const kind = Array.isArray(given) ? 'a list' : `"${String(given)}"`;
    const received = given === null ? 'nothing' : kind;
    return [
      {
        where: where([]),
        what: `expected keys such as ${wanted[0]}:, received ${received}`,
        hint: `known are ${wanted.join(', ')}`,
      },
    ];
  }
  const issues = withoutMeant(error.issues, given, (path) => knownKeys(schema, path));
  return issues.flatMap((issue) => faultsOf(issue, schema, given, where));
}

/** All faults in one error, in the order of the file's lines; `left`: so many more follow from them. */
export function invalidConfig(name: string, faults: readonly Fault[], left = 0): SsmdError {
  const sorted = faults.toSorted((a, b) => {
    const [line, column] = placeOf(a.where);
    const [other_line, other_column] = placeOf(b.where);
    return line - other_line || column - other_column;
  });
  const lines = sorted.map(
    (fault) =>
      `  ${fault.where}: ${fault.what}${fault.hint === undefined ? '' : ` (${fault.hint})`}`,
  );
  if (left > 0) lines.push(`  and ${left} more, which may follow from these`);
  const total = faults.length + left;
  const count = `${total} ${total === 1 ? 'error' : 'errors'}`;
  return new SsmdError('SSMD_INVALID_CONFIG', `${name} has ${count}:\n${lines.join('\n')}`, {
    facts: { file: name, faults: sorted },
  });
}

/** Line and column at the end of `file:line:column`. */
function placeOf(where: string): readonly [line: number, column: number] {
  const match = /:(\d+):(\d+)$/.exec(where);
  return [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
}

type Issue = z.core.$ZodIssue;

/**
 * Leaves out what is missed only because its key is misspelt: the misspelt key is reported, with what
 * was meant, and one mistake is one fault.
 */
export function withoutMeant(
  issues: readonly Issue[],
  value: unknown,
  knownAt: (path: Path) => readonly string[],
): Issue[] {
  const meant = new Set<string>();
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const path = pathOf(issue);
    const absent = absentKeys(knownAt(path), valueAt(value, path));
    for (const key of issue.keys) {
      const near = nearMiss(key, absent);
      if (near !== null) meant.add([...path, near].join('/'));
    }
  }
  return issues.filter(
    (issue) => !meant.has(pathOf(issue).join('/')) || valueAt(value, pathOf(issue)) !== undefined,
  );
}

/** What was probably meant by an unknown key: first a key that is not there yet. */
export function keyHint(key: string, known: readonly string[], holder: unknown): string {
  const near = nearMiss(key, absentKeys(known, holder)) ?? nearMiss(key, known);
  return near === null ? `known are ${known.join(', ')}` : meant(near);
}

function meant(near: string): string {
  return `did you mean "${near}"?`;
}

function absentKeys(known: readonly string[], holder: unknown): readonly string[] {
  const there = typeof holder === 'object' && holder !== null ? holder : {};
  return known.filter((key) => !Object.hasOwn(there, key));
}

export function pathOf(issue: Issue): readonly (string | number)[] {
  return issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
}

/** What stands at a path of a parsed file; undefined where nothing does. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, step) => {
    if (typeof at !== 'object' || at === null) return undefined;
    return (at as Readonly<Record<string | number, unknown>>)[step];
  }, value);
}

/** Offset of the node at `path`; a key stands for its value; missing parts stand for their parent. */
function offsetOf(document: Document, path: Path): number {
  let node = document.contents as Node | null;
  let offset = node?.range?.[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (it) => isScalar(it.key) && String(it.key.value) === String(step),
      );
      if (pair === undefined) return offset;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else {
      const item = document.getIn([...path.slice(0, path.indexOf(step) + 1)], true) as Node | null;
      if (item === null || item === undefined) return offset;
      offset = item.range?.[0] ?? offset;
      node = item;
    }
  }
  return offset;
}

function faultsOf(
  issue: Issue,
  schema: z.ZodType,
  value: unknown,
  where: (path: Path) => string,
): Fault[] {
  const path = pathOf(issue);
  const prefix = path.length === 0 ? '' : `${path.join('.')}: `;
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, path);
    return issue.keys.map((key) => {
      const hint = keyHint(key, known, valueAt(value, path));
      return { where: where([...path, key]), what: `${prefix}unknown key "${key}"`, hint };
    });
  }
  if (path.length > 0 && valueAt(value, path) === undefined) {
    return [{ where: where(path), what: `${prefix}is missing` }];
  }
  if (issue.code === 'invalid_value') {
    const received = String(valueAt(value, path));
    const near = nearMiss(received, issue.values.map(String));
    const what = `${prefix}${say(issue)}, received "${received}"`;
    return [{ where: where(path), what, ...(near === null ? {} : { hint: meant(near) }) }];
  }
  if (issue.code === 'invalid_key') {
    const why = issue.issues.map(say).join(', or ');
    return [
      { where: where(path), what: `${path.slice(0, -1).join('.')}: "${path.at(-1)}": ${why}` },
    ];
  }
  const what =
    issue.code === 'invalid_union' && issue.errors.length > 0
      ? issue.errors.flat().map(say).join(', or ')
      : say(issue);
  return [{ where: where(path), what: `${prefix}${what}` }];
}

/** A problem in the schema's words, for people. */
export function say(issue: Issue): string {
  const message = issue.message.replace(/^Invalid (input|option): /, '');
  return message.charAt(0).toLowerCase() + message.slice(1);
}

/** Keys the schema knows at a path. */
function knownKeys(schema: z.ZodType, path: Path): readonly string[] {
  let at: unknown = schema;
  for (const step of path) at = stepInto(at, step);
  const { def } = unwrapped(at);
  return def.type === 'object' ? Object.keys(def.shape ?? {}) : [];
}

type SchemaNode = {
  readonly def: {
    readonly type: string;
    readonly shape?: Readonly<Record<string, unknown>>;
    readonly innerType?: unknown;
    readonly valueType?: unknown;
    readonly element?: unknown;
  };
};

function unwrapped(node: unknown): SchemaNode {
  let at = node as SchemaNode;
  while (at.def.innerType !== undefined) at = at.def.innerType as SchemaNode;
  return at;
}

function stepInto(node: unknown, step: string | number): unknown {
  const { def } = unwrapped(node);
  return def.shape?.[String(step)] ?? def.valueType ?? def.element ?? { def: { type: 'unknown' } };
}
