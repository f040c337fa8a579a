/** Asks who keeps this machine's clock to set it right at once. Nothing else is changed. */
import { askMachine, readClock } from '../../connectors/runtime/clock-health.ts';
import type { Ask } from '../../connectors/runtime/clock-health.ts';
import { readChrony, readTimesyncd } from '../../connectors/runtime/clock-answers.ts';
import type { ClockReading } from '../../connectors/runtime/clock-health.ts';
import type { Location } from '../../schema/clock.ts';

export type ClockSync = {
  readonly location_id: string;
  readonly done: boolean;
  /** The command that was run, or is to be run by who may; null where nothing here can be asked. */
  readonly command: string | null;
  readonly what: string;
  /** As the clock is kept afterwards. */
  readonly reading: ClockReading;
};

type Keeper = {
  readonly name: string;
  readonly asks: readonly [string, ...string[]];
  readonly answers: (text: string) => boolean;
  readonly steps: readonly [string, ...string[]];
  readonly worked: (text: string) => boolean;
};

/** chrony steps when told to; timesyncd sets the clock as it starts. */
const KEEPERS: readonly Keeper[] = [
  {
    name: 'chrony',
    asks: ['chronyc', '-c', 'tracking'],
    answers: (text) => readChrony(text) !== null,
    steps: ['chronyc', 'makestep'],
    worked: (text) => /^200 OK/m.test(text),
  },
  {
    name: 'systemd-timesyncd',
    asks: ['timedatectl', 'timesync-status'],
    answers: (text) => readTimesyncd(text, null) !== null,
    steps: ['systemctl', '--no-ask-password', 'restart', 'systemd-timesyncd.service'],
    worked: () => true,
  },
];

export async function syncClock(
  { location_id, clock }: Location,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<ClockSync> {
  const ask = askMachine(variables);
  const keeper = await keeperHere(ask);
  if (keeper === null) {
    const what =
      'neither chrony nor systemd-timesyncd answers here: run one of them, or step the clock by hand';
    return {
      location_id,
      done: false,
      command: null,
      what,
      reading: await readClock(ask, clock, Date.now()),
    };
  }
  const said = await ask(keeper.steps);
  const done = said !== null && keeper.worked(said);
  const words = keeper.steps.filter((word) => word !== '--no-ask-password').join(' ');
  const command = done ? keeper.steps.join(' ') : `sudo ${words}`;
  const what = done
    ? `${keeper.name} was asked to set the clock right`
    : `${keeper.name} does not let this user set the clock`;
  return { location_id, done, command, what, reading: await readClock(ask, clock, Date.now()) };
}

async function keeperHere(ask: Ask): Promise<Keeper | null> {
  for (const keeper of KEEPERS) {
    const text = await ask(keeper.asks);
    if (text !== null && keeper.answers(text)) return keeper;
  }
  return null;
}
