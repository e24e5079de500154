/** Which cells are selected, and where keys lead. Pure: a selection in, a selection out. */
import type { Axis } from './axis';
import { same, type Merges } from './merges';

export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** A rectangle of cells, half-open. */
export interface Area {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/**
 * A range is drawn from its anchor to its corner; what is typed goes to the active cell, which is the anchor until Tab or
 * Enter lead it through the range. `home` is the column in which a run of Tabs began: Enter leads back to it.
 */
export interface Selection {
  readonly anchor: Cell;
  readonly corner: Cell;
  readonly active: Cell;
  readonly home: number | null;
}

export interface Axes {
  readonly rows: Axis;
  readonly columns: Axis;
  readonly merges: Merges;
}

export function select(cell: Cell): Selection {
  return { anchor: cell, corner: cell, active: cell, home: null };
}

export function selectArea(area: Area): Selection {
  const first = { row: area.top, column: area.left };
  return { anchor: first, corner: { row: area.bottom - 1, column: area.right - 1 }, active: first, home: null };
}

/** The same from its last cell on: the first one is active, and brought into sight. */
export function selectAreaFromEnd(area: Area): Selection {
  const { anchor, corner } = selectArea(area);
  return { anchor: corner, corner: anchor, active: anchor, home: null };
}

/** Draws the range's corner to a cell. */
export function extend(selection: Selection, corner: Cell): Selection {
  return { ...selection, corner, active: selection.anchor, home: null };
}

/** What is selected, with all of the merged cells that it touches. */
export function areaOf({ anchor, corner }: Selection, merges: Merges): Area {
  return merges.grown({
    top: Math.min(anchor.row, corner.row),
    left: Math.min(anchor.column, corner.column),
    bottom: Math.max(anchor.row, corner.row) + 1,
    right: Math.max(anchor.column, corner.column) + 1,
  });
}

/** Whether an area is one cell, which may be a merged one. */
export function isSingle(area: Area, merges: Merges): boolean {
  return same(area, merges.around(area.top, area.left));
}

export function holds(area: Area, row: number, column: number): boolean {
  return row >= area.top && row < area.bottom && column >= area.left && column < area.right;
}

/** The common part of two areas; empty ones have no height or width. */
export function clip(area: Area, to: Area): Area {
  const top = Math.max(area.top, to.top);
  const left = Math.max(area.left, to.left);
  return {
    top,
    left,
    bottom: Math.max(Math.min(area.bottom, to.bottom), top),
    right: Math.max(Math.min(area.right, to.right), left),
  };
}

/** Goes to a cell, or draws the range to it; beyond the sheet's ends it stays within them. */
export function go(selection: Selection, to: Cell, extending: boolean, axes: Axes): Selection {
  const cell = {
    row: Math.min(Math.max(to.row, 0), axes.rows.count - 1),
    column: Math.min(Math.max(to.column, 0), axes.columns.count - 1),
  };
  return extending ? extend(selection, cell) : select(first(axes.merges.around(cell.row, cell.column)));
}

/** An arrow key: so many shown cells on from the active cell, or from the corner while extending. */
export function step(selection: Selection, down: number, right: number, extending: boolean, axes: Axes): Selection {
  const from = extending ? selection.corner : selection.active;
  const { top, left, bottom, right: end } = axes.merges.around(from.row, from.column);
  const to = {
    row: down === 0 ? from.row : axes.rows.step(down > 0 ? bottom - 1 : top, down),
    column: right === 0 ? from.column : axes.columns.step(right > 0 ? end - 1 : left, right),
  };
  return go(selection, to, extending, axes);
}

/** Tab (or Shift and Tab): to the next cell; within a range through its cells, line by line, and round. */
export function tab(selection: Selection, by: 1 | -1, axes: Axes): Selection {
  const area = areaOf(selection, axes.merges);
  if (!isSingle(area, axes.merges)) return { ...selection, active: through(selection.active, area, by, 'rows', axes) };
  const next = step(selection, 0, by, false, axes);
  return { ...next, home: selection.home ?? selection.active.column };
}

/** Enter (or Shift and Enter): to the cell below, in the column where Tabs began; within a range down its columns. */
export function enter(selection: Selection, by: 1 | -1, axes: Axes): Selection {
  const area = areaOf(selection, axes.merges);
  if (!isSingle(area, axes.merges)) return { ...selection, active: through(selection.active, area, by, 'columns', axes) };
  const next = step(selection, by, 0, false, axes);
  return selection.home === null ? next : go(next, { row: next.active.row, column: selection.home }, false, axes);
}

function through(from: Cell, area: Area, by: 1 | -1, along: 'rows' | 'columns', axes: Axes): Cell {
  const rows = [axes.rows.place(area.top), axes.rows.place(area.bottom)] as const;
  const columns = [axes.columns.place(area.left), axes.columns.place(area.right)] as const;
  const height = rows[1] - rows[0];
  const width = columns[1] - columns[0];
  if (height <= 0 || width <= 0) return from;
  const down = axes.rows.place(from.row) - rows[0];
  const right = axes.columns.place(from.column) - columns[0];
  const inner = along === 'rows' ? width : height;
  const began = along === 'rows' ? down * width + right : right * height + down;
  for (let steps = 1; steps <= height * width; steps++) {
    const at = (((began + by * steps) % (height * width)) + height * width) % (height * width);
    const [line, place] = [Math.floor(at / inner), at % inner];
    const next = {
      row: axes.rows.index(rows[0] + (along === 'rows' ? line : place)),
      column: axes.columns.index(columns[0] + (along === 'rows' ? place : line)),
    };
    if (!axes.merges.isCovered(next.row, next.column)) return next;
  }
  return from;
}

/** The selection after a cell, a row's number or a column's letters were clicked; a whole row or column is a range. */
export function pick(selection: Selection, on: 'cell' | 'row' | 'column', cell: Cell, extending: boolean, axes: Axes): Selection {
  if (on === 'cell') return go(selection, cell, extending, axes);
  const start = on === 'row' ? { row: cell.row, column: 0 } : { row: 0, column: cell.column };
  const corner =
    on === 'row' ? { row: cell.row, column: axes.columns.count - 1 } : { row: axes.rows.count - 1, column: cell.column };
  return extend(extending ? selection : select(start), corner);
}

/** All cells, or the rows or columns that a selection touches; what is typed goes where it went. */
export function whole(selection: Selection, what: 'all' | 'row' | 'column', axes: Axes): Selection {
  const { top, left, bottom, right } = areaOf(selection, axes.merges);
  const { rows, columns } = { rows: axes.rows.count, columns: axes.columns.count };
  const area = {
    all: { top: 0, left: 0, bottom: rows, right: columns },
    row: { top, bottom, left: 0, right: columns },
    column: { left, right, top: 0, bottom: rows },
  }[what];
  return { ...selectArea(area), active: selection.active };
}

function first({ top, left }: Area): Cell {
  return { row: top, column: left };
}
