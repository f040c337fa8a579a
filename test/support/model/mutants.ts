/** Rules of the product, each broken in one place: some seed of the model has to notice. */
export type ModelMutant = {
  readonly rule: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
};

/** Below this seed each is noticed. */
export const MUTANT_SEEDS_MAX = 2_000;

export const MODEL_MUTANTS: readonly ModelMutant[] = [
  {
    rule: 'a frame is written before it is folded and published',
    file: 'connectors/runtime/epoch-log.ts',
    find: `      if (failing !== null || !log.frame(t, c, bytes, 0, bytes.length)) {
        if (failing === null) failed();
        return countDrop(c, bytes.length);
      }
`,
    replace: `      queueMicrotask(() => log.frame(t, c, bytes, 0, bytes.length));
`,
  },
  {
    rule: 'an object is put where none is, never replaced',
    file: 'activities/object-writer.ts',
    find: `  if ((await deps.normalized.putIfAbsent(key, packed, options)) === 'created') {`,
    replace: `  await deps.normalized.put(key, packed, options);
  if (options.signal !== null) {`,
  },
  {
    rule: 'a manifest is put where none is, never replaced',
    file: 'activities/archive-day.ts',
    find: 'await deps.normalized.putIfAbsent(key, jsonDocument(ours), JSON_TYPE);',
    replace: `'created' as 'created' | 'exists';
  await deps.normalized.put(key, jsonDocument(ours), JSON_TYPE);`,
  },
  {
    rule: 'no ids in batches',
    file: 'connectors/runtime/publisher-messages.ts',
    find: `    subject,
    id: null,
    expected: null,
    count: events.length,`,
    replace: `    subject,
    id: idOf(origin, arena, events[0] as number),
    expected: null,
    count: events.length,`,
  },
  {
    rule: 'a ctl tells how far was published, not how far was written',
    file: 'connectors/runtime/publisher.ts',
    find: 'const t = watermark !== null && watermark > boundary.t ? watermark : boundary.t;',
    replace: 'const t = this.#head > boundary.t ? this.#head : boundary.t;',
  },
  {
    rule: 'the fold of a day begins empty at its _day line',
    file: 'fold/shard-fold.ts',
    find: `    if (key === '_day') this.#openDay(t, fact as Facts['_day']);`,
    replace: `    if (key === '_day' && this.#days.length > 0) {
      const next = this.#days[0]?.clone(this.out) as DayFold & { day: Day };
      next.day = (fact as Facts['_day']).day as Day;
      this.#days.push(next);
    } else if (key === '_day') this.#openDay(t, fact as Facts['_day']);`,
  },
  {
    rule: 'a claim follows the record it was decided by',
    file: 'connectors/runtime/publisher-claim.ts',
    find: 'position.message(position.record(t, 0), last?.seq ?? 0)',
    replace: `{
    ...position.message(position.record(t, 0), last?.seq ?? 0),
    expected: null,
  }`,
  },
  {
    rule: 'a take-over records its hole',
    file: 'fold/speech.ts',
    find: `      this.status(0, { kind: 'gap_opened', ...hole }, null);
      this.status(0, { kind: 'gap_closed', ...hole }, null);
`,
    replace: `      void hole;
`,
  },
];
