/** What is made of changes: marks on cells that somebody else changed, from when the change is shown until it has faded. */
import type { SheetShift } from '../core/shifts';
import type { Change } from './protocol';

/** As long as the animation in the style sheet. */
export const FLASH_MS = 2500;

export interface Flash {
  readonly id: number;
  readonly row: number;
  readonly column: number;
  /** Who did it, on the first cell of a change. */
  readonly by: string | null;
}

export interface Activity {
  readonly by: string;
  readonly version: number;
  readonly cells: readonly (readonly [row: number, column: number])[];
}

/** What of some changes by others is to be seen in a worksheet. */
export function activities(changes: readonly Change[], sheet: number, page: string): Activity[] {
  return changes
    .filter((change) => !isOwn(change, page))
    .map(({ by, version, sheets }) => ({ by, version, cells: sheets[String(sheet)] ?? [] }))
    .filter(({ cells }) => cells.length > 0);
}

/** What became of rows and columns. */
export function shiftsOf(changes: readonly Change[], page: string): SheetShift[] {
  return changes.flatMap((change) =>
    Object.entries(change.shifts).flatMap(([sheet, shifts]) =>
      shifts.map((shift) => ({ sheet: Number(sheet), own: isOwn(change, page), shift })),
    ),
  );
}

function isOwn(change: Change, page: string): boolean {
  return change.page !== '' && change.page === page;
}

/** A name short enough for a mark: of an address what stands before the @. */
export function shortName(by: string): string {
  return by.split('@')[0] ?? by;
}
