/** Every command of `ssmd`, in the order of its help. Adding one is one file and one line here. */
import type { Register } from './command.ts';
import { register as audit } from './commands/audit.ts';
import { register as backfill } from './commands/backfill.ts';
import { register as calendar } from './commands/calendar.ts';
import { register as cleanup } from './commands/cleanup.ts';
import { register as clock } from './commands/clock.ts';
import { register as collector } from './commands/collector.ts';
import { register as compare } from './commands/compare.ts';
import { register as connector } from './commands/connector.ts';
import { register as dataset } from './commands/dataset.ts';
import { register as demo } from './commands/demo.ts';
import { register as doctor } from './commands/doctor.ts';
import { register as env } from './commands/env.ts';
import { register as exportDays } from './commands/export.ts';
import { register as feed } from './commands/feed.ts';
import { register as gaps } from './commands/gaps.ts';
import { register as importRecording } from './commands/import.ts';
import { register as issue } from './commands/issue.ts';
import { register as job } from './commands/job.ts';
import { register as log } from './commands/log.ts';
import { register as reprocess } from './commands/reprocess.ts';
import { register as replay } from './commands/replay.ts';
import { register as schedule } from './commands/schedule.ts';
import { register as simulate } from './commands/simulate.ts';
import { register as storage } from './commands/storage.ts';
import { register as sub } from './commands/sub.ts';
import { register as temporal } from './commands/temporal.ts';
import { register as trace } from './commands/trace.ts';
import { register as up } from './commands/up.ts';
import { register as worker } from './commands/worker.ts';

export const COMMANDS: readonly Register[] = [
  demo,
  doctor,
  up,
  connector,
  feed,
  collector,
  importRecording,
  simulate,
  clock,
  sub,
  replay,
  dataset,
  gaps,
  storage,
  calendar,
  env,
  exportDays,
  log,
  trace,
  worker,
  job,
  schedule,
  issue,
  audit,
  backfill,
  cleanup,
  reprocess,
  compare,
  temporal,
];
