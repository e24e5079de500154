import { useState } from 'react';
import { select, type Selection } from '../core/selection';

interface State {
  readonly selection: Selection;
  readonly reveal: Reveal | null;
}

/** The row and column to scroll to; a new object whenever they are to be scrolled to. Null: it stays as it is. */
export interface Reveal {
  readonly row: number | null;
  readonly column: number | null;
}

const START: State = { selection: select({ row: 0, column: 0 }), reveal: null };

/** The selected cells of a worksheet, and which of them must come into sight. Each worksheet keeps its own. */
export function useSelection(sheet: number | undefined) {
  const [states, setStates] = useState<ReadonlyMap<number, State>>(new Map());
  const keep = (state: State, of = sheet) => {
    if (of !== undefined) setStates((now) => new Map(now).set(of, state));
  };
  const state = (sheet === undefined ? undefined : states.get(sheet)) ?? START;
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
