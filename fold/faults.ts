/** What the fold found broken at a line, for whoever can ask the venue for it again. */
import type { EventType } from '../schema/events.ts';

/**
 * A book, or another state kept by changes, that broke at the last line: the connector asks for its
 * snapshot again.
 */
export type BookFault = {
  readonly c: number;
  readonly symbol: string;
  readonly type: EventType;
  readonly cause: string;
};
