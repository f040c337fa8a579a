/** Names the server knows us by: constants, since operators type them. */
export const TASK_QUEUE = 'ssmd';
/** Replays last as long as they are told to: what watches them takes no place of another job's. */
export const REPLAY_QUEUE = 'ssmd-replay';
/** What a replay is told is answered even where as many replay as may. */
export const REPLAY_WORDS_QUEUE = 'ssmd-replay-words';
