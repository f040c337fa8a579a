/** What the report of a comparison adds to the look of the others. */
export const DIFF_STYLE = `
.reasons.fine-day { border-left-color: var(--ok); }
td.bad { color: var(--bad); font-weight: 600; }
table.pair { table-layout: fixed; }
table.pair th:first-child { width: 150px; font-weight: 600; border-bottom: 1px solid var(--line); vertical-align: top; padding-top: 6px; }
table.pair td { overflow-wrap: anywhere; }
table.pair tr:last-child > * { border-bottom: 0; }
tr.differs > * { background: var(--warn-soft); }
tr.differs > th { color: var(--warn); padding-left: 8px; }
.sample + .sample { margin-top: 24px; }
.sample h3 { margin: 8px 0 4px; }
.sample p { margin: 6px 0 0; font-size: 12px; }
.sample p.raw { margin: 8px 0 0; font-size: 12px; max-height: 150px; overflow-y: auto; }
@media (max-width: 640px) { table.pair th:first-child { width: 96px; overflow-wrap: anywhere; white-space: normal; } }
`;
