/** Merged cells: where they are, and what a selection that touches them really covers. */
import type { Area } from './selection';

const NONE: ReadonlySet<number> = new Set();

/** The merged areas of a sheet. None of them meets another. */
export class Merges {
  readonly areas: readonly Area[];
  readonly #byRow = new Map<number, Area[]>();
  readonly #covered = new Map<number, Set<number>>();

  constructor(areas: readonly Area[] = []) {
    this.areas = areas;
    for (const area of areas) {
      for (let row = area.top; row < area.bottom; row++) {
        this.#byRow.set(row, [...(this.#byRow.get(row) ?? []), area]);
        const covered = this.#covered.get(row) ?? new Set();
        for (let column = area.left; column < area.right; column++) {
          if (row !== area.top || column !== area.left) covered.add(column);
        }
        this.#covered.set(row, covered);
      }
    }
  }

  /** The merged area that a cell belongs to, else the cell alone. */
  around(row: number, column: number): Area {
    const found = this.#byRow.get(row)?.find(({ left, right }) => column >= left && column < right);
    return found ?? { top: row, left: column, bottom: row + 1, right: column + 1 };
  }

  /** The columns of a row whose cells show nothing, since they belong to another's. */
  coveredIn(row: number): ReadonlySet<number> {
    return this.#covered.get(row) ?? NONE;
  }

  isCovered(row: number, column: number): boolean {
    return this.coveredIn(row).has(column);
  }

  /** The merged areas that begin in a row. */
  begunIn(row: number): readonly Area[] {
    return this.#byRow.get(row)?.filter(({ top }) => top === row) ?? [];
  }

  /** The area with all of the merged cells that it touches. */
  grown(area: Area): Area {
    for (let now = area; ; ) {
      const next = this.areas.filter((one) => meet(one, now)).reduce(together, now);
      if (same(next, now)) return now;
      now = next;
    }
  }
}

function together(one: Area, other: Area): Area {
  return {
    top: Math.min(one.top, other.top),
    left: Math.min(one.left, other.left),
    bottom: Math.max(one.bottom, other.bottom),
    right: Math.max(one.right, other.right),
  };
}

function meet(one: Area, other: Area): boolean {
  return one.top < other.bottom && other.top < one.bottom && one.left < other.right && other.left < one.right;
}

export function same(one: Area, other: Area): boolean {
  return one.top === other.top && one.left === other.left && one.bottom === other.bottom && one.right === other.right;
}
