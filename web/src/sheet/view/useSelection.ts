import { useMemo, useState } from 'react';
import { select, type Selection } from '../core/selection';
import { selectionAfter, type Shifts } from '../core/shifts';

interface State {
  readonly selection: Selection;
  readonly reveal: Reveal | null;
  /** So many shifts of rows and columns it has followed. */
  readonly followed: number;
}

/** The row and column to scroll to; a new object whenever they are to be scrolled to. Null: it stays as it is. */
export interface Reveal {
  readonly row: number | null;
  readonly column: number | null;
}

const START = { selection: select({ row: 0, column: 0 }), reveal: null };

/**
 * The selected cells of a worksheet, and which of them must come into sight. Each worksheet keeps its own. They follow
 * rows and columns that others insert, delete or move; after one's own edit they are what it has left selected.
 */
export function useSelection(sheet: number | undefined, shifts: Shifts) {
  const [states, setStates] = useState<ReadonlyMap<number, State>>(new Map());
  const keep = (state: Omit<State, 'followed'>, of = sheet) => {
    if (of !== undefined) setStates((now) => new Map(now).set(of, { ...state, followed: shifts.count }));
  };
  const kept = sheet === undefined ? undefined : states.get(sheet);
  // A worksheet begins at A1 when it is opened, whatever became of its rows before.
  if (sheet !== undefined && kept === undefined) keep(START);
  const state = useMemo(() => {
    if (sheet === undefined || kept === undefined) return START;
    const selection = shifts
      .since(kept.followed, sheet)
      .filter(({ own }) => !own)
      .reduce((now, { shift }) => selectionAfter(now, shift), kept.selection);
    return { selection, reveal: kept.reveal };
  }, [sheet, kept, shifts]);
  return {
    ...state,
    /** Selects, and scrolls to the end of the range that moved. */
    show: (selection: Selection, of = sheet): void => {
      const { anchor, active, corner } = selection;
      const moved = active === anchor ? corner : active;
      const was = moved !== anchor && anchor === state.selection.anchor ? state.selection.corner : null;
      // One more column of whole ones leads to no row, and the other way round.
      const reveal = {
        row: moved.row === was?.row ? null : moved.row,
        column: moved.column === was?.column ? null : moved.column,
      };
      keep({ selection, reveal }, of);
    },
    /** Selects a range, and scrolls to where it begins. */
    showStart: (selection: Selection): void => {
      keep({ selection, reveal: { ...selection.anchor } });
    },
    /** Selects what is in sight already, or all. */
    mark: (selection: Selection): void => {
      keep({ selection, reveal: null });
    },
  };
}
