/**
 * YAML an operator edits, read against a zod schema: every fault at once, each with its line and
 * column and, for a misspelt key or word, what was probably meant.
 */
import { LineCounter, isMap, isScalar, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';
import type { z } from 'zod';
import { SsmdError } from '../schema/errors.ts';
import type { Fault } from '../schema/errors.ts';
import { nearMiss } from './near-miss.ts';

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
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw invalidConfig(
      name,
      document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0]);
        const [what = 'not YAML'] = error.message.split(' at line');
        return { where: `${name}:${line}:${col}`, what };
      }),
    );
  }
  const where = (path: Path): string => {
    const { line, col } = lines.linePos(offsetOf(document, path));
    return `${name}:${line}:${col}`;
  };
  const result = schema.safeParse(document.toJS());
  if (result.success) return { value: result.data, where };
  throw invalidConfig(
    name,
    result.error.issues.flatMap((issue) => faultsOf(issue, schema, where)),
  );
}

export function invalidConfig(name: string, faults: readonly Fault[]): SsmdError {
  const lines = faults.map(
    (fault) =>
      `  ${fault.where}: ${fault.what}${fault.hint === undefined ? '' : ` (${fault.hint})`}`,
  );
  const count = `${faults.length} ${faults.length === 1 ? 'error' : 'errors'}`;
  return new SsmdError('SSMD_INVALID_CONFIG', `${name} has ${count}:\n${lines.join('\n')}`, {
    facts: { file: name, faults },
  });
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

type Issue = z.core.$ZodIssue;

function faultsOf(issue: Issue, schema: z.ZodType, where: (path: Path) => string): Fault[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  const prefix = path.length === 0 ? '' : `${path.join('.')}: `;
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, path);
    return issue.keys.map((key) => {
      const near = nearMiss(key, known);
      const hint = near !== null ? `did you mean "${near}"?` : `known are ${known.join(', ')}`;
      return { where: where([...path, key]), what: `${prefix}unknown key "${key}"`, hint };
    });
  }
  const what =
    issue.code === 'invalid_union' && issue.errors.length > 0
      ? issue.errors.flat().map(say).join(', or ')
      : say(issue);
  return [{ where: where(path), what: `${prefix}${what}` }];
}

function say(issue: Issue): string {
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
