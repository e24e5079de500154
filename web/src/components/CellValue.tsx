/** A value of a row as JSON carries it. NULL and the empty text look different. */
export function CellValue({ value }: { readonly value: unknown }) {
  switch (typeof value) {
    case 'string':
      return <span title={value}>{value}</span>;
    case 'number':
    case 'boolean':
      return String(value);
    case 'undefined':
      return null;
    default:
      return value === null ? <span className="null">null</span> : <code>{JSON.stringify(value)}</code>;
  }
}
