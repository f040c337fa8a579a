/** What another process has used of the processors, as Linux counts it. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';

/** In ns, of all its threads that live; 0 of a process that has ended. */
export function processorTime(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return 0;
  let ns = 0;
  for (const task of readdirSync(tasks)) {
    ns += Number(readFileSync(`${tasks}/${task}/schedstat`, 'latin1').split(' ')[0]);
  }
  return ns;
}
