import { useState } from 'react';
import { select, type Cell, type Selection } from '../core/selection';

interface State {
  readonly selection: Selection;
  /** The cell to scroll to; a new object whenever it is to be scrolled to. */
  readonly reveal: Cell | null;
}

/** The selected cells, and which of them must come into sight. */
export function useSelection() {
  const [state, setState] = useState<State>({ selection: select({ row: 0, column: 0 }), reveal: null });
  return {
    ...state,
    /** Selects, and scrolls to the end of the range that moved. */
    show: (selection: Selection): void => {
      const moved = selection.active === selection.anchor ? selection.corner : selection.active;
      setState({ selection, reveal: { ...moved } });
    },
    /** Selects what is in sight already, or all. */
    mark: (selection: Selection): void => {
      setState({ selection, reveal: null });
    },
  };
}
