/** What was typed and isn't in the answers of the sandbox yet, so that a page shows it at once. */
import type { Edit } from './protocol';

interface Typed {
  readonly sheet: number;
  readonly row: number;
  readonly column: number;
  readonly values: readonly (readonly string[])[];
}

/** The texts of one worksheet's cells by row and column. */
export type Pending = ReadonlyMap<number, ReadonlyMap<number, string>>;

/** `edits` in the order in which they were made; of those that clear or paste cells nothing is shown beforehand. */
export function pendingOf(edits: readonly Edit[], sheet: number): Pending {
  const pending = new Map<number, Map<number, string>>();
  for (const { action, edit } of edits) {
    if (action !== 'type' || edit.sheet !== sheet) continue;
    const { row, column, values } = edit as unknown as Typed;
    values.forEach((line, down) => {
      const cells = pending.get(row + down) ?? new Map<number, string>();
      line.forEach((text, right) => cells.set(column + right, text));
      pending.set(row + down, cells);
    });
  }
  return pending;
}
