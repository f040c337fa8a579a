/** The shape of an environment file, `apiVersion: ssmd/v1`, as it is written in YAML. */
import { z } from 'zod';
import { NAME_PATTERN, SYMBOL_PATTERN } from '../schema/symbols.ts';

const name = z
  .string()
  .regex(NAME_PATTERN, 'a name is lower-case letters, digits and dashes, at most 32');
const bucket = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'a bucket name is 3 to 63 of a-z 0-9 . -');
const attribute = z.union([z.string(), z.number(), z.boolean()]);

const UNITS: Readonly<Record<string, number>> = { '': 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** `10GB`, `512MB` or a number of bytes. */
const byteSize = z.union([z.int().positive(), z.string()]).transform((value, context) => {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?B?)$/i.exec(String(value));
  const unit = UNITS[(match?.[2] ?? '?').toUpperCase()];
  const bytes = match === null || unit === undefined ? NaN : Math.floor(Number(match[1]) * unit);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  context.addIssue({ code: 'custom', message: `expected a size such as 10GB, received ${value}` });
  return z.NEVER;
});

/** One market: on one feed in the short form, on several in the long one; the rest are attributes. */
const symbol = z
  .object({
    feed: name.optional(),
    external: z.string().min(1).optional(),
    feeds: z.record(name, z.strictObject({ external: z.string().min(1) })).optional(),
    depth: z.enum(['l1', 'l2']).default('l2'),
  })
  .catchall(attribute);

const shard = z.strictObject({
  selector: z.record(z.string(), attribute),
  resources: z.strictObject({ cpu: z.string(), memory: z.string() }).partial().optional(),
});

const entitlement = z.strictObject({
  client_id: name,
  name: z.string().optional(),
  type: z.enum(['display', 'non-display', 'trading']),
  feeds: z.array(name).min(1),
  symbols: z.array(z.string()).min(1),
  data_types: z.array(z.string()).optional(),
});

/** It is written into every segment and shown on the status page: no place for a secret. */
const venueUrl = z
  .url()
  .refine((url) => !/^\w+:\/\/[^/]*@/.test(url), 'a URL here must not hold a password');

/** What differs from a feed's own defaults. */
const feed = z.strictObject({
  url: venueUrl.optional(),
  channels: z.array(z.string()).min(1).optional(),
  book_depth: z.int().positive().optional(),
  /** When its market trades; `crypto`, which never closes, where it is left out. */
  calendar: name.optional(),
});

const capture = z.strictObject({
  /** One of `config/locations.yaml`, which says the rest of where this is. */
  location_id: z.string().default('local'),
  /** Local log of the connectors, relative to the project. */
  log_dir: z.string().optional(),
  /** Bytes the local log may take before an alarm; capture goes on until the disk is full. */
  log_bytes_max: byteSize.default(20e9),
});

/** A build of the connector beside this checkout's own: `ssmd` of it, as it is started. */
const connectorBuild = z.strictObject({ command: z.array(z.string().min(1)).min(1) });

export const environmentSchema = z.strictObject({
  apiVersion: z.literal('ssmd/v1'),
  kind: z.literal('Environment'),
  metadata: z.strictObject({ name }),
  spec: z.strictObject({
    symbols: z.record(
      z.string().regex(SYMBOL_PATTERN, 'a symbol is A-Z 0-9 _ -, at most 64'),
      symbol,
    ),
    shards: z.record(name, shard),
    feeds: z.record(name, feed).default({}),
    transport: z.strictObject({
      /** Judged by its meaning: what is planned is told from what is misspelt. */
      type: z.string(),
      /** Where NATS is; the running stack's where it is not given. */
      url: z.string().optional(),
      /** Keeps environments apart that share one server without accounts; empty: none. */
      subject_prefix: z
        .string()
        .regex(/^([a-z0-9][a-z0-9-]{0,31})?$/, 'a subject prefix is one name, or empty')
        .default(''),
      subjects: z.strictObject({ internal: z.string(), client: z.string() }),
    }),
    storage: z.strictObject({
      raw: z.strictObject({ bucket, retention_days: z.int().min(-1) }),
      normalized: z.strictObject({ bucket, retention_days: z.int().min(-1) }),
      /** Where S3 is; the running stack's where it is not given. Credentials come by AWS variables. */
      endpoint: z.url().optional(),
      region: z.string().default('us-east-1'),
      /** The store has no conditional writes; exclusion comes from unique workflow ids alone. */
      single_writer: z.boolean().default(false),
    }),
    jetstream: z.strictObject({ retention_hours: z.int().positive(), max_bytes: byteSize }),
    entitlements: z.array(entitlement).default([]),
    capture: capture.prefault({}),
    /** By version: builds that days can be rebuilt with. */
    connectors: z.record(z.string(), connectorBuild).default({}),
    /** `live`, or `simulator`: RAW of the two never meets in one environment. */
    origin: z.enum(['live', 'simulator']).default('live'),
  }),
});
