/** Rules of subscriptions (`connectors/runtime/SPEC.md`) and of what the fold makes of their refusal. */
import type { RuleMutant } from './mutant.ts';

const WALK = {
  file: 'test/property/subscription-machine.test.ts',
  test: 'whatever a venue does, S1 to S9, A1 and A2 hold',
};
const SESSION = 'connectors/runtime/session.ts';
const MACHINE = 'connectors/runtime/subscriptions.ts';
const ANSWERS = 'connectors/runtime/answers.ts';

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
  {
    rule: 'S1: a refused repeat takes nothing from what flows',
    file: MACHINE,
    find: "refuse: act('live', 'report_refused'),",
    replace: "refuse: act('refused', 'report_refused'),",
    by: WALK,
    says: 'S1: ',
  },
  {
    rule: 'S2: what waits to be asked for again is not asked for twice',
    file: MACHINE,
    find: "broken: stay('resubscribing'),",
    replace: "broken: act('resubscribing', 'resubscribe'),",
    by: {
      file: 'test/unit/runtime-subscriptions.test.ts',
      test: 'S2: an action is due on entering resubscribing, and there alone apart from a refusal',
    },
  },
  {
    rule: 'S2: what waits is asked for again',
    file: SESSION,
    find: "        if (entry.state === 'resubscribing') this.#askAgain(entry);\n",
    replace: '',
    by: {
      file: WALK.file,
      test: 'what waits for its turn is asked for again, on the same connection',
    },
    says: 'S2: it is asked for again',
  },
  {
    rule: 'S3: a request leads to requested from any state',
    file: MACHINE,
    find: '  return TRANSITIONS[state][event];',
    replace: `  if (event === 'request' && state === 'resubscribing') return stay(state);
  return TRANSITIONS[state][event];`,
    by: WALK,
    says: 'S3: ',
  },
  {
    rule: 'S4: data before the answer to a repeat is the old subscription',
    file: SESSION,
    find: "} else if (!entry.again || entry.state !== 'requested') this",
    replace: '} else this',
    by: WALK,
    says: 'S4: ',
  },
  {
    rule: 'S4: data does not heal what is to be asked for again',
    file: MACHINE,
    find: "data: stay('resubscribing'),",
    replace: "data: stay('live'),",
    by: WALK,
    says: 'S4: ',
  },
  {
    rule: 'S5: the alarm is written first',
    file: SESSION,
    find: '    this.#alarmLine(kind, entry, detail);\n    this.#askAgain(entry);\n',
    replace: '    this.#askAgain(entry);\n    this.#alarmLine(kind, entry, detail);\n',
    by: WALK,
    says: 'S5: ',
  },
  {
    rule: 'S6: three repeats of a symbol in any minute',
    file: MACHINE,
    find: 'export const RESUBSCRIBES_PER_MINUTE_MAX = 3;',
    replace: 'export const RESUBSCRIBES_PER_MINUTE_MAX = 4;',
    by: WALK,
    says: 'S6: at most three in any minute',
  },
  {
    rule: 'S6: what is over the limit says so',
    file: SESSION,
    find: "      this.#alarmLine('resubscribe_limit', entry, `waiting ${wait_ms} ms`);\n",
    replace: '',
    by: WALK,
    says: 'S6: what is over the limit says so',
  },
  {
    rule: 'S7: one symbol is asked for again',
    file: SESSION,
    find: '    this.#request([entry]);\n',
    replace: '    this.#request(this.#entries);\n',
    by: WALK,
    says: 'S7: ',
  },
  {
    rule: 'S8: while this process stood still nobody was silent',
    file: SESSION,
    find: '    if (late_ms >= TICK_MS) this.#stalled(late_ms);\n',
    replace: '',
    by: WALK,
    says: 'S8: ',
  },
  {
    rule: 'S9: a book that begins with no snapshot is asked for again',
    file: SESSION,
    find: "      if (entry.opens && !entry.opened && entry.state === 'acked') {",
    replace: '      if (entry.opens && entry.opened && !entry.opened) {',
    by: WALK,
    says: 'S9: ',
  },
  {
    rule: 'A1: a statement grants no repeat that it may name from before',
    file: ANSWERS,
    find: 'named.has(it) && (!it.again || it.gone)',
    replace: 'named.has(it)',
    by: WALK,
    says: 'A1: ',
  },
  {
    rule: 'A2: a refusal without id is the oldest request',
    file: ANSWERS,
    find: 'const turn = Math.min(',
    replace: 'const turn = Math.max(',
    by: WALK,
    says: 'A2: ',
  },
];
