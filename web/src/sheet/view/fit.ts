/** How large a line must be for what its cells show. */
import type { Rows } from '../book/rows';
import type { Dimension } from './Hidden';

/** What a cell has besides its text: its padding and border. As in the style sheet. */
const MARGIN = 18;
const LINE_HEIGHT = 18;
const LARGEST = 1000;

/** Rows that are measured at most: of a longer sheet the first ones. */
export const MEASURED = 10_000;

/** The pixels that the longest text of a column takes, or the tallest of a row; null where all cells are empty. */
export function fitting(dimension: Dimension, index: number, rows: Rows, end: number, font: string): number | null {
  if (dimension === 'ROWS') {
    const tall = Object.values(rows.at(index)[1]).map(([shown, , , look]) => shown.split('\n').length * (look?.size ?? 1));
    return tall.length === 0 ? null : Math.ceil(Math.max(...tall) * LINE_HEIGHT + 8);
  }
  const context = document.createElement('canvas').getContext('2d');
  if (context === null) return null;
  let widest = 0;
  for (let row = 0; row < end; row++) {
    const [shown = '', , , look] = rows.at(row)[1][String(index)] ?? [];
    if (shown === '') continue;
    context.font = look?.bold === true ? `bold ${font}` : font;
    for (const line of shown.split('\n')) widest = Math.max(widest, context.measureText(line).width * (look?.size ?? 1));
  }
  return widest === 0 ? null : Math.min(Math.ceil(widest) + MARGIN, LARGEST);
}
