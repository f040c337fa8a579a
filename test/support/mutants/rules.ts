/**
 * The rules that RAW, the fold, the take-over, the bus and the archive keep (`docs/contract.md`), each
 * broken in one place of the product, and a test that has to say so. `find` stands in its file exactly
 * once; where the code moves on, the mutant moves with it.
 */
export type RuleMutant = {
  /** The rule, in words. */
  readonly rule: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** The test file, and a test in it that fails. */
  readonly by: { readonly file: string; readonly test: string };
};

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
    find: `if (known === content) return 'repeat';`,
    replace: `if (known !== undefined) return 'repeat';`,
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
    rule: 'the position is the log clock, not the last frame',
    file: 'connectors/runtime/publisher.ts',
    find: 'const watermark = this.#closing ? null : this.#deps.watermark();',
    replace: 'const watermark = null;',
    by: {
      file: 'test/unit/publisher-claim.test.ts',
      test: 'the next connector takes over where the last position and trade ids left off',
    },
  },
  {
    rule: 'a batch carries no ids',
    file: 'connectors/runtime/publisher-messages.ts',
    find: `    id: null,
    expected: null,
    count: events.length,`,
    replace: `    id: idOf(origin, arena, events[0] as number),
    expected: null,
    count: events.length,`,
    by: {
      file: 'test/unit/publisher-messages.test.ts',
      test: 'live, every message carries an identity of its own; in a batch none does',
    },
  },
  {
    rule: 'a claim expects the position it read',
    file: 'connectors/runtime/publisher-claim.ts',
    find: 'const outcome = await link.ask(position.message(position.record(t, 0), last?.seq ?? 0));',
    replace:
      'const outcome = await link.ask({ ...position.message(position.record(t, 0)), expected: null });',
    by: {
      file: 'test/unit/publisher-claim.test.ts',
      test: 'of two that read the same position, one has the shard',
    },
  },
  {
    rule: 'a position expects the one before it',
    file: 'connectors/runtime/publisher-position.ts',
    find: 'return { subject, id: null, expected, count: 0, late: false, t: null, data };',
    replace: 'return { subject, id: null, expected: null, count: 0, late: false, t: null, data };',
    by: {
      file: 'test/unit/publisher-claim.test.ts',
      test: 'the next connector takes over where the last position and trade ids left off',
    },
  },
  {
    rule: 'a message that cannot be read keeps nobody from taking a shard',
    file: 'connectors/runtime/publisher-claim.ts',
    find: '    onUnreadable(subject, error);',
    replace: '    throw error;',
    by: {
      file: 'test/unit/publisher-claim.test.ts',
      test: 'a message that cannot be read keeps nobody from taking the shard',
    },
  },
  {
    rule: 'a connector that lost its shard is silent',
    file: 'connectors/runtime/publisher-position.ts',
    find: 'return last !== null && last.record.epoch >= this.#options.epoch && !this.isOwn(last);',
    replace: 'return false;',
    by: {
      file: 'test/unit/publisher-claim.test.ts',
      test: 'the next connector takes over where the last position and trade ids left off',
    },
  },
  {
    rule: 'a take-over begins after the position it found',
    file: 'connectors/runtime/publisher-claim.ts',
    find: 'const t = claim_t === null && prev_t > now ? prev_t : now;',
    replace: 'const t = now;',
    by: {
      file: 'test/unit/publisher-claim.test.ts',
      test: 'a clock behind the last position speaks after it all the same',
    },
  },
  {
    rule: 'what a lost connection left unanswered is sent again',
    file: 'connectors/runtime/publisher-queue.ts',
    find: `    this.#next = this.covered.index;
`,
    replace: '',
    by: {
      file: 'test/unit/publisher-faults.test.ts',
      test: 'a batch whose acknowledgement was lost is not sent again',
    },
  },
  {
    rule: 'events carry the identity the server drops repeats by',
    file: 'connectors/runtime/publisher-messages.ts',
    find: '      id: idOf(origin, arena, event),',
    replace: '      id: null,',
    by: {
      file: 'test/property/publisher-model.test.ts',
      test: 'whatever breaks, nothing is lost, doubled or out of order, and the bus proves it',
    },
  },
  {
    rule: 'a stretch that lacks an event is not proven',
    file: 'bus/chain.ts',
    find: 'events.length !== record.events - last.events',
    replace: 'events.length > record.events - last.events',
    by: {
      file: 'test/property/bus-chain.test.ts',
      test: 'whatever is dropped, repeated or moved, what is proven is what was published',
    },
  },
  {
    rule: 'repeats on the bus count once',
    file: 'bus/chain.ts',
    find: 'if (!state.pending.has(identity)) state.pending.set(identity, event);',
    replace: 'state.pending.set(`${identity} ${state.pending.size}`, event);',
    by: {
      file: 'test/property/bus-chain.test.ts',
      test: 'whatever is dropped, repeated or moved, what is proven is what was published',
    },
  },
  {
    rule: 'a stream that lost what it acknowledged proves nothing across',
    file: 'bus/chain.ts',
    find: `    record.run === last.run &&
`,
    replace: '',
    by: {
      file: 'test/property/bus-chain.test.ts',
      test: 'other epochs, runs, writers and normalizers are not mixed',
    },
  },
  {
    rule: 'another normalizer proves nothing across',
    file: 'bus/chain.ts',
    find: `    record.normalizer === last.normalizer
`,
    replace: `    true
`,
    by: {
      file: 'test/property/bus-chain.test.ts',
      test: 'other epochs, runs, writers and normalizers are not mixed',
    },
  },
  {
    rule: 'an hour of the bus is proven from its beginning',
    file: 'activities/bus-windows.ts',
    find: 'if (run === null || run.from >= start || run.to < end - 1n) {',
    replace: 'if (run === null || run.to < end - 1n) {',
    by: {
      file: 'test/unit/dataset-archive.test.ts',
      test: 'a window of which the bus lost one event is built from RAW, the others are not',
    },
  },
  {
    rule: 'the archive takes events of its own normalizer only',
    file: 'activities/bus-windows.ts',
    find: '    if (normalizer !== this.#normalizer) {',
    replace: `    if (normalizer === '') {`,
    by: {
      file: 'test/unit/dataset-archive.test.ts',
      test: 'another normalizer on the bus serves nothing',
    },
  },
  {
    rule: 'no book is carried across a hole in RAW',
    file: 'dataset/rebuild.ts',
    find: `      if (first) this.#recordHole(line.t);
`,
    replace: '',
    by: {
      file: 'test/unit/dataset-rebuild.test.ts',
      test: 'a missing segment in the middle is a gap between its neighbours',
    },
  },
  {
    rule: 'nothing is built from a segment that is not proven',
    file: 'dataset/segment-survey.ts',
    find: `  if (survey.state === 'unreadable' && !trust) return;
`,
    replace: '',
    by: {
      file: 'test/unit/dataset-rebuild.test.ts',
      test: 'a changed segment is never built from; a torn one as far as it goes',
    },
  },
  {
    rule: 'a missing segment of an hour is a gap',
    file: 'dataset/epoch-checks.ts',
    find: `  checkListed(log, span.segments, hole);
`,
    replace: '',
    by: {
      file: 'test/unit/dataset-rebuild.test.ts',
      test: 'the last segment missing is told by the inventory alone',
    },
  },
  {
    rule: 'an epoch without an inventory is not complete',
    file: 'dataset/epoch-checks.ts',
    find: `    gaps.add('inventory_missing', log.epoch, last, until, detail);
`,
    replace: '    void detail;\n',
    by: {
      file: 'test/unit/dataset-rebuild.test.ts',
      test: 'an inventory that is gone, an early end, and a late beginning are gaps',
    },
  },
  {
    rule: 'the bus tells of what RAW lacks',
    file: 'dataset/epoch-checks.ts',
    find: '  if (seen !== undefined && seen > last && last < until) {',
    replace: '  if (seen !== undefined && seen > until) {',
    by: {
      file: 'test/unit/dataset-archive.test.ts',
      test: 'a log that ends before what the bus saw of it is a gap',
    },
  },
  {
    rule: 'a bus with a message that cannot be read still serves the other hours',
    file: 'activities/bus-windows.ts',
    find: '      if (!(error instanceof SsmdError)) throw error;',
    replace: '      if (error instanceof SsmdError) throw error;',
    by: {
      file: 'test/unit/dataset-archive.test.ts',
      test: 'a message that cannot be read is left out; where it was ours, RAW builds its hour',
    },
  },
  {
    rule: 'what was published by one that had lost the shard is no hole of the day',
    file: 'dataset/day-plan.ts',
    find: '    if (log !== undefined && log.take !== null && last >= seen) continue;',
    replace: '',
    by: {
      file: 'test/unit/dataset-day-plan.test.ts',
      test: 'what one published that had lost the shard and did not know yet is no hole',
    },
  },
  {
    rule: 'a clock that jumps over days opens connections for one of them',
    file: 'connectors/runtime/epoch.ts',
    find: '    if (day < epochLog.day()) return;',
    replace: '',
    by: {
      file: 'test/simulation/runtime-connector.test.ts',
      test: 'a wall clock that jumps over days opens connections for the day it comes to alone',
    },
  },
  {
    rule: 'a trade that is told late is marked as it would have been',
    file: 'fold/trades.ts',
    find: '  pending.push({ ...kept, flags: kept.flags | flags });',
    replace: '  pending.push(kept);',
    by: {
      file: 'test/unit/fold-take-over.test.ts',
      test: 'an id that came twice with other content is marked, as it is later',
    },
  },
  {
    rule: 'an object is never replaced',
    file: 'activities/object-writer.ts',
    find: `if ((await deps.normalized.putIfAbsent(key, packed, options)) === 'created') {`,
    replace: 'if ((await deps.normalized.put(key, packed, options)) !== null) {',
    by: {
      file: 'test/unit/dataset-archive.test.ts',
      test: 'an object in the way is never replaced: ours goes beside it',
    },
  },
  {
    rule: 'a manifest is never replaced',
    file: 'activities/archive-day.ts',
    find: 'const outcome = await deps.normalized.putIfAbsent(key, jsonDocument(ours), JSON_TYPE);',
    replace: `await deps.normalized.put(key, jsonDocument(ours), JSON_TYPE);
  const outcome = 'created' as string;`,
    by: {
      file: 'test/unit/dataset-archive.test.ts',
      test: 'what comes after the commit is late, whatever it is: the day stays as it is',
    },
  },
  {
    rule: 'objects are verified before the manifest',
    file: 'activities/archive-verify.ts',
    find: `    if (typeof read === 'string') await refuseObject(deps, it, read);`,
    replace: `    if (read === '') await refuseObject(deps, it, read);`,
    by: {
      file: 'test/unit/dataset-archive.test.ts',
      test: 'an object that rots before the commit does not keep the day from being archived',
    },
  },
  {
    rule: 'what was verified is what is committed',
    file: 'activities/archive-day.ts',
    find: `  await refuseAltered(deps, plan, windows, context);
`,
    replace: '',
    by: {
      file: 'test/unit/dataset-archive.test.ts',
      test: 'an object changed or taken away after it was verified keeps the day from being committed',
    },
  },
  {
    rule: 'a day whose RAW is unfit is refused',
    file: 'activities/archive-plan.ts',
    find: `  refuseUnfitRaw(sources.survey);
`,
    replace: '',
    by: {
      file: 'test/unit/dataset-bad-raw.test.ts',
      test: 'two hosts that claim the interval of one epoch are named, and the day is not committed',
    },
  },
  {
    rule: 'an epoch that vanished with its host is named and waited for',
    file: 'dataset/day-plan.ts',
    find: `  checkVanished(logs, gaps);
`,
    replace: '',
    by: {
      file: 'test/unit/dataset-archive-days.test.ts',
      test: 'an epoch that vanished with its host is waited for by name, and the day then incomplete',
    },
  },
  {
    rule: 'RAW that comes late does not change a committed day',
    file: 'dataset/manifest.ts',
    find: `return rawOf(existing) === rawOf(ours) ? 'conflict' : 'late_raw';`,
    replace: `return 'same';`,
    by: {
      file: 'test/unit/dataset-archive.test.ts',
      test: 'what comes after the commit is late, whatever it is: the day stays as it is',
    },
  },
  {
    rule: 'a day that still runs gets no manifest',
    file: 'activities/day-input.ts',
    find: '  if (now >= over) return null;',
    replace: '  if (now >= dayStart(day)) return null;',
    by: {
      file: 'test/unit/dataset-archive.test.ts',
      test: 'a day that is not over is refused, and says until when',
    },
  },
];
