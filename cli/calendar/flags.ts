/** What `ssmd calendar` takes on the command line. */
import { InvalidArgumentError } from 'commander';
import { parseDate } from '../../calendars/civil.ts';
import { SESSION_KINDS } from '../../calendars/spec.ts';
import type { SessionKind } from '../../calendars/spec.ts';
import { suggestion } from '../../schema/near-miss.ts';
import { parseIso, parseUnixNs } from '../../schema/time.ts';
import type { UnixNs } from '../../schema/time.ts';

export type YearFlags = { readonly year?: number; readonly json?: boolean };

export type AtFlags = {
  readonly at?: UnixNs;
  readonly kinds?: readonly SessionKind[];
  readonly json?: boolean;
};

export type SessionFlags = YearFlags & {
  readonly date?: string;
  readonly from?: string;
  readonly to?: string;
  readonly kinds?: readonly SessionKind[];
};

/** An instant, never a time without a zone: that would be right in one place only. */
export function parseAt(text: string): UnixNs {
  const at = parseIso(text) ?? parseUnixNs(text);
  if (at !== null) return at;
  const hint = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? '; it needs a zone: Z or -05:00' : '';
  throw new InvalidArgumentError(`'${text}' is not an instant such as 2025-07-03T17:30:00Z${hint}`);
}

export function parseDateFlag(text: string): string {
  if (parseDate(text) !== null) return text;
  throw new InvalidArgumentError(`'${text}' is not a date such as 2025-07-03`);
}

export function parseYear(text: string): number {
  if (/^(19|20|21)\d\d$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`'${text}' is not a year such as 2025`);
}

export function parseKinds(text: string): readonly SessionKind[] {
  return text.split(',').map((word) => {
    const kind = SESSION_KINDS.find((it) => it === word.trim());
    if (kind !== undefined) return kind;
    throw new InvalidArgumentError(
      `'${word}' is no kind of session (${suggestion(word, SESSION_KINDS)})`,
    );
  });
}
