/** The connector in replay mode with the tiny venue among its feeds, as a process of its own. */
import { replayFrom } from '../../workers/replayer.ts';
import { tinyFeed } from './tiny-feed.ts';

const interrupted = new AbortController();
process.on('SIGTERM', () => interrupted.abort());
const done = await replayFrom(
  process.stdin,
  new Map([[tinyFeed.id, tinyFeed]]),
  (word) => process.stdout.write(`${JSON.stringify(word)}\n`),
  interrupted.signal,
);
process.exitCode = done ? 0 : 1;
