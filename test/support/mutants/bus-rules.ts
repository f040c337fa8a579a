/** The rules of the bus and of the archive, broken one at a time (`rules.ts`). */
import type { RuleMutant } from './mutant.ts';

export const BUS_RULES: readonly RuleMutant[] = [
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
    find: `  if (survey.state === 'unreadable' && !trust) return () => false;
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
  {
    rule: 'a position behind a message that was refused covers nothing',
    file: 'connectors/runtime/publisher-position.ts',
    find: 'if (!same || refused)',
    replace: 'if (!same)',
    by: {
      file: 'test/unit/publisher-faults.test.ts',
      test: 'a position that was stored behind a message that was refused covers nothing',
    },
  },
  {
    rule: 'no inventory of another host is written over',
    file: 'connectors/runtime/archive.ts',
    find: 'host !== files.of.host',
    replace: 'host === 0',
    by: {
      file: 'test/unit/runtime-archive.test.ts',
      test: 'an inventory that another host wrote under the same name stays',
    },
  },
  {
    rule: 'a day begins at its midnight though that line is lost',
    file: 'dataset/rebuild.ts',
    find: 'if (!this.#midnight_seen && t >= this.#day_start) this.#ensureMidnight(line);',
    replace: '',
    by: {
      file: 'test/unit/dataset-rebuild.test.ts',
      test: 'a day begins at its midnight though the segment that said so is lost',
    },
  },
  {
    rule: 'a configuration belongs to the newest day',
    file: 'fold/shard-fold.ts',
    find: `key === '_config' ? this.#days.length - 1 : 0`,
    replace: '0',
    by: {
      file: 'test/unit/fold.test.ts',
      test: 'the day (R1, R2, R4)',
    },
  },
  {
    rule: 'a configuration belongs to the newest day, also where it is rebuilt',
    file: 'dataset/rebuild.ts',
    find: `line.key === '_config' && this.#next_day_open`,
    replace: 'line.t < 0n',
    by: {
      file: 'test/unit/dataset-rebuild.test.ts',
      test: 'the configuration of the next day is none of this one, as it was live',
    },
  },
  {
    rule: 't increases within a segment',
    file: 'codec/segment-check.ts',
    find: 'line.t <= this.last',
    replace: 'line.t < 0n',
    by: {
      file: 'test/unit/codec-log-line.test.ts',
      test: 'an instant that does not follow ends the use of its segment, whatever its end says',
    },
  },
  {
    rule: 'windows built from other inputs are not committed',
    file: 'activities/staged-windows.ts',
    find: `(planned === 'bus' || window?.basis === plan.inputs_id)`,
    replace: 'true',
    by: {
      file: 'test/unit/dataset-archive.test.ts',
      test: 'what was built before RAW changed is built anew, and not taken as it is',
    },
  },
  {
    rule: 'windows built from other inputs are built again',
    file: 'activities/archive-day.ts',
    find: `it?.source === 'raw' && it.basis === plan.inputs_id`,
    replace: `it?.source === 'raw'`,
    by: {
      file: 'test/unit/dataset-archive.test.ts',
      test: 'what was built before RAW changed is built anew, and not taken as it is',
    },
  },
  {
    rule: 'what is committed is what RAW is then',
    file: 'activities/archive-day.ts',
    find: 'if (sources.inputs_id === plan.inputs_id) return sources;',
    replace: 'return sources;',
    by: {
      file: 'test/unit/dataset-archive.test.ts',
      test: 'what was built before RAW changed is built anew, and not taken as it is',
    },
  },
];
