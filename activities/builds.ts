/**
 * Who rebuilds days: builds of the connector, this worker's own and others that the environment
 * registers. Each is a program that says what it can do and does parts of days in `reprocess` mode.
 */
import type { Build } from '../dataset/manifest.ts';
import type { Schema } from '../dataset/version.ts';
import type { JobContext } from './deps.ts';

/** What a build says of itself. */
export type BuildFacts = Build & {
  /** Number of its normalizer, by feed. */
  readonly normalizers: Readonly<Record<string, number>>;
  readonly schemas: readonly Schema[];
};

/** One worker's share of a shard's day: what to build, and where its plan lies. */
export type PartTask = {
  readonly format: 1;
  readonly feed: string;
  readonly day: string;
  readonly version: string;
  readonly schema: Schema;
  /** `kraken@1`: who else is asked refuses. */
  readonly normalizer: string;
  readonly window_hours: number;
  readonly inputs_id: string;
  /** Of the plan and the shares it belongs to: parts of other shares are never put beside it. */
  readonly plan_id: string;
  /** Who is asked; another build refuses. */
  readonly build: Pick<Build, 'version' | 'commit'>;
  readonly shard: string;
  /** From 0. */
  readonly part: number;
  readonly parts: number;
};

export type PartDone = {
  readonly objects: number;
  readonly records: number;
  readonly bytes: number;
  /** Plain bytes of RAW that were read. */
  readonly raw_bytes: number;
  readonly seconds: number;
};

export type Builds = {
  /**
   * Facts of a registered build; null is this worker's own.
   * @throws SSMD_INVALID_INPUT for one that is not registered
   */
  readonly describe: (name: string | null) => Promise<BuildFacts>;
  /** Has a part built, and staged; as safe to repeat as what it runs. */
  readonly runPart: (name: string | null, task: PartTask, context: JobContext) => Promise<PartDone>;
};
