/** `docs/export.md` says of every column what it is, and the code has no other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportColumns } from '../../dataset/export-columns.ts';
import type { ExportManifest } from '../../dataset/export-manifest.ts';
import { EVENT_TYPES, FLAG } from '../../schema/events.ts';
import { codeWords, firstCells } from '../support/documents.ts';
import { readProjectFile } from '../support/project.ts';

const PAGE = readProjectFile('docs/export.md');

/** Names and kinds of the rows below a heading line. */
function columnsSaid(heading: string): (readonly [string, string])[] {
  const lines = PAGE.split('\n').map((line) => line.replaceAll(/\s+/g, ' '));
  const at = lines.findIndex((line) => line.startsWith(`| ${heading} | kind |`));
  assert.ok(at >= 0, `no table of ${heading}`);
  const end = lines.findIndex((line, index) => index > at && !line.startsWith('|'));
  return lines.slice(at + 2, end).map((line) => {
    const [, name = '', kind = ''] = line.split('|').map((cell) => cell.trim());
    return [name.replaceAll('`', ''), kind] as const;
  });
}

test('every column of every type, in order, with its kind', () => {
  const head = columnsSaid('every type');
  assert.equal(head.length, 8);
  for (const type of EVENT_TYPES) {
    const wanted = exportColumns(type, 'md2').map(({ name, kind }) => [name, kind]);
    assert.deepEqual([...head, ...columnsSaid(type)], wanted, type);
  }
});

test('of md1 as well', () => {
  const head = columnsSaid('every type of md1');
  for (const type of ['trade', 'quote', 'book'] as const) {
    const wanted = exportColumns(type, 'md1').map(({ name, kind }) => [name, kind]);
    assert.deepEqual([...head, ...columnsSaid(`${type} of md1`)], wanted, type);
  }
});

test('every kind, flag and key of the manifest is explained', () => {
  const kinds = EVENT_TYPES.flatMap((type) =>
    (['md2', 'md1'] as const).flatMap((schema) => exportColumns(type, schema)),
  ).map(({ kind }) => kind);
  assert.deepEqual(firstCells(PAGE, '| kind |').toSorted(), [...new Set(kinds)].toSorted());
  const bits = Object.values(FLAG).map(String);
  assert.deepEqual(firstCells(PAGE, '| bit |'), bits);
  for (const name of Object.keys(FLAG)) assert.ok(codeWords(PAGE).includes(name), name);
  const keys: Readonly<Record<keyof ExportManifest, true>> = {
    ...{ format: true, feed: true, from: true, to: true, selection: true, file_format: true },
    ...{ days: true, files: true, decimals: true, totals: true, build: true },
  };
  const said = firstCells(PAGE, '| key of `export.json` |');
  assert.deepEqual(said.toSorted(), Object.keys(keys).toSorted());
});
