/** What workflows have to know of the server they run on. */
import { activity } from './run.ts';

export type ServerDeps = {
  /** Names of the custom search attributes of our namespace; none where the server cannot say. */
  readonly searchAttributes: () => Promise<readonly string[]>;
};

export function createServerActivities(deps: ServerDeps) {
  return {
    knownSearchAttributes: activity((_input: void): Promise<readonly string[]> =>
      deps.searchAttributes(),
    ),
  };
}

export type ServerActivities = ReturnType<typeof createServerActivities>;
