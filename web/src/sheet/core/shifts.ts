/** Where cells are after rows or columns were inserted, deleted or moved. Pure arithmetic, as the sandbox's own. */
import type { Area, Cell, Selection } from './selection';

interface Shifted {
  readonly dimension: 'ROWS' | 'COLUMNS';
  /** So many rows or columns there were until then. */
  readonly size: number;
  readonly at: number;
  readonly count: number;
}

/** What became of whole rows or columns; those that moved went to stand before what was `to`. */
export type Shift = Shifted & ({ readonly did: 'insert' | 'delete' } | { readonly did: 'move'; readonly to: number });

/** From the first line to the one after the last. */
type Span = readonly [first: number, end: number];

/** Grown by what is inserted inside of it, shrunk by what is deleted; null where all of it is gone. */
function spanAfter([first, end]: Span, shift: Shift): Span | null {
  const { at, count } = shift;
  switch (shift.did) {
    case 'insert':
      return [first >= at ? first + count : first, end > at ? end + count : end];
    case 'delete': {
      const edge = (place: number) => (place <= at ? place : Math.max(at, place - count));
      return edge(first) < edge(end) ? [edge(first), edge(end)] : null;
    }
    case 'move': {
      const target = shift.to <= at ? shift.to : shift.to - count;
      if (first >= at && end <= at + count) return [first + target - at, end + target - at];
      const rest = spanAfter([first, end], { ...shift, did: 'delete' });
      return rest && spanAfter(rest, { ...shift, did: 'insert', at: target });
    }
  }
}

function sizeAfter({ did, size, count }: Shift): number {
  if (did === 'move') return size;
  return did === 'insert' ? size + count : size - count;
}

export function areaAfter(area: Area, shift: Shift): Area | null {
  if (shift.dimension === 'ROWS') {
    const span = spanAfter([area.top, area.bottom], shift);
    return span && { ...area, top: span[0], bottom: span[1] };
  }
  const span = spanAfter([area.left, area.right], shift);
  return span && { ...area, left: span[0], right: span[1] };
}

export function cellAfter({ row, column }: Cell, shift: Shift): Cell | null {
  const after = areaAfter({ top: row, left: column, bottom: row + 1, right: column + 1 }, shift);
  return after && { row: after.top, column: after.left };
}

/** It follows its cells. Where all of them are gone it stays at its place, as far as the sheet goes. */
export function selectionAfter(selection: Selection, shift: Shift): Selection {
  const { anchor, corner, active, home } = selection;
  const along = shift.dimension === 'ROWS' ? 'row' : 'column';
  const [from, to] = [anchor[along], corner[along]];
  const span: Span = [Math.min(from, to), Math.max(from, to) + 1];
  const size = sizeAfter(shift);
  // Whole rows and columns stay whole.
  const whole = span[0] === 0 && span[1] === shift.size && shift.size > 1;
  const [first, end] = whole ? [0, size] : (spanAfter(span, shift) ?? within(span, size));
  const last = end - 1;
  const at = (cell: Cell, place: number): Cell => ({ ...cell, [along]: place });
  const newAnchor = at(anchor, from <= to ? first : last);
  const moved = cellAfter(active, shift) ?? active;
  const newHome = home === null || along === 'row' ? home : (spanAfter([home, home + 1], shift)?.[0] ?? null);
  return {
    anchor: newAnchor,
    corner: corner === anchor ? newAnchor : at(corner, from <= to ? last : first),
    active: active === anchor ? newAnchor : at(moved, Math.min(Math.max(moved[along], first), last)),
    home: newHome,
  };
}

function within([first, end]: Span, size: number): Span {
  return [Math.min(first, size - 1), Math.min(end, size)];
}

/** A shift of one of the worksheets. */
export interface SheetShift {
  readonly sheet: number;
  /** By this page's own edit. */
  readonly own: boolean;
  readonly shift: Shift;
}

const KEPT = 10_000;

/** What has become of rows and columns while the page was open, oldest first. Immutable. */
export class Shifts {
  readonly #entries: readonly SheetShift[];
  /** So many there have been: who keeps a place, keeps it with this number, and asks what came `since`. */
  readonly count: number;

  constructor(entries: readonly SheetShift[] = [], count = entries.length) {
    this.#entries = entries;
    this.count = count;
  }

  with(more: readonly SheetShift[]): Shifts {
    return more.length === 0 ? this : new Shifts([...this.#entries, ...more].slice(-KEPT), this.count + more.length);
  }

  since(count: number, sheet: number): SheetShift[] {
    const past = this.#entries.length - (this.count - count);
    return this.#entries.slice(Math.max(past, 0)).filter((entry) => entry.sheet === sheet);
  }
}
