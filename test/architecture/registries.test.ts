/** One thing is one file and one registry line: none may be forgotten. */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import test from 'node:test';
import { projectFiles, readProjectFile } from '../support/project.ts';

const files = projectFiles();

/** Module paths, from the root, that a file imports or re-exports. */
function importsOf(path: string, text: string): string[] {
  const targets = [...text.matchAll(/from '(\.[^']+)'/g)].map((match) => match[1] ?? '');
  return targets.map((target) => new URL(target, `file:///${dirname(path)}/`).pathname.slice(1));
}

/** Things with a file of their own that the registry does not import. */
function missing(registry: string, things: readonly string[]): string[] {
  const listed = new Set(importsOf(registry, readProjectFile(registry)));
  return things.filter((thing) => !listed.has(thing));
}

test('every feed is in connectors/registry.ts and its venue in the simulator', () => {
  const feeds = files.filter((path) => /^connectors\/[^/]+\/feed\.ts$/.test(path));
  assert.ok(feeds.length >= 2, `feeds found: ${feeds.join(', ')}`);
  assert.deepEqual(missing('connectors/registry.ts', feeds), []);
  const venues = feeds.map((path) => `${dirname(path)}/venue.ts`);
  assert.deepEqual(missing('connectors/simulator/registry.ts', venues), []);
});

test('every folder of connectors is a feed or one of the four shared ones', () => {
  const folders = files.flatMap((path) => /^connectors\/([^/]+)\//.exec(path)?.[1] ?? []);
  const odd = [...new Set(folders)].filter(
    (folder) =>
      !['runtime', 'simulator', 'import', 'collector'].includes(folder) &&
      !files.includes(`connectors/${folder}/feed.ts`),
  );
  assert.deepEqual(odd, []);
});

test('every QA check is in qa/registry.ts', () => {
  const checks = files.filter((path) => /^qa\/checks\/[^/]+\.ts$/.test(path));
  assert.ok(checks.length >= 6, `checks found: ${checks.join(', ')}`);
  assert.deepEqual(missing('qa/registry.ts', checks), []);
});

test('every workflow is exported by workflows/index.ts', () => {
  const shared = ['index.ts', 'proxies.ts', 'interceptors.ts'];
  const workflows = files.filter(
    (path) => /^workflows\/[^/]+\.ts$/.test(path) && !shared.some((name) => path.endsWith(name)),
  );
  assert.ok(workflows.length >= 3, `workflows found: ${workflows.join(', ')}`);
  assert.deepEqual(missing('workflows/index.ts', workflows), []);
});

test('every command file is in cli/registry.ts and exports register', () => {
  const commands = files.filter((path) => /^cli\/commands\/[^/]+\.ts$/.test(path));
  assert.ok(commands.length >= 3, `commands found: ${commands.join(', ')}`);
  const mute = commands.filter(
    (path) => !/export (async )?(function|const) register\b/.test(readProjectFile(path)),
  );
  assert.deepEqual(mute, []);
  assert.deepEqual(missing('cli/registry.ts', commands), []);
});

test('a forgotten line would be found', () => {
  const text = "import { a } from './a/feed.ts';\nexport { b } from './b.ts';";
  assert.deepEqual(importsOf('connectors/registry.ts', text), [
    'connectors/a/feed.ts',
    'connectors/b.ts',
  ]);
  assert.deepEqual(missing('connectors/registry.ts', ['connectors/zz/feed.ts']), [
    'connectors/zz/feed.ts',
  ]);
});
