/** What the project's pages say, in pieces that tests can hold against the code. */
import { projectFiles, readProjectFile } from './project.ts';

/** A line that a page tells its reader to type, `\` continued lines joined. */
export type PrintedCommand = { readonly page: string; readonly line: string };

/** Pages for people: the README, what lies beside it, and `docs`. */
export const PAGES: readonly string[] = projectFiles().filter((path) =>
  /^(README|CONTRIBUTING|CHANGELOG)\.md$|^docs\/.*\.md$/.test(path),
);

/** Inline code of a text, fenced blocks left out. */
export function codeWords(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```[\s\S]*?^```/gm, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '');
}

/** Lines of the fenced `sh` blocks, and inline code that begins like a command. */
export function commandsIn(page: string, markdown: string): PrintedCommand[] {
  const fenced = [...markdown.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap((match) =>
    (match[1] ?? '').replaceAll(/\\\n\s*/g, '').split('\n'),
  );
  const inline = codeWords(markdown).filter((word) => /^(npx ssmd|npm) \S/.test(word));
  return [...fenced, ...inline]
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => ({ page, line }));
}

/** Every command of every page. */
export function printedCommands(): PrintedCommand[] {
  return PAGES.flatMap((page) => commandsIn(page, readProjectFile(page)));
}

/** A shell line as its words: spaces part them, single and double quotes keep them together. */
export function words(line: string): string[] {
  const parts = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  return parts.map((part) => part.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}

/** First cells of the rows below a heading line of a table, as inline code. */
export function firstCells(markdown: string, heading: string): string[] {
  const after = markdown.split('\n');
  const at = after.findIndex((line) => line.replaceAll(/\s+/g, ' ').startsWith(heading));
  const rows: string[] = [];
  for (const line of at < 0 ? [] : after.slice(at + 2)) {
    if (!line.startsWith('|')) break;
    rows.push(line.split('|')[1] ?? '');
  }
  return rows.flatMap((cell) => codeWords(cell));
}

/** The part of a page below a heading, up to the next of its level or above. */
export function section(markdown: string, heading: string): string {
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const lines = markdown.split('\n');
  const from = lines.indexOf(heading);
  if (from < 0) return '';
  const rest = lines.slice(from + 1);
  const to = rest.findIndex((line) => new RegExp(`^#{1,${level}} `).test(line));
  return rest.slice(0, to < 0 ? rest.length : to).join('\n');
}

/** Names in `found` and not in `known`. */
export function beyond(found: Iterable<string>, known: Iterable<string>): string[] {
  const set = new Set(known);
  return [...new Set(found)].filter((name) => !set.has(name)).toSorted();
}
