/** Where cells are on the page, in pixels. */
import { area as areaFrom, type SheetFacts } from '../book/protocol';
import { Axis } from '../core/axis';
import { Merges } from '../core/merges';
import type { Area, Axes, Cell } from '../core/selection';

/** As `--head` and `--head-width` in the style sheet. */
export const HEAD_HEIGHT = 26;
export const HEAD_WIDTH = 52;
/** A little more than Google's 21, so that a finger hits a row. */
const ROW_HEIGHT = 26;
const COLUMN_WIDTH = 100;

export interface Geometry extends Axes {
  /** Rows at the top, and columns at the left, that stay in sight: how many are shown of them. */
  readonly frozen: { readonly rows: number; readonly columns: number };
  /** How far those reach, heads included: what scrolls begins there. */
  readonly head: { readonly height: number; readonly width: number };
  /** Of rows with merged cells, by column: what the first one takes, and null for the others. */
  readonly spans: ReadonlyMap<number, ReadonlyMap<number, Span | null>>;
}

/** What a merged cell takes, in pixels and in lines. */
export interface Span {
  readonly width: number;
  readonly height: number;
  readonly rows: number;
  readonly columns: number;
}

export function geometry(facts: SheetFacts): Geometry {
  const described = Object.entries(facts.columns);
  const hidden = described.filter(([, { hidden }]) => hidden).map(([index]) => Number(index));
  const odd = described.flatMap(([index, { pixels }]) => (pixels === null ? [] : [[Number(index), pixels] as const]));
  const tall = facts.rowPixels.flatMap(([first, count, pixels]) =>
    Array.from({ length: count }, (_, place) => [first + place, pixels] as const),
  );
  const rows = new Axis(facts.rowCount, ROW_HEIGHT, facts.hiddenRows, new Map(tall));
  const columns = new Axis(facts.columnCount, COLUMN_WIDTH, hidden.sort((a, b) => a - b), new Map(odd));
  const frozen = { rows: rows.place(facts.frozenRows), columns: columns.place(facts.frozenColumns) };
  const merges = new Merges(facts.merges.map(areaFrom));
  return {
    rows,
    columns,
    merges,
    spans: spansOf(merges.areas, rows, columns),
    frozen,
    head: { height: HEAD_HEIGHT + rows.offset(frozen.rows), width: HEAD_WIDTH + columns.offset(frozen.columns) },
  };
}

function spansOf(areas: readonly Area[], rows: Axis, columns: Axis): Map<number, Map<number, Span | null>> {
  const spans = new Map<number, Map<number, Span | null>>();
  const length = (axis: Axis, from: number, to: number) => axis.offset(axis.place(to)) - axis.offset(axis.place(from));
  for (const { top, left, bottom, right } of areas) {
    for (let row = top; row < bottom; row++) {
      const line = spans.get(row) ?? new Map<number, Span | null>();
      for (let column = left; column < right; column++) line.set(column, null);
      spans.set(row, line);
    }
    const size = { width: length(columns, left, right), height: length(rows, top, bottom) };
    spans.get(top)?.set(left, { ...size, rows: bottom - top, columns: right - left });
  }
  return spans;
}

export type Hit =
  | { readonly on: 'cell' | 'row' | 'column'; readonly cell: Cell }
  | { readonly on: 'corner' };

/** What is at a point of the viewport, whose content is scrolled by `left` and `top`. */
export function hit(x: number, y: number, scroll: { readonly left: number; readonly top: number }, at: Geometry): Hit {
  const across = x - HEAD_WIDTH + (x < at.head.width ? 0 : scroll.left);
  const down = y - HEAD_HEIGHT + (y < at.head.height ? 0 : scroll.top);
  const column = at.columns.index(at.columns.placeAt(Math.max(across, 0)));
  const row = at.rows.index(at.rows.placeAt(Math.max(down, 0)));
  if (y < HEAD_HEIGHT) return x < HEAD_WIDTH ? { on: 'corner' } : { on: 'column', cell: { row: 0, column } };
  return { on: x < HEAD_WIDTH ? 'row' : 'cell', cell: { row, column } };
}

/** A part of the sheet that scrolls, or stays, as one: places of shown rows and columns, half-open. */
export type Pane = Area;

export interface Box {
  readonly insetBlockStart: number;
  readonly blockSize: number;
  readonly insetInlineStart: number;
  readonly inlineSize: number;
}

/** Where an area is drawn in a pane, from the pane's first row and the sheet's left edge on; null where it isn't. */
export function boxOf(area: Area, { rows, columns }: Geometry, pane: Pane): Box | null {
  const top = Math.max(rows.place(area.top), pane.top);
  const bottom = Math.min(rows.place(area.bottom), pane.bottom);
  const left = Math.max(columns.place(area.left), pane.left);
  const right = Math.min(columns.place(area.right), pane.right);
  if (top >= bottom || left >= right) return null;
  const [from, begin] = [rows.offset(top), columns.offset(left)];
  return {
    insetBlockStart: from - rows.offset(pane.top),
    blockSize: rows.offset(bottom) - from,
    insetInlineStart: HEAD_WIDTH + begin,
    inlineSize: columns.offset(right) - begin,
  };
}
