/** DuckDB in this process, to read files as a user would. */
import { DuckDBInstance } from '@duckdb/node-api';

export type Row = Readonly<Record<string, unknown>>;

export type Duck = Disposable & {
  /** Numbers beyond a double are text. */
  readonly rows: (sql: string) => Promise<readonly Row[]>;
  /** The only cell of the only row, as text. */
  readonly one: (sql: string) => Promise<string>;
};

export async function openDuck(): Promise<Duck> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  const rows = async (sql: string): Promise<readonly Row[]> => {
    const reader = await connection.runAndReadAll(sql);
    return reader.getRowObjectsJson();
  };
  return {
    rows,
    async one(sql) {
      const found = await rows(sql);
      return String(Object.values(found[0] ?? {})[0]);
    },
    [Symbol.dispose]() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
