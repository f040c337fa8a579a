/**
 * Workflow types by the words operators type; the bundler's entry. What has none of these names goes
 * to the default.
 */
export { archiveTier as 'archive-tier' } from './archive-tier.ts';
export { audit } from './audit.ts';
export { backfill } from './backfill.ts';
export { compare } from './compare.ts';
export { weeklyCleanup as 'weekly-cleanup' } from './weekly-cleanup.ts';
export { monthlyAudit as 'monthly-audit' } from './monthly-audit.ts';
export { dailyArchive as 'daily-archive' } from './daily-archive.ts';
export { dailyQa as 'daily-qa' } from './daily-qa.ts';
export { notice } from './notice.ts';
export { promote } from './promote.ts';
export { reprocess } from './reprocess.ts';
export { reprocessDay as 'reprocess-day' } from './reprocess-day.ts';
export { runExport as export } from './export.ts';
export { replay } from './replay.ts';
export { unknownType as default } from './unknown-type.ts';
