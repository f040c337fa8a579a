/** What a deep audit carries of its days stays below what a server takes, whatever was found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DayAudit } from '../../activities/audit-report.ts';
import { addDays } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { carriedDay } from '../../workflows/lib/audit-days.ts';

const KEY = 'normalized/v12.1/binance-usdm/liquidation/1000SHIBUSDT-PERP/2026/11/20/14-00';

function ruined(day: Day): DayAudit {
  const finding = { kind: 'event_changed', key: KEY, detail: 'x'.repeat(900) } as const;
  return {
    ...{ outcome: 'failed', feed: 'binance-usdm', day, version: 'v12.1', manifest: KEY },
    ...{ segments: 1_440, objects: 9_000, equal: 0, not_comparable: 9_000, records: 1e9, gaps: 9 },
    ...{ findings: Array.from({ length: 40 }, () => finding), findings_left_off: 2 },
    ...{ foreign: Array.from({ length: 10 }, () => KEY), single_writer: false },
  };
}

test('of eight hundred ruined days each is told, in less than a server takes', () => {
  const days: DayAudit[] = [];
  for (let at = 0; at < 800; at++) {
    days.push(carriedDay(days, ruined(addDays('2024-01-01' as Day, at))));
  }
  assert.ok(JSON.stringify(days).length < 1_500_000, String(JSON.stringify(days).length));
  assert.ok(days.every((it) => it.findings.length >= 1 && it.foreign.length >= 1));
  assert.ok(days.every((it) => it.findings.length + it.findings_left_off === 42));
});

test('a few days are carried as they are', () => {
  const [first, second] = [ruined('2024-01-01' as Day), ruined('2024-01-02' as Day)];
  assert.deepEqual(carriedDay([], first), first);
  assert.deepEqual(carriedDay([first], second), second);
});
