/**
 * The rows of `docs/faults.md`, each proven: the fault is put into a simulated venue's frames, and what
 * the fold says of them, which is what the archive holds, is what the row says: a gap at the right
 * market and frame, or, where it is undetectable, nothing but the data as it was sent.
 */
import { describe, test } from 'node:test';
import { prove } from '../support/faults/proof.ts';
import { FAULT_TABLES } from '../support/faults/tables.ts';

for (const { feed, headings, cells } of FAULT_TABLES) {
  describe(headings.join(', '), () => {
    for (const cell of cells) {
      if (!('proofs' in cell)) continue;
      test(cell.row, async () => {
        for (const proof of cell.proofs) await prove(feed, proof);
      });
    }
  });
}
