/**
 * Where an environment's servers are. The environment file may say so; else variables do; else the
 * caller passes what it knows (the command line hands on where `ssmd up` started them). Secrets come
 * by variables alone, and stay out of messages.
 *
 * | what                  | file                    | variable                                     |
 * |-----------------------|-------------------------|----------------------------------------------|
 * | NATS                  | spec.transport.url      | SSMD_NATS_URL                                |
 * | S3                    | spec.storage.endpoint   | SSMD_S3_ENDPOINT (AWS_ENDPOINT_URL_S3)       |
 * | S3 credentials        | -                       | AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY     |
 * | Temporal              | -                       | TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE         |
 */
import { SsmdError } from '../schema/errors.ts';
import type { Environment } from './env.ts';

export type Variables = Readonly<Record<string, string | undefined>>;

export type S3Endpoint = {
  readonly endpoint: string;
  readonly region: string;
  readonly access_key_id: string;
  readonly secret_access_key: string;
};

export type Endpoints = {
  readonly nats_url: string;
  readonly s3: S3Endpoint;
  readonly temporal: {
    readonly address: string;
    readonly namespace: string;
    /** Web UI, for links; null where it is not known. */
    readonly ui_url: string | null;
  };
};

/** Endpoints of an environment; throws SSMD_UNAVAILABLE naming all that is missing. */
export function endpointsOf(environment: Environment, variables: Variables): Endpoints {
  const { transport, storage } = environment.spec;
  const missing: string[] = [];
  const need = (value: string | undefined, names: string): string => {
    if (value === undefined || value === '') missing.push(names);
    return value ?? '';
  };
  const endpoints = {
    nats_url: need(transport.url ?? variables['SSMD_NATS_URL'], 'SSMD_NATS_URL'),
    s3: {
      endpoint: need(
        storage.endpoint ?? variables['SSMD_S3_ENDPOINT'] ?? variables['AWS_ENDPOINT_URL_S3'],
        'SSMD_S3_ENDPOINT',
      ),
      region: storage.region,
      access_key_id: need(variables['AWS_ACCESS_KEY_ID'], 'AWS_ACCESS_KEY_ID'),
      secret_access_key: need(variables['AWS_SECRET_ACCESS_KEY'], 'AWS_SECRET_ACCESS_KEY'),
    },
    temporal: {
      address: need(variables['TEMPORAL_ADDRESS'], 'TEMPORAL_ADDRESS'),
      namespace: variables['TEMPORAL_NAMESPACE'] ?? 'default',
      ui_url: variables['SSMD_TEMPORAL_UI_URL'] ?? null,
    },
  };
  if (missing.length === 0) return endpoints;
  throw new SsmdError(
    'SSMD_UNAVAILABLE',
    `environment "${environment.name}" does not say where its servers are: ${missing.join(', ')} ` +
      `not set, and no stack of it is running; start one with: npx ssmd up --env ${environment.name}`,
    { facts: { missing } },
  );
}

/** What a running stack of ours answers to, as variables for `endpointsOf` and for child processes. */
export function stackVariables(stack: {
  readonly nats: { readonly url: string } | null;
  readonly s3: {
    readonly endpoint: string;
    readonly accessKey: string;
    readonly secretKey: string;
  } | null;
  readonly temporal: { readonly address: string; readonly uiUrl: string | null } | null;
}): Record<string, string> {
  const { nats, s3, temporal } = stack;
  return {
    ...(nats === null ? {} : { SSMD_NATS_URL: nats.url }),
    ...(s3 === null
      ? {}
      : {
          SSMD_S3_ENDPOINT: s3.endpoint,
          AWS_ACCESS_KEY_ID: s3.accessKey,
          AWS_SECRET_ACCESS_KEY: s3.secretKey,
        }),
    ...(temporal === null ? {} : { TEMPORAL_ADDRESS: temporal.address }),
    ...(temporal?.uiUrl == null ? {} : { SSMD_TEMPORAL_UI_URL: temporal.uiUrl }),
  };
}
