/** From flags to the one JSON object that a job takes. */

/** The words of `a,b`; undefined where the flag was left out. */
export function listOf(text: string | undefined): string[] | undefined {
  return text
    ?.split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** What was typed; what was not is left out. */
export function givenOf(
  flags: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}
