/** A Parquet file's footer, read by hand: Thrift's compact protocol, as far as it occurs there. */

/** Fields of a struct by their number. */
export type Thrift =
  number | bigint | boolean | Uint8Array | Thrift[] | { [field: number]: Thrift };
export type ThriftStruct = { [field: number]: Thrift };

/** `FileMetaData` of the Parquet format: 2 schema, 3 rows, 5 pairs of metadata, 6 who wrote it. */
export function readFooter(file: Uint8Array): ThriftStruct {
  const view = Buffer.from(file);
  const ends = [view.toString('latin1', 0, 4), view.toString('latin1', view.length - 4)];
  if (ends.some((it) => it !== 'PAR1')) throw new Error(`not Parquet: ${ends.join(', ')}`);
  const length = view.readUInt32LE(view.length - 8);
  return new Compact(file.subarray(file.length - 8 - length, file.length - 8)).struct();
}

class Compact {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  struct(): ThriftStruct {
    const fields: ThriftStruct = {};
    let id = 0;
    for (;;) {
      const head = this.#byte();
      if (head === 0) return fields;
      id = head >> 4 === 0 ? Number(this.#zigzag()) : id + (head >> 4);
      fields[id] = this.#value(head & 15);
    }
  }

  #value(type: number): Thrift {
    switch (type) {
      case 1:
      case 2:
        return type === 1;
      case 3:
        return this.#byte();
      case 4:
      case 5:
        return Number(this.#zigzag());
      case 6:
        return this.#zigzag();
      case 8: {
        const length = Number(this.#varint());
        this.#at += length;
        return this.#bytes.subarray(this.#at - length, this.#at);
      }
      case 9: {
        const head = this.#byte();
        const count = head >> 4 === 15 ? Number(this.#varint()) : head >> 4;
        return Array.from({ length: count }, () => this.#value(head & 15));
      }
      case 12:
        return this.struct();
      default:
        throw new Error(`type ${type} at ${this.#at}`);
    }
  }

  #byte(): number {
    return this.#bytes[this.#at++] as number;
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  #zigzag(): bigint {
    const value = this.#varint();
    return (value >> 1n) ^ -(value & 1n);
  }
}
