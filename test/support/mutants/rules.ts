/**
 * The rules that RAW, the fold, the take-over, the bus and the archive keep (`docs/contract.md`), each
 * broken in one place of the product, and a test that has to say so. `find` stands in its file exactly
 * once; where the code moves on, the mutant moves with it.
 */
import { BUS_RULES } from './bus-rules.ts';
import { COLLECTOR_RULES } from './collector-rules.ts';
import type { RuleMutant } from './mutant.ts';
import { SESSION_RULES } from './session-rules.ts';

export const RULE_MUTANTS: readonly RuleMutant[] = [
  {
    rule: 'a frame is in the log before the fold steps',
    file: 'connectors/runtime/epoch-log.ts',
    find: `      if (failing !== null || !log.frame(t, c, bytes, 0, bytes.length)) {
        if (failing === null) failed();
        return countDrop(c, bytes.length);
      }
`,
    replace: `      queueMicrotask(() => log.frame(t, c, bytes, 0, bytes.length));
`,
    by: {
      file: 'test/simulation/runtime-edges.test.ts',
      test: 'stopped the moment space returns: what the full disk lost is recorded',
    },
  },
  {
    rule: 'a fact is in the log before the fold steps',
    file: 'connectors/runtime/epoch-log.ts',
    find: '      if (log.fact(t, key, fact)) return step(t, key, fact);',
    replace: `      step(t, key, fact);
      if (log.fact(t, key, fact)) return;`,
    by: {
      file: 'test/unit/runtime-epoch-log.test.ts',
      test: 'a line is in the log before anything acts on it',
    },
  },
  {
    rule: 't is strictly increasing',
    file: 'connectors/runtime/log-clock.ts',
    find: '      last = t > last ? t : last + 1n;',
    replace: '      last = t;',
    by: {
      file: 'test/unit/runtime-log-clock.test.ts',
      test: 'what is issued follows all that was, whatever is asked for',
    },
  },
  {
    rule: 'a wall clock that steps back does not take t with it',
    file: 'connectors/runtime/log-clock.ts',
    find: 'base = error > STEP_NS ? wall : ours;',
    replace: 'base = error > STEP_NS || error < -STEP_NS ? wall : ours;',
    by: {
      file: 'test/unit/runtime-log-clock.test.ts',
      test: 'a step back never turns t back: it goes on, slowed, and stays bad until wall time has caught up',
    },
  },
  {
    rule: 'what follows a step of the clock is marked',
    file: 'fold/emitter.ts',
    find: 'return state.bad_clock ? FLAG.BAD_TS_RECV : 0;',
    replace: 'return 0;',
    by: { file: 'test/unit/fold.test.ts', test: 'facts (R9, R11)' },
  },
  {
    rule: 'a segment names the hash of the one before',
    file: 'connectors/runtime/log-writer.ts',
    find: `previous_sha256 = ending.hash.digest('hex');`,
    replace: 'previous_sha256 = sha256;',
    by: {
      file: 'test/unit/runtime-log-writer.test.ts',
      test: 'a segment a minute, chained by hash, whole, and nothing written for a quiet minute',
    },
  },
  {
    rule: 'a segment is one minute',
    file: 'connectors/runtime/log-writer.ts',
    find: 'const minute = t / NS_PER_MINUTE;',
    replace: 'const minute = t / (2n * NS_PER_MINUTE);',
    by: {
      file: 'test/unit/runtime-log-writer.test.ts',
      test: 'a segment a minute, chained by hash, whole, and nothing written for a quiet minute',
    },
  },
  {
    rule: 'frames a full disk kept out are recorded',
    file: 'connectors/runtime/epoch-log.ts',
    find: `      if (!log.fact(t, '_drop', fact)) return failed();
`,
    replace: '',
    by: {
      file: 'test/simulation/runtime-edges.test.ts',
      test: 'stopped the moment space returns: what the full disk lost is recorded',
    },
  },
  {
    rule: 'a log is cut at its last whole line',
    file: 'connectors/runtime/recovery.ts',
    find: ': withEnd(bytes.subarray(0, check.good_bytes), check.good_lines, first, last);',
    replace: ': withEnd(bytes, check.good_lines, first, last);',
    by: {
      file: 'test/unit/runtime-log-writer.test.ts',
      test: 'cut at any byte, the repair keeps every whole line, ends the segment, and is the same twice',
    },
  },
  {
    rule: 'what is written is durable within a second',
    file: 'connectors/runtime/epoch.ts',
    find: 'Promise.allSettled([log.sync(), touched])',
    replace: 'Promise.allSettled([touched])',
    by: {
      file: 'test/simulation/durable-log.test.ts',
      test: 'whenever power goes, at most the last second of the log is missing',
    },
  },
  {
    rule: 'the name of a segment is durable within a second',
    file: 'connectors/runtime/log-writer.ts',
    find: `    void queueSync(() => files.syncDirectory(dir));
`,
    replace: '',
    by: {
      file: 'test/simulation/durable-log.test.ts',
      test: 'whenever power goes, at most the last second of the log is missing',
    },
  },
  {
    rule: 'the directory of an epoch is durable within a second',
    file: 'connectors/runtime/epoch-files.ts',
    find: `  syncNames(files, dir, root);
`,
    replace: '',
    by: {
      file: 'test/simulation/durable-log.test.ts',
      test: 'whenever power goes, at most the last second of the log is missing',
    },
  },
  {
    rule: 'the position does not pass a midnight that is not in the log',
    file: 'connectors/runtime/epoch-log.ts',
    find: 'return failing !== null || t >= midnight ? log.last()',
    replace: 'return failing !== null ? log.last()',
    by: {
      file: 'test/unit/runtime-epoch-log.test.ts',
      test: 'at midnight the watermark stands still until the line is in the log, and does not pass it',
    },
  },
  {
    rule: 'a raw segment is put once and never replaced',
    file: 'connectors/runtime/shipper.ts',
    find: `(await store.putIfAbsent(key, packed, options)) === 'exists';`,
    replace: '(await store.put(key, packed, options)) === null;',
    by: {
      file: 'test/unit/runtime-shipper.test.ts',
      test: 'there already and equal is done; there already and other is kept beside it and told',
    },
  },
  {
    rule: 'of two hosts with one epoch, only its owner ships under its name',
    file: 'connectors/runtime/epoch.ts',
    find: '  if (standby) named.resolve(true);',
    replace: '  named.resolve(true);',
    by: {
      file: 'test/simulation/one-name.test.ts',
      test: 'two hosts with one epoch, claimed 1 s after: the loser is kept beside',
    },
  },
  {
    rule: 'the fold is emptied at _day',
    file: 'fold/shard-fold.ts',
    find: `    if (key === '_day') this.#openDay(t, fact as Facts['_day']);`,
    replace: `    if (key === '_day' && this.#days.length === 0) this.#openDay(t, fact as Facts['_day']);`,
    by: { file: 'test/unit/fold.test.ts', test: 'the day (R1, R2, R4)' },
  },
  {
    rule: 'a day begins at _midnight and not before',
    file: 'fold/speech.ts',
    find: 'return this.state.taken && this.state.begun && !this.state.ended;',
    replace: 'return this.state.taken && !this.state.ended;',
    by: { file: 'test/unit/fold.test.ts', test: 'the day (R1, R2, R4)' },
  },
  {
    rule: 'an epoch is mute until it has taken the shard',
    file: 'fold/speech.ts',
    find: 'return this.state.taken && this.state.begun && !this.state.ended;',
    replace: 'return this.state.begun && !this.state.ended;',
    by: { file: 'test/unit/fold.test.ts', test: 'speaking (R3, R8)' },
  },
  {
    rule: 'a day ends at _midnight',
    file: 'fold/day-fold.ts',
    find: `    if (day > this.day) this.#speech.state.ended = true;
`,
    replace: '',
    by: { file: 'test/unit/fold.test.ts', test: 'the day (R1, R2, R4)' },
  },
  {
    rule: 'a take-over states what it knows',
    file: 'fold/speech.ts',
    find: `      for (let type = 0; type < TYPES; type++) this.#stateOf(slot, type);
`,
    replace: '',
    by: { file: 'test/unit/fold.test.ts', test: 'speaking (R3, R8)' },
  },
  {
    rule: 'a take-over records its hole',
    file: 'fold/speech.ts',
    find: `      this.status(0, { kind: 'gap_opened', ...hole }, null);
      this.status(0, { kind: 'gap_closed', ...hole }, null);
`,
    replace: '',
    by: { file: 'test/unit/fold.test.ts', test: 'take-over (R7)' },
  },
  {
    rule: 'a take-over from nobody known ends older gaps too',
    file: 'fold/speech.ts',
    find: '    if (take !== null) {',
    replace: '    if (take?.prev != null) {',
    by: {
      file: 'test/unit/qa-holes.test.ts',
      test: 'a gap that is open when its epoch ends is over where the next one takes the shard',
    },
  },
  {
    rule: 'a take-over says what readers of the bus had seen by then',
    file: 'connectors/runtime/publisher-claim.ts',
    find: '  return { ids, seen: t < 0n ? null : { epoch, t } };',
    replace: '  return { ids, seen: null };',
    by: {
      file: 'test/simulation/power-loss-bus.test.ts',
      test: 'what readers of the bus had and RAW has not is a gap, and the day is not complete',
    },
  },
  {
    rule: 'a take-over loses no trade it heard while mute',
    file: 'fold/speech.ts',
    find: `    speakPendingTrades(this, take?.ids ?? {});
`,
    replace: '',
    by: { file: 'test/unit/fold.test.ts', test: 'take-over (R7)' },
  },
  {
    rule: 'the newest whole connection speaks, not the one that came first',
    file: 'fold/speech.ts',
    find: `    if (speaker > c.c) return false;
`,
    replace: '',
    by: { file: 'test/unit/fold.test.ts', test: 'who speaks (R5)' },
  },
  {
    rule: 'who died passes its speech on or leaves a gap',
    file: 'fold/speech.ts',
    find: `      if (state.speakers[key] === c) this.#passOn(key, c, cause, connection.last_t);
`,
    replace: '',
    by: { file: 'test/unit/fold.test.ts', test: 'who speaks (R5)' },
  },
  {
    rule: 'connections of another day bring trades only',
    file: 'fold/day-fold.ts',
    find: `      else if (!connection.serves) countDropped(this.counts, 'other_day');
`,
    replace: '',
    by: { file: 'test/unit/fold.test.ts', test: 'the day (R1, R2, R4)' },
  },
  {
    rule: 'history is not told again',
    file: 'fold/trades.ts',
    find: 'const beyond = !history || isBeyond(floor, id);',
    replace: 'const beyond = true;',
    by: { file: 'test/unit/fold.test.ts', test: 'trades (R6)' },
  },
  {
    rule: 'history beyond what is known is told',
    file: 'fold/trades.ts',
    find: 'const beyond = !history || isBeyond(floor, id);',
    replace: 'const beyond = !history;',
    by: { file: 'test/unit/fold.test.ts', test: 'trades (R6)' },
  },
  {
    rule: 'a repeated trade is told once',
    file: 'fold/trades.ts',
    find: `  if (verdict === 'repeat') return countDropped(counts, 'repeat');
`,
    replace: '',
    by: { file: 'test/unit/fold.test.ts', test: 'the day (R1, R2, R4)' },
  },
  {
    rule: 'an id with other content is another trade, marked',
    file: 'fold/trade-memory.ts',
    find: `  if (known === content) return 'repeat';
`,
    replace: `  if (known !== undefined) return 'repeat';
`,
    by: { file: 'test/unit/fold.test.ts', test: 'trades (R6)' },
  },
  {
    rule: 'a jump of trade ids is a gap',
    file: 'fold/trades.ts',
    find: `  emitter.emitStatus(state, slot, { kind: 'gap_opened', ...hole });
  emitter.emitStatus(state, slot, { kind: 'gap_closed', ...hole, repaired: 0 });
`,
    replace: '',
    by: { file: 'test/unit/fold.test.ts', test: 'trades (R6)' },
  },
  {
    rule: 'two trades of one id are told once each, whoever brings them',
    file: 'fold/trade-memory.ts',
    find: `    if (holds(known, content)) return 'repeat';
`,
    replace: '',
    by: { file: 'test/unit/fold.test.ts', test: 'trades (R6)' },
  },
  {
    rule: 'a frame is one line of the log',
    file: 'codec/frame-form.ts',
    find: `  if (!oneLine) return 'text';
`,
    replace: '',
    by: {
      file: 'test/unit/codec-log-line.test.ts',
      test: 'JSON over several lines is text in the log, one line there, and the same bytes read back',
    },
  },
  ...BUS_RULES,
  ...SESSION_RULES,
  ...COLLECTOR_RULES,
];
