/**
 * How long the histories of a run are, from its first to the last it went on as, held against what the
 * server puts up with (its defaults, `limit.historyCount.*` and `limit.historySize.*`, v1.31).
 */
import assert from 'node:assert/strict';
import type { Client, WorkflowHandle } from '@temporalio/client';

/** From here on the server suggests going on as a new run. */
export const SUGGESTED_EVENTS = 4_096;
export const SUGGESTED_BYTES = 4 * 1_048_576;
/** From here on it warns; at five times as much it ends the run. */
const WARN_EVENTS = 10_240;
const WARN_BYTES = 10 * 1_048_576;
/** Of one input or result, from here on it warns; at four times as much it ends the run. */
const PAYLOAD_WARN_BYTES = 512 * 1_024;

export type RunFigures = {
  readonly status: string;
  readonly events: number;
  readonly bytes: number;
  /** Of what it was given. */
  readonly input_bytes: number;
};

/** Every run of an id, in order, from `first_run`. */
export async function figuresOf(
  client: Client,
  id: string,
  first_run: string,
): Promise<RunFigures[]> {
  const found: RunFigures[] = [];
  for (let run: string | null | undefined = first_run; run;) {
    const handle: WorkflowHandle = client.workflow.getHandle(id, run);
    const { status, historyLength, raw } = await handle.describe();
    const { events } = await handle.fetchHistory();
    const payloads = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    found.push({
      status: status.name,
      events: historyLength,
      bytes: Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0),
      input_bytes: payloads.reduce((sum, { data }) => sum + (data?.length ?? 0), 0),
    });
    run = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  return found;
}

/** Within what the server warns of, by a margin that a longer range does not use up. */
export function holdFigures(figures: readonly RunFigures[], name: string): void {
  for (const { events, bytes, input_bytes } of figures) {
    assert.ok(events > 0 && bytes > 0, `${name}: the server told no figures`);
    assert.ok(events < SUGGESTED_EVENTS && events < WARN_EVENTS / 2, `${name}: ${events} events`);
    assert.ok(bytes < SUGGESTED_BYTES && bytes < WARN_BYTES / 2, `${name}: ${bytes} bytes`);
    assert.ok(input_bytes < PAYLOAD_WARN_BYTES / 2, `${name}: ${input_bytes} bytes of input`);
  }
}

/** In words for a reader. */
export function figureWords(figures: readonly RunFigures[]): string {
  return figures.map(({ events, bytes }) => `${events} events of ${bytes} bytes`).join(', then ');
}
