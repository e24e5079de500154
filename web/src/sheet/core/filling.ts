/** Where the handle at a selection's corner leads. */
import type { Area, Cell } from './selection';

export interface Filling {
  readonly dimension: 'ROWS' | 'COLUMNS';
  /** So many rows or columns on; back where negative. */
  readonly length: number;
  /** The cells that are filled. */
  readonly area: Area;
}

/** What is filled when the handle is let go over a cell: along the side on which that is farther away; null within. */
export function fillingTo(selected: Area, { row, column }: Cell): Filling | null {
  const down = beyond(row, selected.top, selected.bottom);
  const right = beyond(column, selected.left, selected.right);
  if (down === 0 && right === 0) return null;
  if (Math.abs(down) >= Math.abs(right)) {
    const [top, bottom] = down > 0 ? [selected.bottom, row + 1] : [row, selected.top];
    return { dimension: 'ROWS', length: down, area: { ...selected, top, bottom } };
  }
  const [left, end] = right > 0 ? [selected.right, column + 1] : [column, selected.left];
  return { dimension: 'COLUMNS', length: right, area: { ...selected, left, right: end } };
}

function beyond(at: number, first: number, end: number): number {
  if (at >= end) return at - end + 1;
  return Math.min(at - first, 0);
}
