/** Rules of subscriptions (`connectors/runtime/SPEC.md`) and of what the fold makes of their refusal. */
import type { RuleMutant } from './mutant.ts';

export const SESSION_RULES: readonly RuleMutant[] = [
  {
    rule: 'R15: a refused subscription is a gap',
    file: 'fold/refusals.ts',
    find: '    openGap(state, emitter, speaking, key, gap);\n',
    replace: '',
    by: {
      file: 'test/unit/fold-refusals.test.ts',
      test: 'R15: a refusal is a gap of each type its channel makes, over when the type speaks',
    },
  },
  {
    rule: 'R15: a refusal ends the gap that waited for what is refused',
    file: 'fold/refusals.ts',
    find: '    closeGap(state, emitter, speaking, key, false);\n',
    replace: '',
    by: {
      file: 'test/unit/fold-refusals.test.ts',
      test: 'R15: it ends the gap that waited: opening, disconnect, a broken book',
    },
  },
  {
    rule: 'R15: what another connection brings is not missing',
    file: 'fold/refusals.ts',
    find: 'if (isSpoken(state, key) || state',
    replace: 'if (state',
    by: {
      file: 'test/unit/fold-refusals.test.ts',
      test: 'R15: what another connection brings is no gap, until that one is closed as planned',
    },
  },
  {
    rule: 'R15: trades that a successor was refused are not handed over',
    file: 'fold/speech.ts',
    find: 'handed && !isRefused(this.state, key)',
    replace: 'handed',
    by: {
      file: 'test/unit/fold-refusals.test.ts',
      test: 'R15: what another connection brings is no gap, until that one is closed as planned',
    },
  },
  {
    rule: 'which request was refused is in the log',
    file: 'connectors/runtime/session.ts',
    find: "if (entry.state === 'refused') this.#alarmLine",
    replace: "if (entry.state === 'stale') this.#alarmLine",
    by: {
      file: 'test/simulation/runtime-connector.test.ts',
      test: 'a refused subscription is an alarm, and the rest goes on',
    },
  },
];
