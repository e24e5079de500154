/** The lines along one side of a sheet, rows or columns: which are shown, how wide they are, where each begins. */

/** A line's index counts all lines, its place counts the shown ones. Sizes and offsets are pixels. */
export class Axis {
  readonly count: number;
  readonly #hidden: readonly number[];
  readonly #size: number;
  readonly #odd: ReadonlyMap<number, number>;
  /** The places of shown lines of an odd size, in ascending order, and how much they and those before add in all. */
  readonly #oddPlaces: readonly number[];
  readonly #added: readonly number[];

  /** `hidden` is in ascending order; `odd` has the size of each line that isn't of the usual one. */
  constructor(count: number, size: number, hidden: readonly number[] = [], odd: ReadonlyMap<number, number> = new Map()) {
    this.count = count;
    this.#size = size;
    this.#hidden = hidden.filter((index) => index < count);
    this.#odd = odd;
    const shown = [...odd].filter(([index]) => index < count && !this.isHidden(index)).sort(([a], [b]) => a - b);
    let added = 0;
    this.#oddPlaces = shown.map(([index]) => this.place(index));
    this.#added = shown.map(([, own]) => (added += own - size));
  }

  /** How many lines are shown. */
  get shown(): number {
    return this.count - this.#hidden.length;
  }

  isHidden(index: number): boolean {
    return this.#hidden[before(this.#hidden, index)] === index;
  }

  /** How many lines just after one are hidden; after -1, at the beginning. */
  hiddenAfter(index: number): number {
    let end = index + 1;
    while (this.isHidden(end)) end++;
    return end - index - 1;
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
    return index - before(this.#hidden, index);
  }

  sizeAt(place: number): number {
    return this.#odd.get(this.index(place)) ?? this.#size;
  }

  /** Where the line at that place begins; at `shown`, where the last one ends. */
  offset(place: number): number {
    return place * this.#size + (this.#added[before(this.#oddPlaces, place) - 1] ?? 0);
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
}

/** How many of some ascending numbers are below another. */
function before(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
