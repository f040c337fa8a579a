/** What a terminal shows of progress: lines in place, never wrapped, nothing left when they are over. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createOutput } from '../../cli/output.ts';
import { progressRows } from '../../cli/progress.ts';
import { drawTable } from '../../cli/table.ts';
import { until } from '../support/until.ts';

/** A terminal that knows what we send: text, new lines, up, and clear to the end. */
function terminal(columns: number) {
  const rows: string[] = [''];
  let row = 0;
  let column = 0;
  const put = (character: string): void => {
    if (column >= columns) {
      row += 1;
      column = 0;
    }
    rows[row] = (rows[row] ?? '').slice(0, column).padEnd(column) + character;
    column += 1;
  };
  const write = (text: string): void => {
    for (const [part] of text.matchAll(/\u001b\[\d*[A-Z]|[^]/gu)) {
      const up = /^\u001b\[(\d+)A$/.exec(part)?.[1];
      if (up !== undefined) row = Math.max(row - Number(up), 0);
      else if (part === '\u001b[J') rows.splice(row, Infinity, (rows[row] ?? '').slice(0, column));
      else if (part === '\r') column = 0;
      else if (part === '\n') [row, column] = [row + 1, 0];
      else put(part);
    }
  };
  return {
    stream: { isTTY: true, columns, write },
    shown: () => rows.map((it) => it.trimEnd()).filter((it) => it !== ''),
  };
}

function open(columns: number) {
  const screen = terminal(columns);
  const output = createOutput({
    stdout: screen.stream,
    stderr: screen.stream,
    env: { NO_COLOR: '1' },
  });
  return { ...screen, output };
}

test('two things at once have a line each, and nothing is left of them', () => {
  const { output, shown } = open(80);
  output.note('jobs:');
  const one = output.progress({ label: 'first' });
  const two = output.progress({ label: 'second' });
  output.line('said while they run');
  assert.deepEqual(shown(), ['jobs:', 'said while they run', 'first  0 s', 'second  0 s']);
  one.end('first is done');
  assert.deepEqual(shown(), ['jobs:', 'said while they run', 'first is done', 'second  0 s']);
  two.end();
  assert.deepEqual(shown(), ['jobs:', 'said while they run', 'first is done']);
});

test('several notes stand below the bar, each whole at 80 columns', async () => {
  const { output, shown } = open(80);
  const notes = ['kraken', 'binance-usdm'].map(
    (feed) => `${feed.padEnd(13)}    120 msg/s    12,345 frames    23,456 events  READY`,
  );
  const bar = output.progress({ label: 'capturing live', total: 20 });
  bar.update(5, notes);
  await until('drawn', () => shown().length === 3);
  const [first = '', ...rest] = shown();
  assert.match(first, /^capturing live {2}━+─+ +25 %/);
  assert.deepEqual(
    rest,
    notes.map((note) => `  ${note}`),
  );
  bar.end();
  assert.deepEqual(shown(), []);
});

test('a line that is too long is cut, so that it can be taken away again', async () => {
  const { output, shown } = open(40);
  const bar = output.progress({ label: 'x'.repeat(60), unit: 'frames' });
  assert.match(shown()[0] ?? '', /^x{39}$/);
  bar.update(1, 'y'.repeat(100));
  assert.ok(shown().every((row) => row.length < 40));
  assert.equal(shown().length, 1);
  bar.end('over');
  assert.deepEqual(shown(), ['over']);
});

test('the report of the servers leaves its lines and not its steps', async () => {
  const { output, shown } = open(80);
  const report = output.report();
  report.step('building nats-server: 3 s');
  assert.deepEqual(shown(), ['building nats-server: 3 s']);
  report.line('built nats-server');
  assert.deepEqual(shown(), ['built nats-server']);
});

describe('a progress line', () => {
  const state = { done: 50, elapsed_ms: 10_000, notes: ['1,234 frames'] };

  test('says share, pace and time left; only what there is', () => {
    assert.deepEqual(progressRows({ label: 'import', total: 100, unit: 'frames' }, state, 120), [
      'import  ━━━━━━━━━━━━────────────  50 %  5 frames/s, 10.0 s left  1,234 frames',
    ]);
    assert.deepEqual(progressRows({ label: 'day', total: 100 }, state, 120), [
      'day  ━━━━━━━━━━━━────────────  50 %  10.0 s left  1,234 frames',
    ]);
    assert.deepEqual(progressRows({ label: 'file', unit: 'frames' }, state, 120), [
      'file  50 frames  5 frames/s  1,234 frames',
    ]);
    assert.deepEqual(progressRows({ label: 'job' }, { ...state, notes: [] }, 120), ['job  10 s']);
  });

  test('gives up its bar before its note where the terminal is narrow', () => {
    const of = { label: 'simulated day', total: 100, unit: 'frames' };
    for (const columns of [79, 60, 50, 44]) {
      const [row = ''] = progressRows(of, state, columns);
      assert.ok(row.length <= columns, row);
      assert.match(row, /1,234 frames$/);
    }
  });
});

test('a table leaves out what it may, until it fits', () => {
  const head = ['type', 'id', 'status'];
  const rows = [['daily-archive', 'daily-archive/kraken/2026-01-01', 'COMPLETED']];
  const color = { bold: (text: string) => text };
  const draw = (columns: number): string =>
    drawTable(head, rows, { columns, color, optional: ['type'] }).split('\n')[0] ?? '';
  assert.match(draw(Infinity), /^type +id +status$/);
  assert.match(draw(80), /^type +id +status$/);
  assert.match(draw(50), /^id +status$/);
});

test('colour of an error is asked of standard error, where it goes', () => {
  const plain = { isTTY: false, write: () => undefined };
  const screen = { isTTY: true, write: () => undefined };
  const piped = createOutput({ stdout: screen, stderr: plain, env: {} });
  assert.ok(piped.color.isColorSupported && !piped.errorColor.isColorSupported);
});
