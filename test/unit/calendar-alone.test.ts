/** The oracle tests the calendars and is no input to them: they load where it cannot be read. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { capturesRoot } from '../support/captures.ts';
import { projectFiles, projectRoot, readProjectFile } from '../support/project.ts';

const run = promisify(execFile);

/** Loads every calendar, asks each for a year, and tries to look at the oracle. */
const SCRIPT = `
import { existsSync, readdirSync } from 'node:fs';
const { calendarFolders, listCalendars, loadCalendar } = await import(
  ${JSON.stringify(join(projectRoot, 'environments', 'calendar-files.ts'))}
);
const folders = calendarFolders(${JSON.stringify(projectRoot)});
const counts = listCalendars(folders).map((name) => {
  const { calendar } = loadCalendar(name, folders);
  return [name, calendar.sessions('2025-01-01', '2025-12-31').length];
});
let oracle = 'read';
try { readdirSync(${JSON.stringify(capturesRoot)}); } catch (error) { oracle = error.code; }
console.log(JSON.stringify({ counts, oracle }));
`;

test('calendars load where nothing outside of the project can be read', async () => {
  const args = [
    '--permission',
    `--allow-fs-read=${projectRoot}/*`,
    '--input-type=module',
    '-e',
    SCRIPT,
  ];
  const { stdout } = await run(process.execPath, args, { cwd: projectRoot });
  const { counts, oracle } = JSON.parse(stdout) as {
    readonly counts: readonly (readonly [string, number])[];
    readonly oracle: string;
  };
  assert.equal(oracle, 'ERR_ACCESS_DENIED');
  assert.deepEqual(counts, [
    ['cme-equity-index', 258],
    ['crypto', 365],
    ['fx', 261],
    ['hkex', 246],
    ['lse', 253],
    ['tse', 243],
    ['us-equity', 250],
  ]);
});

test('no file of the calendars names the oracle, or the library it came from', () => {
  const own = projectFiles().filter((path) =>
    /^(calendars|cli\/calendar)\/|^environments\/calendar/.test(path),
  );
  assert.ok(own.length >= 15, own.join(', '));
  const named = own.filter((path) =>
    /exchange_calendars|sessions\.csv|shared\/data|\bX(NYS|LON|HKG|TKS)\b/.test(
      readProjectFile(path),
    ),
  );
  assert.deepEqual(named, []);
});
