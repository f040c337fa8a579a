/** The look of a quality report: one style sheet, light and dark, nothing fetched. */
export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b2330; --soft: #5b6675; --line: #dfe3e9;
  --none: #e9ecf1; --fill: #2f6fde;
  --ok: #1a7f4b; --ok-soft: #e2f4ea; --warn: #9a6200; --warn-soft: #fdf1d8;
  --bad: #b3261e; --bad-soft: #fce8e6; --idle: #5b6675; --idle-soft: #eceff3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --card: #1b212a; --ink: #e6eaf0; --soft: #9aa6b5; --line: #2e3743;
    --none: #262e39; --fill: #6ea2ff;
    --ok: #63d297; --ok-soft: #173626; --warn: #f0bc5e; --warn-soft: #3a2d12;
    --bad: #ff8a80; --bad-soft: #431d1b; --idle: #9aa6b5; --idle-soft: #262e39;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 36px 0 12px; }
h2 small { color: var(--soft); font-weight: 400; font-size: 14px; margin-left: 8px; }
p { margin: 6px 0; }
.soft { color: var(--soft); }
.head { display: flex; flex-wrap: wrap; gap: 10px 14px; align-items: center; }
.badge {
  display: inline-block; padding: 2px 10px; border-radius: 999px; font-size: 13px;
  font-weight: 600; white-space: nowrap; color: var(--idle); background: var(--idle-soft);
}
.passed, .available { color: var(--ok); background: var(--ok-soft); }
.warned, .pending { color: var(--warn); background: var(--warn-soft); }
.failed, .errored, .degraded, .missing { color: var(--bad); background: var(--bad-soft); }
.origin { color: var(--warn); background: var(--warn-soft); border: 1px solid currentColor; }
.reasons {
  margin: 16px 0 0; padding: 12px 16px; background: var(--card);
  border: 1px solid var(--line); border-left: 4px solid var(--bad); border-radius: 8px;
}
.reasons.pending-day { border-left-color: var(--warn); }
.reasons ul { margin: 4px 0 0; padding-left: 20px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0 0; padding: 0; }
.tile { flex: 1 1 112px; min-width: max-content; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; }
.tile b { display: block; font-size: 24px; line-height: 1.25; font-variant-numeric: tabular-nums; color: var(--ink); background: none; }
.tile span { color: var(--soft); font-size: 13px; }
.tile.on-ok b { color: var(--ok); } .tile.on-warn b { color: var(--warn); } .tile.on-bad b { color: var(--bad); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; overflow-x: auto; }
.strip { display: grid; grid-template-columns: minmax(96px, max-content) minmax(420px, 1fr) max-content; gap: 6px 12px; align-items: center; }
.strip .name { font-weight: 600; font-size: 13px; overflow-wrap: anywhere; }
.strip .count { font-size: 13px; color: var(--soft); text-align: right; font-variant-numeric: tabular-nums; }
.strip svg { display: block; width: 100%; height: 24px; border-radius: 4px; background: var(--none); }
.strip .hours { display: flex; justify-content: space-between; font-size: 11px; color: var(--soft); }
.fill { fill: var(--fill); } .hole { fill: var(--bad); fill-opacity: 0.25; } .hole-edge { fill: var(--bad); }
.legend { display: flex; flex-wrap: wrap; gap: 16px; margin-top: 12px; font-size: 12px; color: var(--soft); }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th { text-align: left; color: var(--soft); font-weight: 600; padding: 4px 12px 6px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.num, th.num { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
code { font: 12px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
details.check { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin-bottom: 10px; }
details.check > summary {
  display: grid; grid-template-columns: 130px 190px 1fr; gap: 4px 14px; align-items: center;
  padding: 12px 16px; cursor: pointer; list-style: none;
}
details.check > summary::-webkit-details-marker { display: none; }
details.check > summary:focus-visible { outline: 2px solid var(--fill); outline-offset: 2px; border-radius: 10px; }
details.check > summary .badge { justify-self: start; }
details.check > summary .what { color: var(--soft); font-size: 14px; }
details.check[open] > summary { border-bottom: 1px solid var(--line); }
.inside { padding: 12px 16px 16px; overflow-x: auto; }
.inside h3 { font-size: 13px; margin: 16px 0 6px; }
.inside h3 small { color: var(--soft); font-weight: 400; font-size: 13px; margin-left: 8px; }
td, code, .what, li { unicode-bidi: isolate; }
.facts { color: var(--soft); }
.facts b { color: var(--ink); font-weight: 600; font-variant-numeric: tabular-nums; }
footer { margin-top: 40px; color: var(--soft); font-size: 12px; }
@media (max-width: 640px) {
  main { padding: 20px 14px 48px; }
  details.check > summary { grid-template-columns: max-content 1fr; }
  details.check > summary .what { grid-column: 1 / -1; }
}
@media print { details.check { break-inside: avoid; } body { background: #fff; } }
`;
