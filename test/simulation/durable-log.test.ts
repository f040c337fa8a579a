/**
 * Power goes while a connector runs, at any moment: of what it wrote, at most the last second is
 * missing, and every segment that is older than that is found in its directory.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryDisk } from '../../connectors/simulator/memory-files.ts';
import { Random } from '../../connectors/simulator/random.ts';
import type { LogFiles } from '../../connectors/runtime/log-files.ts';
import { instant, startRig } from '../support/runtime.ts';

const SEED = Number(process.env['E2E_SEED'] ?? 5);
console.log(`# seed ${SEED} (E2E_SEED)`);
const AT = '2026-11-20T10:00:00Z';
const SECOND_NS = 1_000_000_000n;
const RUNS = 5;

test('whenever power goes, at most the last second of the log is missing', async () => {
  const random = new Random(SEED, 'power goes');
  for (let run = 0; run < RUNS; run++) {
    const seconds = 3 + Math.floor(random.unit() * 130_000) / 1_000;
    const disk = createMemoryDisk();
    const { files, unnamed } = namesOf(disk.files);
    const rig = startRig({ dir: '/log', at: AT, rate: 20, seed: SEED + run, deps: { files } });
    // Second by second, so that what was promised happens between.
    for (let at = 0; at < seconds; at++) await rig.pass(Math.min(1, seconds - at));
    const now = instant(AT) + BigInt(Math.round(seconds * 1000)) * 1_000_000n;
    const segments = disk.paths().filter((path) => /\/\d{8}\.jsonl$/.test(path));
    const before = segments.map((path) => textOf(disk.content(path)));
    disk.losePower(() => 0);
    for (const [index, path] of segments.entries()) {
      const kept = textOf(disk.content(path));
      const written = before[index] ?? '';
      assert.ok(written.startsWith(kept));
      const lost = timesIn(written.slice(kept.length)).filter((t) => t < now - SECOND_NS);
      assert.deepEqual(
        lost,
        [],
        `${path} lacks lines older than a second, power lost after ${seconds} s`,
      );
      const [first = now] = timesIn(written);
      if (first < now - SECOND_NS) assert.ok(!unnamed.has(path), `${path} has no durable name`);
    }
    assert.ok(before.join('').length > 1_000, 'something was written');
    rig.connector.shipper.stop();
  }
});

/** Which files have a name that no sync of their directory made durable yet. */
function namesOf(inner: LogFiles): { readonly files: LogFiles; readonly unnamed: Set<string> } {
  const unnamed = new Set<string>();
  const files: LogFiles = {
    ...inner,
    create(path) {
      unnamed.add(path);
      return inner.create(path);
    },
    async syncDirectory(path) {
      await inner.syncDirectory(path);
      for (const name of unnamed) if (name.startsWith(`${path}/`)) unnamed.delete(name);
    },
  };
  return { files, unnamed };
}

function textOf(bytes: Uint8Array | null): string {
  return bytes === null ? '' : new TextDecoder('latin1').decode(bytes);
}

function timesIn(text: string): bigint[] {
  return [...text.matchAll(/^\{"t":"(\d+)"/gm)].map((it) => BigInt(it[1] ?? 0));
}
