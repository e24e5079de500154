import { useState } from 'react';
import type { Book } from '../book/book';
import type { Cell } from '../core/selection';

export interface Draft {
  readonly text: string;
  readonly sheet: number;
  readonly cell: Cell;
  /** Of the row when the edit began: what is typed goes to that row, wherever others move it meanwhile. */
  readonly uid: number;
  /** Begun by typing: then arrows end it. Begun by F2 or a double click they move the caret; F2 changes it. */
  readonly typed: boolean;
}

/** The text that is being typed into a cell, in the cell or in the formula bar. It goes with its worksheet. */
export function useDraft(book: Book) {
  const [state, setDraft] = useState<Draft | null>(null);
  const draft = state?.sheet === book.view.facts?.sheet ? state : null;
  return {
    draft,
    begin: (cell: Cell, text: string, typed: boolean): void => {
      const { facts, rows } = book.view;
      if (facts !== null) setDraft({ text, sheet: facts.sheet, cell, uid: rows.at(cell.row)[0], typed });
    },
    change: (text: string): void => {
      setDraft((now) => now && { ...now, text });
    },
    /** Lets arrows move the caret, or end it again. */
    turn: (): void => {
      setDraft((now) => now && { ...now, typed: !now.typed });
    },
    cancel: (): void => {
      setDraft(null);
    },
    /** Types it, where it differs from what is there. */
    commit: (): void => {
      setDraft(null);
      if (draft !== null && draft.text !== book.entered(draft.cell)) book.type(draft.cell, [[draft.text]], draft.uid);
    },
  };
}
