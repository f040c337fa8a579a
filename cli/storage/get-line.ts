/** How to have an object as a file. */
import { shellWord } from '../shell-word.ts';

/** The line that fetches an object, in the words of the environment the command was given. */
export function getLine(key: string, env?: string): string {
  return `npx ssmd storage get ${shellWord(key)}${env === undefined ? '' : ` --env ${env}`}`;
}
