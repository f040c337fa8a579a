/** Text in rows of a width, broken between words; a word that is longer is broken where it has to be. */

/** Narrower than this nothing can be read: then rows are as wide as this. */
const COLUMNS_MIN = 20;

/** At least one row; infinite `columns` give one. */
export function wrapWords(text: string, columns: number): string[] {
  const width = Math.max(columns, COLUMNS_MIN);
  const rows: string[] = [];
  let row = '';
  for (const word of text.split(' ')) {
    const longer = row === '' ? word : `${row} ${word}`;
    if (longer.length <= width) {
      row = longer;
      continue;
    }
    if (row !== '') rows.push(row);
    row = word;
    while (row.length > width) {
      rows.push(row.slice(0, width));
      row = row.slice(width);
    }
  }
  return [...rows, row];
}
