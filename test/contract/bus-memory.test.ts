import { test } from 'node:test';
import { createMemoryBus } from '../../bus/memory.ts';
import { BUS_PROMISES } from '../support/bus-contract.ts';

for (const { name, run } of BUS_PROMISES) {
  test(`memory bus ${name}`, async () => {
    const bus = createMemoryBus();
    const bounce = (): Promise<void> => {
      bus.kill();
      bus.restart();
      return Promise.resolve();
    };
    await run({ bus, bounce }, 'tier1');
  });
}
