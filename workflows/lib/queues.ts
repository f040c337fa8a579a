/** Names the server knows us by: constants, since operators type them. */
export const TASK_QUEUE = 'ssmd';
/** Parts of rebuilt days: a process each, as many at once as there are cores. */
export const PARTS_QUEUE = 'ssmd-parts';
/** Replays last as long as they are told to: what watches them takes no place of another job's. */
export const REPLAY_QUEUE = 'ssmd-replay';
/** What a replay is told is answered even where as many replay as may. */
export const REPLAY_WORDS_QUEUE = 'ssmd-replay-words';
/** Notices: a run for each trouble that is not over, and what carries it to people. */
export const NOTIFY_QUEUE = 'ssmd-notify';
/** The runs of that queue: `notice/{fingerprint}`. */
export const NOTICE_ID_PREFIX = 'notice/';
