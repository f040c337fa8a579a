/** Workflow types by the words operators type; the bundler's entry. */
export { archiveTier as 'archive-tier' } from './archive-tier.ts';
export { audit } from './audit.ts';
export { dailyArchive as 'daily-archive' } from './daily-archive.ts';
export { dailyQa as 'daily-qa' } from './daily-qa.ts';
