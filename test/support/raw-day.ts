/** Writes an epoch's raw segments and inventories straight into an object store. */
import {
  LineBuffer,
  encodeCaptureLine,
  encodeEndLine,
  encodeFactLine,
  encodeFrameLine,
} from '../../codec/line-buffer.ts';
import { inventoryKey, rawSegmentKey } from '../../dataset/keys.ts';
import { jsonDocument } from '../../dataset/canonical.ts';
import type { Capture, FactKey, Facts, Inventory } from '../../schema/log.ts';
import { NS_PER_MINUTE, dayOf } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { sha256, zstd } from '../../storage/zstd.ts';
import { sampleCapture } from './log.ts';

type Written = Inventory['segments'][number] & { readonly day: Day; readonly plain: Uint8Array };

export type EpochOf = { readonly feed: string; readonly shard: string; readonly epoch: number };

export class RawEpoch {
  readonly segments: Written[] = [];
  readonly #of: EpochOf;
  readonly #capture: Capture;
  readonly #lines = new LineBuffer();
  #minute = -1n;
  #count = 0;
  #first = 0n;
  #last = 0n;

  constructor(of: EpochOf, capture: Partial<Capture> = {}) {
    this.#of = of;
    this.#capture = { ...sampleCapture, normalizer: `${of.feed}@1`, ...capture, ...of };
  }

  frame(t: bigint, c: number, frame: unknown): void {
    this.#at(t);
    const bytes = new TextEncoder().encode(JSON.stringify(frame));
    encodeFrameLine(this.#lines, t, c, bytes, 0, bytes.length);
  }

  fact<K extends FactKey>(t: bigint, key: K, fact: Facts[K]): void {
    this.#at(t);
    encodeFactLine(this.#lines, t, key, fact);
  }

  /** Puts every segment written so far, and an inventory of each day with the given ends. */
  async put(store: ObjectStore, ends: Readonly<Record<string, Inventory['end']>>): Promise<void> {
    this.#close();
    for (const { key, plain } of this.segments) await store.put(key, zstd.compress(plain));
    for (const [day, end] of Object.entries(ends)) {
      const inventory: Inventory = {
        format: 1,
        ...this.#of,
        day,
        origin: this.#capture.origin,
        host: this.#capture.host,
        connections: [],
        segments: this.segments
          .filter((it) => it.day === day)
          .map(({ day: _, plain: __, ...listed }) => listed),
        end,
      };
      await store.put(inventoryKey({ ...this.#of, day: day as Day }), jsonDocument(inventory));
    }
  }

  #at(t: bigint): void {
    const minute = t / NS_PER_MINUTE;
    if (minute !== this.#minute) {
      this.#close();
      this.#minute = minute;
      this.#first = t;
      const previous_sha256 = this.segments.at(-1)?.sha256 ?? null;
      const segment = this.segments.length;
      encodeCaptureLine(this.#lines, { ...this.#capture, segment, previous_sha256 });
      this.#count = 1;
    }
    this.#last = t;
    this.#count++;
  }

  #close(): void {
    if (this.#minute < 0n) return;
    const first = this.#first.toString();
    const last = this.#last.toString();
    const content = this.#lines.view();
    encodeEndLine(this.#lines, {
      lines: this.#count,
      bytes: content.length,
      first,
      last,
      sha256: sha256(content),
    });
    const plain = this.#lines.view().slice();
    this.segments.push({
      key: rawSegmentKey({ ...this.#of, t: this.#first }),
      segment: this.segments.length,
      sha256: sha256(plain),
      bytes: plain.length,
      lines: this.#count + 1,
      first,
      last,
      day: dayOf(this.#first),
      plain,
    });
    this.#lines.clear();
    this.#minute = -1n;
  }
}
