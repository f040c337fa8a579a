/**
 * Waiting for what other processes do: a condition decides, never a length of time. The one bound is there
 * to end a test that would hang, so it is far beyond what a loaded machine takes.
 */
const PATIENCE_MS = 90_000;
const LOOK_MS = 20;

/** Asks until it gives something, and gives that. */
export async function until<T>(
  what: string,
  holds: () => Promise<T | null | undefined | false> | T | null | undefined | false,
): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const held = await holds();
    if (held !== null && held !== undefined && held !== false) return held;
    if (performance.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Looks until what it sees is as wanted, gives that, and says what was there when it never was. */
export async function seen<T>(look: () => Promise<T> | T, wanted: (it: T) => boolean): Promise<T> {
  let last: T | null = null;
  try {
    await until('seen as wanted', async () => wanted((last = await look())));
  } catch (cause) {
    throw new Error(`never came: ${JSON.stringify(last, null, 1)}`, { cause });
  }
  return last as T;
}
