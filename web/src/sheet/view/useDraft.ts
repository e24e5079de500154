import { useState } from 'react';
import type { Book } from '../book/book';
import type { Cell } from '../core/selection';
import { cellAfter } from '../core/shifts';

export interface Draft {
  readonly text: string;
  readonly sheet: number;
  readonly cell: Cell;
  /** Of the row when the edit began: what is typed goes to that row, wherever others move it meanwhile. */
  readonly uid: number;
  /** Begun by typing: then arrows end it. Begun by F2 or a double click they move the caret; F2 changes it. */
  readonly typed: boolean;
}

interface Kept extends Draft {
  /** So many shifts of rows and columns there had been when it began. */
  readonly followed: number;
}

const GONE = 'Somebody deleted that cell meanwhile: what you typed has no place any more.';

/** The text that is being typed into a cell, in the cell or in the formula bar. It goes with its worksheet and its cell. */
export function useDraft(book: Book) {
  const [state, setDraft] = useState<Kept | null>(null);
  const kept = state?.sheet === book.view.facts?.sheet ? state : null;
  const cell = kept && cellNow(kept, book);
  const draft: Draft | null = kept && { ...kept, cell: cell ?? kept.cell };
  return {
    draft,
    begin: (cell: Cell, text: string, typed: boolean): void => {
      const { facts, rows, shifts } = book.view;
      if (facts === null) return;
      setDraft({ text, sheet: facts.sheet, cell, uid: rows.at(cell.row)[0], typed, followed: shifts.count });
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
      if (draft === null) return;
      if (cell === null) book.say(GONE, true);
      else if (draft.text !== book.entered(cell)) book.type(cell, [[draft.text]], draft.uid);
    },
  };
}

function cellNow({ cell, sheet, followed }: Kept, book: Book): Cell | null {
  const shifts = book.view.shifts.since(followed, sheet);
  return shifts.reduce<Cell | null>((now, { shift }) => now && cellAfter(now, shift), cell);
}
