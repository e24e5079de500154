const NUMERIC: ReadonlySet<string> = new Set(['INTEGER', 'BIGINT', 'FLOAT', 'NUMERIC']);

/** The class of a column's header and cells: numbers stand at the end of their cell. */
export function columnClass(type: string): string {
  return NUMERIC.has(type) ? 'number' : '';
}
