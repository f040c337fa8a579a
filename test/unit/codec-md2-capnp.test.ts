/**
 * md2 held against the public `capnp` tool: the layout table against what the compiler makes of the
 * schema file, our bytes as it reads them, its bytes as we read them.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import fc from 'fast-check';
import { BODY, EVENT, LEVEL, camelCase } from '../../codec/md2-layout.ts';
import { decodeEvents, encodeMarketEvent } from '../../codec/md2.ts';
import { EVENT_FIELDS, EVENT_TYPES } from '../../schema/events.ts';
import type { FieldKind, MarketEvent } from '../../schema/events.ts';
import { arbitraryEvent, arbitraryEventOf } from '../support/arbitrary-events.ts';
import { capnpText } from '../support/capnp-text.ts';
import { parseLayout } from '../support/capnp-layout.ts';
import { runTool, skipWithout } from '../support/tools.ts';

const schema = fileURLToPath(new URL('../../codec/md2.capnp', import.meta.url));
const skip = skipWithout('capnp');

test('every field lies where the compiler puts it', { skip }, () => {
  const structs = parseLayout(runTool('capnp', ['compile', '-ocapnp', schema]).toString());
  const event = structs.get('Event');
  assert.deepEqual(
    [event?.data_bytes, event?.pointers, structs.size],
    [EVENT.data_words * 8, EVENT.pointers, EVENT_TYPES.length + 2],
  );
  const expected = new Map<string, string>([
    ['t', bits(EVENT.t_64, 64)],
    ['tsEvent', bits(EVENT.ts_event_64, 64)],
    ['sequence.value', bits(EVENT.sequence_64, 64)],
    ['sequence.known', bits(EVENT.sequence_known_bit, 1)],
    ['index', bits(EVENT.index_32, 32)],
    ['flags', bits(EVENT.flags_32, 32)],
    ['shard', `ptr[${EVENT.shard}]`],
    ['feed', `ptr[${EVENT.feed}]`],
    ['symbol', `ptr[${EVENT.symbol}]`],
    ['union', bits(EVENT.type_16, 16)],
    ...EVENT_TYPES.map((type, code): [string, string] => [
      type,
      `ptr[${EVENT.body}], union tag = ${code}`,
    ]),
  ]);
  assert.deepEqual(event?.fields, expected);

  assert.equal(structs.get('Level')?.data_bytes, LEVEL.data_words * 8);
  assert.deepEqual(
    structs.get('Level')?.fields,
    new Map([
      ['price.mantissa', bits(LEVEL.price_64, 64)],
      ['price.exponent', bits(LEVEL.price_exponent_8, 8)],
      ['size.mantissa', bits(LEVEL.size_64, 64)],
      ['size.exponent', bits(LEVEL.size_exponent_8, 8)],
    ]),
  );

  EVENT_TYPES.forEach((type, code) => {
    const layout = BODY[code];
    assert.ok(layout);
    const struct = structs.get(type.charAt(0).toUpperCase() + type.slice(1));
    assert.deepEqual(
      [struct?.data_bytes, struct?.pointers],
      [layout.data_words * 8, layout.pointers],
      type,
    );
    const fields = new Map<string, string>();
    if (type === 'book') fields.set('bids', 'ptr[0]').set('asks', 'ptr[1]');
    Object.entries<FieldKind>(EVENT_FIELDS[type]).forEach(([name, kind], field) => {
      const value = layout.value[field] ?? -1;
      const mark = layout.mark[field] ?? -1;
      const own = camelCase(name);
      if (kind === 'decimal') {
        fields.set(`${own}.mantissa`, bits(value, 64)).set(`${own}.exponent`, bits(mark, 8));
      } else if (kind === 'text') fields.set(own, `ptr[${value}]`);
      else if (kind === 'side') fields.set(own, bits(value, 16));
      else {
        const word = kind === 'instant' ? 'ns' : 'value';
        fields.set(`${own}.${word}`, bits(value, kind === 'u32' ? 32 : 64));
        fields.set(`${own}.known`, bits(mark, 1));
      }
    });
    assert.deepEqual(struct?.fields, fields, type);
  });
});

function bits(position: number, size: number): string {
  return `bits[${position * size}, ${(position + 1) * size})`;
}

/** Forty events of every type, the same in every run. */
const events: readonly MarketEvent[] = EVENT_TYPES.flatMap((type) =>
  fc.sample(arbitraryEventOf(type), { seed: 7, numRuns: 40 }),
);

test('capnp decode reads of our bytes what we wrote', { skip }, () => {
  const bytes = Buffer.concat(events.map(encodeMarketEvent));
  const text = runTool('capnp', ['decode', '--short', schema, 'Event'], bytes).toString();
  const lines = text.split('\n').filter((line) => line !== '');
  assert.equal(lines.length, events.length);
  events.forEach((event, index) => assert.equal(lines[index], capnpText(event)));
});

test('what capnp encode writes, we read', { skip }, () => {
  const text = events.map((event) => capnpText(event)).join('\n');
  const bytes = runTool('capnp', ['encode', schema, 'Event'], text);
  assert.deepEqual([...decodeEvents(bytes)], events);
});

test('our bytes are canonical of their kind: capnp re-encodes them to as many', { skip }, () => {
  const [event] = fc.sample(arbitraryEvent, { seed: 11, numRuns: 1 });
  assert.ok(event);
  const ours = encodeMarketEvent(event);
  const text = runTool('capnp', ['decode', schema, 'Event'], ours);
  assert.equal(runTool('capnp', ['encode', schema, 'Event'], text).length, ours.length);
});
