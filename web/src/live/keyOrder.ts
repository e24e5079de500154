/** In which order rows stand in the grid: by key, as a person would sort it. Pure. */

/** Numbers within text count as numbers, so that keys sent as text (BIGINT, "item 9", "item 10") are in order too. */
const text = new Intl.Collator('en', { numeric: true });

/** Compares two keys of one table, given as the values of their columns. */
export function compareKeys(a: readonly unknown[], b: readonly unknown[]): number {
  for (let index = 0; index < a.length; index++) {
    const order = compareValues(a[index], b[index]);
    if (order !== 0) return order;
  }
  return 0;
}

function compareValues(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return text.compare(String(a), String(b));
}
