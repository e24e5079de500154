/** Where cells are on the page, in pixels. */
import { Axis } from '../core/axis';
import type { Axes, Cell } from '../core/selection';
import type { SheetFacts } from '../book/protocol';

/** As `--row` and `--head` in the style sheet. */
export const ROW_HEIGHT = 26;
export const HEAD_HEIGHT = 26;
export const HEAD_WIDTH = 52;
const COLUMN_WIDTH = 110;

export interface Geometry extends Axes {
  /** Rows that stay in sight at the top: how many are shown of them. */
  readonly frozen: number;
}

export function geometry(facts: SheetFacts): Geometry {
  const columns = Object.entries(facts.columns);
  const hidden = columns.filter(([, { hidden }]) => hidden).map(([index]) => Number(index));
  const odd = columns.flatMap(([index, { pixels }]) => (pixels === null ? [] : [[Number(index), pixels] as const]));
  const rows = new Axis(facts.rowCount, ROW_HEIGHT, facts.hiddenRows);
  return {
    rows,
    columns: new Axis(facts.columnCount, COLUMN_WIDTH, hidden.sort((a, b) => a - b), new Map(odd)),
    frozen: rows.place(Math.min(facts.frozenRows, facts.rowCount)),
  };
}

export type Hit =
  | { readonly on: 'cell' | 'row' | 'column'; readonly cell: Cell }
  | { readonly on: 'corner' };

/** What is at a point of the viewport, whose content is scrolled by `left` and `top`. */
export function hit(x: number, y: number, scroll: { readonly left: number; readonly top: number }, at: Geometry): Hit {
  const column = at.columns.index(at.columns.placeAt(Math.max(x - HEAD_WIDTH + scroll.left, 0)));
  const inHead = y - HEAD_HEIGHT;
  const down = inHead < at.frozen * ROW_HEIGHT ? inHead : inHead + scroll.top;
  const row = at.rows.index(at.rows.placeAt(Math.max(down, 0)));
  if (y < HEAD_HEIGHT) return x < HEAD_WIDTH ? { on: 'corner' } : { on: 'column', cell: { row: 0, column } };
  return { on: x < HEAD_WIDTH ? 'row' : 'cell', cell: { row, column } };
}
