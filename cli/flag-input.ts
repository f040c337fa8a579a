/** From flags to the one JSON object that a job takes. */

/** The words of `a,b`; undefined where the flag was left out. */
export function listOf(text: string | undefined): string[] | undefined {
  return text
    ?.split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** The number typed; what is none stays text, for the job's judge to tell of among the other fields. */
export function numberOrText(text: string): number | string {
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value) ? value : text;
}

/** What was typed; what was not is left out. */
export function givenOf(
  flags: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}
