/**
 * Which processes of this host live: how the log that a killed connector left is told from that of one
 * that runs. An argument, so that a model of a host can have many of them in one real process.
 */
import { readFileSync, readlinkSync } from 'node:fs';

/** A process: its id and when it started, since ids are used again. */
export type HostProcess = {
  readonly pid: number;
  readonly started: string;
  /** Of process ids: two containers that share a folder are both process 1 of their own. */
  readonly namespace: string;
};

export type HostProcesses = {
  readonly self: () => HostProcess;
  /** `unseen`: of another namespace; nothing here can tell. */
  readonly look: (process: HostProcess) => 'self' | 'alive' | 'dead' | 'unseen';
};

/** The processes this one can see. */
export const systemProcesses: HostProcesses = {
  self: () => hostProcess(process.pid),
  look({ pid, started, namespace }) {
    if (namespace !== pidNamespace()) return 'unseen';
    if (pid === process.pid) return 'self';
    try {
      process.kill(pid, 0);
    } catch (error) {
      const others = error instanceof Error && 'code' in error && error.code === 'EPERM';
      return others ? 'alive' : 'dead';
    }
    return processStart(pid) === started ? 'alive' : 'dead';
  },
};

/** A process that this one can see, by its id. */
export function hostProcess(pid: number): HostProcess {
  return { pid, started: processStart(pid), namespace: pidNamespace() };
}

/** Linux: boot and start time of a process in ticks; elsewhere '' and the id alone has to do. */
function processStart(pid: number): string {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${line.slice(line.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return '';
  }
}

/** Linux: names the set of processes whose ids can be compared; elsewhere there is one. */
function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
