/** An event in the text form `capnp decode --short` prints and `capnp encode` reads. */
import { camelCase } from '../../codec/md2-layout.ts';
import type { Decimal } from '../../schema/decimal.ts';
import { EVENT_FIELDS } from '../../schema/events.ts';
import type { BookLevel, FieldKind, MarketEvent } from '../../schema/events.ts';

export function capnpText(event: MarketEvent): string {
  const record: Readonly<Record<string, unknown>> = event;
  const lists =
    event.type === 'book' ? [...levels('bids', event.bids), ...levels('asks', event.asks)] : [];
  const fields = Object.entries<FieldKind>(EVENT_FIELDS[event.type]).flatMap(([name, kind]) =>
    field(camelCase(name), kind, record[name]),
  );
  const { sequence } = event;
  return struct([
    `t = ${event.t}`,
    `tsEvent = ${event.ts_event ?? 0n}`,
    `sequence = (value = ${sequence ?? 0n}, known = ${sequence !== null})`,
    `index = ${event.index}`,
    `flags = ${event.flags}`,
    `shard = ${quoted(event.shard)}`,
    `feed = ${quoted(event.feed)}`,
    `symbol = ${quoted(event.symbol)}`,
    `${event.type} = ${struct([...lists, ...fields])}`,
  ]);
}

function struct(parts: readonly string[]): string {
  return `(${parts.join(', ')})`;
}

function levels(name: string, list: readonly BookLevel[]): string[] {
  if (list.length === 0) return [];
  const items = list.map(({ price, size }) =>
    struct([`price = ${decimal(price)}`, `size = ${decimal(size)}`]),
  );
  return [`${name} = [${items.join(', ')}]`];
}

function decimal(value: Decimal | null): string {
  return `(mantissa = ${value?.mantissa ?? 0n}, exponent = ${value?.exponent ?? 127})`;
}

function field(name: string, kind: FieldKind, value: unknown): string[] {
  switch (kind) {
    case 'decimal':
      return [`${name} = ${decimal(value as Decimal | null)}`];
    case 'text':
      return value === null ? [] : [`${name} = ${quoted(value as string)}`];
    case 'side':
      return [`${name} = ${value === null ? 'unknown' : String(value)}`];
    default: {
      const word = kind === 'instant' ? 'ns' : 'value';
      return [`${name} = (${word} = ${String(value ?? 0)}, known = ${value !== null})`];
    }
  }
}

const NAMED: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
};

/** A text as capnp quotes it: UTF-8 bytes, control characters escaped. */
function quoted(text: string): string {
  let out = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const octal = code.toString(8).padStart(3, '0');
    out += NAMED[code] ?? (code < 0x20 || code === 0x7f ? `\\${octal}` : character);
  }
  return `"${out}"`;
}
