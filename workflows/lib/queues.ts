/** Names the server knows us by: constants, since operators type them. */
export const TASK_QUEUE = 'ssmd';
