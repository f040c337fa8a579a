/** docker-compose.yml and its image, held to the compose specification and to the project. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { SEARCH_ATTRIBUTES } from '../../stack/servers.ts';
import { TOOLS } from '../../stack/tools.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { composeFaults, envNames } from '../support/compose.ts';
import { projectRoot, readProjectFile } from '../support/project.ts';

const text = readProjectFile('docker-compose.yml');
const variables = envNames(join(projectRoot, 'deploy/env.example'));

function check(): Parameters<typeof composeFaults>[1] {
  const schema = readFileSync(capturePath('compose/compose-spec.json'), 'utf8');
  return { schema, root: projectRoot, variables };
}

test('the compose file is valid and every name in it exists', { skip: skipWithoutCaptures }, () => {
  assert.deepEqual(composeFaults(text, check()), []);
});

/** One thing broken each: what is replaced, by what, and what must be said. */
const BROKEN: readonly (readonly [from: string, to: string, fault: RegExp])[] = [
  ['stop_grace_period: 75s', 'stop_grace_periods: 75s', /must NOT have|additional|unevaluated/i],
  ['interval: 5s', 'interval: [5]', /interval must be string/],
  ['stop_grace_period: 75s', 'stop_grace_period: 10s', /has 10 s to stop, needed 75/],
  [
    'postgres: { condition',
    'postgresql: { condition',
    /depends on postgresql, which is no service/,
  ],
  ['- nats-data:/data', '- nats-date:/data', /mounts nats-date, which does not exist/],
  ['- source: nats\n', '- source: gnats\n', /uses config gnats/],
  ["'127.0.0.1:4222:4222'", "'4222:4222'", /port 4222:4222 is open beyond loopback/],
  ['nats://nats:4222', 'nats://bus:4222', /SSMD_NATS_URL names bus, no service/],
  ['nats:2.15.2-alpine', 'nats:latest', /nats: image nats:latest is not pinned/],
  ['${SSMD_S3_ACCESS_KEY:?set it in .env}', '${S3_KEY}', /\$\{S3_KEY\} is not told of/],
  ['deploy/Dockerfile', 'deploy/Containerfile', /which does not exist/],
  ['restart: on-failure:5', 'restart: always', /which is restarted for ever/],
  ['networks: [ssmd]', 'networks: [elsewhere]', /joins network elsewhere/],
];

test('a compose file with one thing broken is refused', { skip: skipWithoutCaptures }, () => {
  for (const [from, to, fault] of BROKEN) {
    const broken = text.replace(from, () => to);
    assert.notEqual(broken, text, `nothing to break: ${from}`);
    const found = composeFaults(broken, check());
    assert.ok(
      found.some((what) => fault.test(what)),
      `${to}: expected ${fault}, received ${JSON.stringify(found)}`,
    );
  }
});

test('containers run what the stack runs on one machine', () => {
  const { 'nats-server': nats, versitygw } = TOOLS;
  assert.ok(text.includes(`nats:${nats.version.slice(1)}-alpine`), nats.version);
  assert.ok(text.includes(`versity/versitygw:${versitygw.version}`), versitygw.version);
  assert.ok(text.includes(`for name in ${SEARCH_ATTRIBUTES.join(' ')}`), 'search attributes');
  assert.match(text, /sync_interval: "10s"/);
});

test('the image has the Node of the lockfile, an ordinary user and an init', () => {
  const dockerfile = readProjectFile('deploy/Dockerfile');
  const pinned = /"node": "([\d.]+)"/.exec(
    readProjectFile('package.json').split('devDependencies')[1] ?? '',
  );
  const images = [...dockerfile.matchAll(/^FROM node:([\d.]+)-/gm)].map((match) => match[1]);
  assert.deepEqual(images, [pinned?.[1], pinned?.[1]]);
  assert.match(dockerfile, /^USER node$/m);
  assert.match(dockerfile, /^ENTRYPOINT \["tini", "--", "node", .*"cli\/main\.ts"\]$/m);
  assert.ok(existsSync(join(projectRoot, 'cli/main.ts')));
  const ignored = readProjectFile('.dockerignore').split('\n');
  for (const name of ['.env', '.git', '.ssmd', 'node_modules'])
    assert.ok(ignored.includes(name), name);
});
