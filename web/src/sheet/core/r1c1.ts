/** Formulas as Google Sheets puts them on the clipboard: their references say how far away they lead. */
import { columnLetters } from './names';

const QUOTED = /"(?:[^"]|"")*"|'(?:[^']|'')*'/g;
const TOKEN = /"(?:[^"]|"")*"|'(?:[^']|'')*'|(?<![\w.])R(\[-?\d+\]|\d+)C(\[-?\d+\]|\d+)(?![\w(])/g;

/**
 * The formula in a cell's own notation, as `=R[0]C[-1]*2` in B1 is `=A1*2`; null where it has references of other
 * kinds, such as to whole columns. A reference that leads out of the sheet is `#REF!`.
 */
export function formulaAt(formula: string, row: number, column: number): string | null {
  const found = formula.replace(TOKEN, (whole: string, down?: string, right?: string) => {
    if (down === undefined || right === undefined) return whole;
    const [toRow, fixedRow] = resolve(down, row);
    const [toColumn, fixedColumn] = resolve(right, column);
    if (toRow < 0 || toColumn < 0) return '#REF!';
    return `${fixedColumn}${columnLetters(toColumn)}${fixedRow}${String(toRow + 1)}`;
  });
  return /(?<![\w.])[RC]\[/.test(found.replace(QUOTED, '')) ? null : found;
}

function resolve(part: string, from: number): readonly [index: number, fixed: '$' | ''] {
  return part.startsWith('[') ? [from + Number(part.slice(1, -1)), ''] : [Number(part) - 1, '$'];
}
