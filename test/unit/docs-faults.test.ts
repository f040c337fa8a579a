/** Every row of every table of the page of faults is named by one test case, and no other row is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FEEDS } from '../../connectors/registry.ts';
import { ANY_FEED, OF_PROCESSES } from '../support/faults/everywhere.ts';
import { FAULT_TABLES } from '../support/faults/tables.ts';
import { readProjectFile } from '../support/project.ts';

const TABLES = [...FAULT_TABLES, ANY_FEED, OF_PROCESSES];

/** First cells of the tables of the page, each below the headings it stands under. */
function rowsOfPage(): string[] {
  const rows: string[] = [];
  let headings: readonly string[] = [];
  let isTable = false;
  for (const line of readProjectFile('docs/faults.md').split('\n')) {
    const heading = /^(##|###) (.*)$/.exec(line);
    if (heading !== null) {
      headings = heading[1] === '##' ? [heading[2] ?? ''] : [headings[0] ?? '', heading[2] ?? ''];
    }
    const cell = /^\| ([^|]*?) +\|/.exec(line)?.[1];
    if (cell === undefined) isTable = false;
    else if (cell === 'fault') isTable = true;
    else if (isTable && !/^-+$/.test(cell))
      rows.push([...headings, cell].join(' / ').replaceAll("'", '’'));
  }
  return rows;
}

test('every row is named by one test case, and in the order of the page', () => {
  const page = rowsOfPage();
  assert.ok(page.length > 100, `${page.length} rows`);
  const named = TABLES.flatMap(({ headings, cells }) =>
    cells.map(({ row }) => [...headings, row].join(' / ')),
  );
  assert.deepEqual(named, page);
});

test('every feed has tables of its own', () => {
  const feeds = new Set(FAULT_TABLES.map(({ feed }) => feed));
  assert.deepEqual([...feeds].toSorted(), [...FEEDS.keys()].toSorted());
});

test('every test that a row names is there, and every proof is run', () => {
  for (const { headings, cells } of TABLES) {
    for (const cell of cells) {
      const where = [...headings, cell.row].join(' / ');
      if ('proofs' in cell) {
        assert.ok(cell.proofs.length > 0, where);
        continue;
      }
      const [file, name] = cell.test;
      const text = readProjectFile(file).replaceAll(/\s*\+\s*'/g, '');
      assert.ok(text.includes(name), `${where}: ${file} has no test '${name}'`);
    }
  }
});
