/** What is typed next means the environment that this command line named. */
import type { CliContext } from './command.ts';
import { shellWord } from './shell-word.ts';

/** `NAME` of `--env NAME` or `--env=NAME`; undefined where it is not there. */
export function envNamed(args: readonly string[]): string | undefined {
  const at = args.findLastIndex((it) => it === '--env' || it.startsWith('--env='));
  const word = args[at];
  return word === '--env' ? args[at + 1] : word?.slice('--env='.length);
}

/** ` --env NAME`, to put behind a command that is shown; nothing where none was named. */
export function sameEnv({ env_named }: Pick<CliContext, 'env_named'>): string {
  return env_named === undefined ? '' : ` --env ${shellWord(env_named)}`;
}
