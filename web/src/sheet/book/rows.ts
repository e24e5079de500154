/** The rows of one worksheet that were loaded, in chunks, each with the version of the spreadsheet that it shows. */
import type { RowContent, Window } from './protocol';

export const CHUNK = 200;

/** What one answer of the sandbox holds at most. */
const LONGEST = 2000;

interface Chunk {
  readonly version: number;
  readonly rows: readonly RowContent[];
}

const BLANK: RowContent = [0, {}];

/** Immutable: to add an answer gives new rows, so that what is drawn can be compared by identity. */
export class Rows {
  readonly #chunks: ReadonlyMap<number, Chunk>;

  constructor(chunks: ReadonlyMap<number, Chunk> = new Map()) {
    this.#chunks = chunks;
  }

  at(index: number): RowContent {
    return this.#chunks.get(Math.floor(index / CHUNK))?.rows[index % CHUNK] ?? BLANK;
  }

  has(first: number, end: number): boolean {
    for (let chunk = Math.floor(first / CHUNK); chunk * CHUNK < end; chunk++) if (!this.#chunks.has(chunk)) return false;
    return true;
  }

  /** The first run of rows between `first` and `end` that are missing or older than a version; null where none are. */
  missing(first: number, end: number, version: number): readonly [first: number, end: number] | null {
    const stale = (chunk: number) => (this.#chunks.get(chunk)?.version ?? -1) < version;
    const last = Math.max(Math.ceil(end / CHUNK), Math.floor(first / CHUNK) + 1);
    let from = Math.floor(first / CHUNK);
    while (from < last && !stale(from)) from++;
    if (from === last) return null;
    let to = from + 1;
    while (to < last && stale(to) && (to + 1 - from) * CHUNK <= LONGEST) to++;
    return [from * CHUNK, to * CHUNK];
  }

  /** With the rows of an answer to what `missing` said. Rows that didn't change stay the same objects. */
  with(window: Window, end: number): Rows {
    const chunks = new Map(this.#chunks);
    for (let index = window.first; index < end; index += CHUNK) {
      const old = chunks.get(index / CHUNK);
      const offset = index - window.first;
      const rows = window.rows.slice(offset, offset + CHUNK).map((row, place) => {
        const before = old?.rows[place];
        return before !== undefined && JSON.stringify(before) === JSON.stringify(row) ? before : row;
      });
      chunks.set(index / CHUNK, { version: window.version, rows });
    }
    return new Rows(chunks);
  }
}
