import { columnLetters } from '../core/names';

export type Dimension = 'ROWS' | 'COLUMNS';

interface Props {
  readonly dimension: Dimension;
  readonly at: number;
  readonly count: number;
  /** At the line's beginning instead of its end. */
  readonly before?: boolean;
}

/** The mark in a head beside which rows or columns are hidden. A click, which the grid hears, shows them. */
export function Hidden({ dimension, at, count, before = false }: Props) {
  const label = `Show ${linesName(dimension, at, count)}`;
  return (
    <button
      type="button"
      tabIndex={-1}
      className={before ? 'hidden-lines before' : 'hidden-lines'}
      aria-label={label}
      title={label}
      data-show={dimension}
      data-index={at}
      data-count={count}
    />
  );
}

/** `row 3`, `columns B to D`. */
export function linesName(dimension: Dimension, at: number, count: number): string {
  const [noun, name] = dimension === 'ROWS' ? ['row', (index: number) => String(index + 1)] : ['column', columnLetters];
  return count === 1 ? `${noun} ${name(at)}` : `${noun}s ${name(at)} to ${name(at + count - 1)}`;
}
