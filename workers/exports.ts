/** What exports are written with: folders of this machine, the normalized bucket, Parquet. */
import type { ExportDeps } from '../activities/export-plan.ts';
import { createBucketTarget } from '../storage/bucket-target.ts';
import { createFolderTarget } from '../storage/fs-target.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { parquetTables } from '../storage/parquet.ts';

/** `bucket` names the store for people, `version` is ours: it stands in every Parquet file. */
export function exportPorts(of: {
  readonly normalized: ObjectStore;
  readonly bucket: string;
  readonly version: string;
}): Pick<ExportDeps, 'openTarget' | 'openTable'> {
  const { normalized: store, bucket, version } = of;
  return {
    openTarget: ({ out, run, id }) =>
      out === null ? createBucketTarget({ store, bucket, id }) : createFolderTarget({ out, run }),
    openTable: parquetTables(`ssmd ${version}`),
  };
}
