/** What a status page and the state of a connector are made of, read off the epoch that runs. */
import type { Epoch } from './epoch.ts';

/** Of the connections that serve the epoch's day: how many, how many open, subscriptions refused on them. */
export function connectionCounts(epoch: Epoch | null): {
  readonly connections: number;
  readonly connections_open: number;
  readonly refused: number;
} {
  const serving = epoch?.connections.serving(epoch.day()) ?? [];
  const states = serving.flatMap((it) => it.sessions().flatMap((session) => session.status()));
  return {
    connections: serving.length,
    connections_open: serving.filter((it) => it.isOpen()).length,
    refused: states.filter(({ state }) => state === 'refused').length,
  };
}

/** Every session there is, those that are closing included, with its subscriptions. */
export function connectionStatus(epoch: Epoch | null): readonly object[] {
  return (epoch?.connections.all() ?? []).flatMap((connection) =>
    connection.sessions().map((session) => ({
      c: session.c,
      day: connection.day,
      url: session.url,
      open: session.isOpen,
      age_s: Math.round(session.age_ms / 1000),
      frames: session.frames,
      subscriptions: session.status(),
    })),
  );
}

/** How far what is on the bus lies behind the log. */
export function lagSeconds(epoch: Epoch | null): number {
  if (epoch === null || epoch.phase() !== 'speaking') return 0;
  const behind = epoch.log.watermark() - epoch.publishing.released();
  return behind <= 0n ? 0 : Number(behind / 1_000_000n) / 1000;
}
