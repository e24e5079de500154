/** The lines along one side of a sheet, rows or columns: which are shown, how wide they are, where each begins. */

/** A line's index counts all lines, its place counts the shown ones. Sizes and offsets are pixels. */
export class Axis {
  readonly count: number;
  readonly #hidden: readonly number[];
  readonly #size: number;
  readonly #odd: ReadonlyMap<number, number>;

  /** `hidden` is in ascending order; `odd` has the size of each line that isn't of the usual one. */
  constructor(count: number, size: number, hidden: readonly number[] = [], odd: ReadonlyMap<number, number> = new Map()) {
    this.count = count;
    this.#size = size;
    this.#hidden = hidden.filter((index) => index < count);
    this.#odd = odd;
  }

  /** How many lines are shown. */
  get shown(): number {
    return this.count - this.#hidden.length;
  }

  isHidden(index: number): boolean {
    const at = this.#hiddenBefore(index);
    return this.#hidden[at] === index;
  }

  /** The index of the line at a place among the shown ones. */
  index(place: number): number {
    // Each hidden line at or before the answer moves it on by one; they ascend, so a binary search finds how many.
    let low = 0;
    let high = this.#hidden.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#hidden[middle] ?? 0) - middle <= place) low = middle + 1;
      else high = middle;
    }
    return place + low;
  }

  /** The place of a line; of a hidden one, that of the next shown line. */
  place(index: number): number {
    return index - this.#hiddenBefore(index);
  }

  sizeAt(place: number): number {
    return this.#odd.get(this.index(place)) ?? this.#size;
  }

  /** Where the line at that place begins; at `shown`, where the last one ends. */
  offset(place: number): number {
    let offset = place * this.#size;
    for (const [index, size] of this.#odd) {
      if (!this.isHidden(index) && this.place(index) < place) offset += size - this.#size;
    }
    return offset;
  }

  /** The place of the line that covers an offset, the first or last one beyond the ends. */
  placeAt(offset: number): number {
    let low = 0;
    let high = this.shown - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.offset(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The index so many shown lines on from another, within the ends. */
  step(index: number, by: number): number {
    // A step back from a hidden line leads to the shown one before it: its place is the next one's.
    const place = Math.min(Math.max(this.place(index) + by, 0), this.shown - 1);
    return this.index(place);
  }

  #hiddenBefore(index: number): number {
    let low = 0;
    let high = this.#hidden.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#hidden[middle] ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
