/** `ssmd` in this process: one command line, what it printed, and its exit code. */
import { runCommandLine } from '../../cli/main.ts';
import { createOutput } from '../../cli/output.ts';
import { projectRoot } from './project.ts';

export type Ran = { readonly code: number; readonly out: string; readonly err: string };

export type RunOptions = {
  /** The project's folder, where `.ssmd` is looked for. */
  readonly root?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly interrupted?: AbortSignal;
  /** Hears what is written to stderr, as it is written. */
  readonly heard?: (text: string) => void;
};

/** Runs to the end; no terminal, so plain lines. */
export async function ssmd(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const env = options.env ?? { PATH: process.env['PATH'] };
  const output = createOutput({
    stdout: { write: (text) => out.push(text) },
    stderr: {
      write: (text) => {
        err.push(text);
        options.heard?.(text);
      },
    },
    env,
  });
  const code = await runCommandLine(args, {
    root: options.root ?? projectRoot,
    env,
    output,
    interrupted: options.interrupted ?? new AbortController().signal,
  });
  return { code, out: out.join(''), err: err.join('') };
}
