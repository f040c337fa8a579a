/** Types of test-tools.mjs, which is plain JavaScript so that any Node runs it. */
export function ensureTestTools(
  env: Readonly<Record<string, string | undefined>>,
  log: (text: string) => void,
): {
  readonly folder: string;
  readonly missing: readonly { readonly name: string; readonly why: string }[];
};
