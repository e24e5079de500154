/**
 * The rows of one live grid, and how change batches alter them. For the hook that feeds the grid.
 *
 * Pure: no network, no clock, no React. Never add any of them here.
 */
import type { Change, ChangeBatch } from './changeBatch';
import { compareKeys } from './keyOrder';

/** How long a changed cell stays marked, in milliseconds. The style sheet's animation is as long. */
export const FLASH_MS = 1500;

export interface GridRow {
  /** The row's key as text, the same for equal keys whatever the order of their columns. */
  readonly id: string;
  /** The values of the key's columns. */
  readonly key: readonly unknown[];
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Flash {
  /** When the change was applied, in milliseconds of the caller's clock. */
  readonly at: number;
  readonly columns: readonly string[];
}

export interface RowSet {
  /** By key once up to date; until then new rows stand at the end. */
  readonly rows: readonly GridRow[];
  /** Where in `rows` an id is. */
  readonly indexes: ReadonlyMap<string, number>;
  /** The cells that changed within the last FLASH_MS, by row id, oldest first. */
  readonly flashes: ReadonlyMap<string, Flash>;
  /** False until the snapshot, or what was missed, has been received whole. */
  readonly upToDate: boolean;
}

export const emptyRowSet: RowSet = {
  rows: [],
  indexes: new Map(),
  flashes: new Map(),
  upToDate: false,
};

/**
 * The row set after `batches`, in their order.
 *
 * Batches that came within one frame are applied together, since the set is copied once a call.
 */
export function applyBatches(set: RowSet, batches: readonly ChangeBatch[], now: number): RowSet {
  const draft = new Draft(set, now);
  for (const batch of batches) draft.apply(batch);
  return draft.finish();
}

/** The row set without marks older than FLASH_MS. */
export function dropFlashes(set: RowSet, now: number): RowSet {
  const flashes = fresh(set.flashes, now);
  return flashes.size === set.flashes.size ? set : { ...set, flashes };
}

/** The row set as it is while what was missed is fetched: the rows stay, but aren't known to be current. */
export function stale(set: RowSet): RowSet {
  return set.upToDate ? { ...set, upToDate: false } : set;
}

/** A key as text: `{"a": 1, "b": 2}` and `{"b": 2, "a": 1}` give the same. */
export function rowId(key: unknown): string {
  if (typeof key !== 'object' || key === null) return JSON.stringify(key);
  return JSON.stringify(Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function fresh(flashes: ReadonlyMap<string, Flash>, now: number): Map<string, Flash> {
  return new Map([...flashes].filter(([, flash]) => now - flash.at < FLASH_MS));
}

/** One call's working copy. `indexes` is copied only when rows come or go: edits, the common case, share it. */
class Draft {
  private readonly rows: (GridRow | undefined)[];
  private indexes: Map<string, number>;
  private indexesAreShared = true;
  private deleted = 0;
  private added: boolean;
  private readonly flashes: Map<string, Flash>;
  private upToDate: boolean;
  private readonly now: number;

  constructor(set: RowSet, now: number) {
    this.rows = [...set.rows];
    this.indexes = set.indexes as Map<string, number>;
    this.flashes = fresh(set.flashes, now);
    this.upToDate = set.upToDate;
    // Rows that came while the set was behind are still to be put in order.
    this.added = !set.upToDate;
    this.now = now;
  }

  apply(batch: ChangeBatch): void {
    if (batch.reset) {
      this.clear();
      this.upToDate = false;
    }
    for (const change of batch.changes) this.change(change, batch.snapshot);
    if (batch.upToDate) this.upToDate = true;
  }

  finish(): RowSet {
    const { flashes, upToDate } = this;
    // A snapshot of many chunks is sorted once, at its end.
    const unsorted = this.added && upToDate;
    if (this.deleted === 0 && !unsorted) return { rows: this.rows as GridRow[], indexes: this.indexes, flashes, upToDate };
    const rows = this.rows.filter((row) => row !== undefined);
    if (unsorted) rows.sort((a, b) => compareKeys(a.key, b.key));
    return { rows, indexes: new Map(rows.map(({ id }, index) => [id, index])), flashes, upToDate };
  }

  private change(change: Change, fromSnapshot: boolean): void {
    if (change.operation === 'TRUNCATE') {
      this.clear();
      return;
    }
    const id = rowId(change.key);
    if (change.operation === 'DELETE') {
      this.remove(id);
      return;
    }
    const data = change.row as GridRow['data'];
    this.put({ id, key: Object.values(change.key as object), data });
    if (fromSnapshot) return;
    const columns = change.operation === 'INSERT' ? Object.keys(data) : change.changed;
    // Deleted first, so that the map stays in the order of time.
    this.flashes.delete(id);
    this.flashes.set(id, { at: this.now, columns });
  }

  private put(row: GridRow): void {
    const index = this.indexes.get(row.id);
    if (index === undefined) {
      this.ownIndexes().set(row.id, this.rows.push(row) - 1);
      this.added = true;
    } else this.rows[index] = row;
  }

  private remove(id: string): void {
    const index = this.indexes.get(id);
    if (index === undefined) return;
    this.rows[index] = undefined;
    this.ownIndexes().delete(id);
    this.flashes.delete(id);
    this.deleted += 1;
  }

  private clear(): void {
    this.rows.length = 0;
    this.indexes = new Map();
    this.indexesAreShared = false;
    this.flashes.clear();
    this.deleted = 0;
  }

  private ownIndexes(): Map<string, number> {
    if (this.indexesAreShared) {
      this.indexes = new Map(this.indexes);
      this.indexesAreShared = false;
    }
    return this.indexes;
  }
}
