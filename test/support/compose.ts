/**
 * What can be wrong with a compose file without running it: the specification's JSON schema, and
 * every name in it that must exist elsewhere in the file or the project.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

type Service = {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly restart?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly configs?: readonly { readonly source: string }[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: unknown;
  readonly stop_grace_period?: string;
};

type Compose = {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly configs?: Readonly<Record<string, unknown>>;
};

export type ComposeCheck = {
  /** The compose specification's schema, as JSON text; null leaves that part out. */
  readonly schema: string | null;
  readonly root: string;
  /** Variables the file may use, from the example of `.env`. */
  readonly variables: readonly string[];
};

/** Everything found wrong, in words. */
export function composeFaults(text: string, check: ComposeCheck): readonly string[] {
  const file = parse(text, { merge: true }) as Compose;
  const faults = check.schema === null ? [] : schemaFaults(file, check.schema);
  if (faults.length > 0) return faults;
  for (const [name, service] of Object.entries(file.services)) {
    faults.push(
      ...serviceFaults(name, service, file, check.root).map((what) => `${name}: ${what}`),
    );
  }
  faults.push(...unusedFaults(file), ...variableFaults(text, check.variables));
  return faults;
}

/** Compiling the schema takes a third of a second: once is enough. */
const compiled = new Map<string, ValidateFunction>();

function validatorOf(schema: string): ValidateFunction {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false });
  const validate = ajv.compile(JSON.parse(schema) as object);
  compiled.set(schema, validate);
  return validate;
}

function schemaFaults(file: unknown, schema: string): string[] {
  const validate = validatorOf(schema);
  if (validate(file)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

function serviceFaults(name: string, service: Service, file: Compose, root: string): string[] {
  const faults: string[] = [];
  const need = (held: boolean, what: string): void => void (held || faults.push(what));
  for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
    const found = file.services[other];
    need(found !== undefined, `depends on ${other}, which is no service`);
    if (found === undefined) continue;
    const healthy = condition !== 'service_healthy' || found.healthcheck !== undefined;
    need(healthy, `waits for ${other} to be healthy, which has no healthcheck`);
    const ends = condition !== 'service_completed_successfully' || isJob(found);
    need(ends, `waits for ${other} to end, which is restarted for ever`);
  }
  for (const volume of service.volumes ?? []) {
    const source = volume.split(':')[0] ?? '';
    const there = source.startsWith('.')
      ? existsSync(join(root, source))
      : source in (file.volumes ?? {});
    need(there, `mounts ${source}, which does not exist`);
  }
  for (const network of service.networks ?? []) {
    need(network in (file.networks ?? {}), `joins network ${network}, which does not exist`);
  }
  need((service.networks ?? []).length > 0, 'joins no network');
  for (const { source } of service.configs ?? []) {
    need(source in (file.configs ?? {}), `uses config ${source}, which does not exist`);
  }
  for (const port of service.ports ?? []) {
    need(port.startsWith('127.0.0.1:'), `port ${port} is open beyond loopback`);
  }
  for (const [variable, value] of Object.entries(service.environment ?? {})) {
    const host = /^(?:[a-z]+:\/\/)?([a-z][a-z0-9-]*):\d+$/.exec(String(value))?.[1];
    need(host === undefined || host in file.services, `${variable} names ${host}, no service`);
  }
  faults.push(...imageFaults(service, root));
  const watched = isJob(service) || service.healthcheck !== undefined || name === 'temporal-ui';
  need(watched, 'runs on without a healthcheck');
  return faults;
}

function imageFaults(service: Service, root: string): string[] {
  if (service.build !== undefined) {
    const { context, dockerfile } = service.build;
    const there = existsSync(join(root, context, dockerfile));
    const grace = Number(/^(\d+)s$/.exec(service.stop_grace_period ?? '')?.[1] ?? 0);
    return [
      ...(there ? [] : [`is built from ${dockerfile}, which does not exist`]),
      ...(grace >= 75 ? [] : [`has ${grace} s to stop, needed 75`]),
    ];
  }
  const pinned = /:v?\d+\.\d+/.test(service.image ?? '');
  return pinned ? [] : [`image ${service.image} is not pinned to a version`];
}

/** A service that does its work and ends. */
function isJob(service: Service): boolean {
  return service.restart?.startsWith('on-failure') === true;
}

function unusedFaults(file: Compose): string[] {
  const services = Object.values(file.services);
  const mounted = new Set(services.flatMap((service) => service.volumes ?? []).map(firstPart));
  const used = new Set(services.flatMap((service) => service.configs ?? []).map((it) => it.source));
  return [
    ...Object.keys(file.volumes ?? {}).filter((name) => !mounted.has(name)),
    ...Object.keys(file.configs ?? {}).filter((name) => !used.has(name)),
  ].map((name) => `${name} is used by no service`);
}

function firstPart(volume: string): string {
  return volume.split(':')[0] ?? '';
}

/** `${NAME}` and its forms; `$$` is a dollar sign for the container's own shell. */
function variableFaults(text: string, known: readonly string[]): string[] {
  const plain = text.replaceAll('$$', '');
  const used = new Set([...plain.matchAll(/\$\{([A-Z0-9_]+)/g)].map((match) => match[1] ?? ''));
  return [
    ...[...used]
      .filter((name) => !known.includes(name))
      .map((name) => `\${${name}} is not told of`),
    ...known.filter((name) => !used.has(name)).map((name) => `${name} is told of and not used`),
  ];
}

/** Names set in an env file. */
export function envNames(path: string): readonly string[] {
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/^([A-Z0-9_]+)=/gm)].map((match) => match[1] ?? '');
}
