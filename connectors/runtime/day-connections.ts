/**
 * The connections of a shard by the day they serve: opened together, and closed together once the next
 * day's are live.
 */
import type { FoldConfig } from '../../schema/symbols.ts';
import { NS_PER_MINUTE, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { Feed } from '../feed.ts';
import { createConnection } from './connection.ts';
import type { Connection, ConnectionDeps } from './connection.ts';
import type { Session } from './session.ts';

/** The old day's connections close this long after midnight at the latest. */
export const OVERLAP_NS = 10n * NS_PER_MINUTE;

export type DayConnections = {
  /** Opens a day's connections, once. */
  readonly open: (day: Day) => void;
  /** Closes those of days before `day` when its own are live, or when `t` is late enough. */
  readonly retire: (day: Day, t: bigint) => void;
  /** All, those that are closing included. */
  readonly all: () => readonly Connection[];
  /** Those that serve the newest day at or before `day`. */
  readonly serving: (day: Day) => readonly Connection[];
  readonly session: (c: number) => Session | undefined;
  readonly reconnects: () => number;
  readonly closeAll: (reason: string) => void;
};

export function createDayConnections(
  deps: ConnectionDeps,
  { feed, config, url }: { readonly feed: Feed; readonly config: FoldConfig; readonly url: string },
): DayConnections {
  let connections: Connection[] = [];
  const opened = new Set<Day>();
  let reconnects_before = 0;

  function serving(day: Day): readonly Connection[] {
    return connections.filter((it) => it.day === day);
  }

  return {
    open(day) {
      if (opened.has(day)) return;
      opened.add(day);
      for (const endpoint of feed.protocol.endpoints(config)) {
        const connection = createConnection(deps, { url: url + endpoint.path, endpoint, day });
        connections.push(connection);
        connection.start();
      }
    },
    retire(day, t) {
      const gone = connections.filter((it) => it.closing() && it.sessions().length === 0);
      reconnects_before += gone.reduce((sum, it) => sum + it.reconnects(), 0);
      connections = connections.filter((it) => !gone.includes(it));
      const fresh = serving(day);
      const live = fresh.length > 0 && fresh.every((it) => it.isLive());
      if (!live && t < dayStart(day) + OVERLAP_NS) return;
      for (const connection of connections) {
        if (connection.day < day && !connection.closing()) connection.close('day over', 'orderly');
      }
    },
    all: () => connections,
    serving,
    session(c) {
      for (const connection of connections) {
        const found = connection.sessions().find((it) => it.c === c);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    reconnects: () => connections.reduce((sum, it) => sum + it.reconnects(), reconnects_before),
    closeAll(reason) {
      for (const connection of connections) connection.close(reason, 'at_once');
    },
  };
}
