/** What the benchmark uses of `tardis-dev`, as its own documentation has it. */

export type TardisLevel = { readonly price: number; readonly amount: number };

/** A normalized message of the kinds measured. */
export type TardisMessage = { readonly symbol: string; readonly timestamp: Date } & (
  | {
      readonly type: 'trade';
      readonly id: string;
      readonly price: number;
      readonly amount: number;
      readonly side: 'buy' | 'sell' | 'unknown';
    }
  | {
      readonly type: 'book_ticker';
      readonly bidPrice: number;
      readonly bidAmount: number;
      readonly askPrice: number;
      readonly askAmount: number;
    }
  | {
      readonly type: 'book_change';
      readonly isSnapshot: boolean;
      readonly bids: readonly TardisLevel[];
      readonly asks: readonly TardisLevel[];
    }
);

export type TardisMapper = {
  readonly getFilters: (
    symbols: readonly string[],
  ) => readonly { readonly channel: string; readonly symbols?: readonly string[] }[];
  readonly canHandle: (message: unknown) => boolean;
  readonly map: (message: unknown, localTimestamp: Date) => Iterable<TardisMessage> | undefined;
};

export type TardisNormalizer = (exchange: string, localTimestamp: Date) => TardisMapper;

export type Tardis = {
  readonly init: (options: { readonly cacheDir: string; readonly endpoint: string }) => void;
  readonly normalizeTrades: TardisNormalizer;
  readonly normalizeBookChanges: TardisNormalizer;
  readonly normalizeBookTickers: TardisNormalizer;
  readonly replayNormalized: (
    options: {
      readonly exchange: string;
      readonly symbols: readonly string[];
      readonly from: string;
      readonly to: string;
    },
    ...normalizers: readonly TardisNormalizer[]
  ) => AsyncIterable<TardisMessage>;
};

/** A variable, so that the compiler does not look for types that are not installed. */
const NAME: string = 'tardis-dev';

export async function loadTardis(): Promise<Tardis> {
  return (await import(NAME)) as Tardis;
}
