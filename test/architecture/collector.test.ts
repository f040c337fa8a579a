/** The strict collector can ask nothing over HTTP and has one kind of row: of its sources, not their runs. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { RAW_COLUMNS } from '../../connectors/collector/raw-schema.ts';
import { projectFiles, readProjectFile } from '../support/project.ts';

const sources = projectFiles().filter((path) => /^connectors\/collector\/.*\.ts$/.test(path));

/** Ways to ask a server that need no import. */
const ASKS = /\b(fetch|XMLHttpRequest|EventSource|WebSocket)\s*\(/;
/** Ways to load what no import line shows. */
const LOADS = /\bimport\s*\(|\brequire\s*\(|process\.getBuiltinModule/;

test('no source of the collector asks a server or loads what would', () => {
  assert.ok(sources.length >= 10, sources.join(', '));
  const asking = sources.filter((path) => {
    const text = readProjectFile(path);
    return ASKS.test(text) || LOADS.test(text);
  });
  assert.deepEqual(asking, []);
  assert.ok(ASKS.test('await fetch(url)') && LOADS.test("await import('node:http')"));
});

test('the only maker of rows is the handler of frames, and no column tells kinds of rows apart', () => {
  const makers = sources.filter((path) => /(?<!readonly )\bpayload:/.test(readProjectFile(path)));
  assert.deepEqual(makers, ['connectors/collector/intake.ts']);
  const text = readProjectFile('connectors/collector/intake.ts');
  assert.equal(text.match(/\bpayload:/g)?.length, 1);
  const handler = /\n    frame\(c, bytes\) \{([\s\S]*?)\n    \},/.exec(text)?.[1] ?? '';
  assert.ok(handler.includes('payload: bytes,'), handler);
  const kinds = RAW_COLUMNS.filter(({ name }) =>
    /kind|type|source|origin|flag|rest|snap/.test(name),
  );
  assert.deepEqual(kinds, []);
});
