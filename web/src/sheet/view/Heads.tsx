import type { Axis } from '../core/axis';
import { columnLetters } from '../core/names';
import { Hidden } from './Hidden';
import type { Slot } from './Line';

interface Props {
  readonly axis: Axis;
  readonly fixed: readonly Slot[];
  readonly fixedWidth: number;
  readonly columns: readonly Slot[];
  /** The selected columns, half-open. */
  readonly selectedFrom: number;
  readonly selectedTo: number;
}

/** The columns' letters. */
export function Heads({ axis, fixed, fixedWidth, columns, selectedFrom, selectedTo }: Props) {
  const first = axis.index(0);
  const head = ({ index, start, size }: Slot) => (
    <div
      key={index}
      role="columnheader"
      aria-colindex={index + 2}
      aria-label={columnLetters(index)}
      className={index >= selectedFrom && index < selectedTo ? 'head selected' : 'head'}
      style={{ insetInlineStart: start, inlineSize: size }}
    >
      {columnLetters(index)}
      <div className="sizer" data-size="COLUMNS" data-index={index} />
      {index === first && index > 0 && <Hidden dimension="COLUMNS" at={0} count={index} before />}
      {axis.hiddenAfter(index) > 0 && <Hidden dimension="COLUMNS" at={index + 1} count={axis.hiddenAfter(index)} />}
    </div>
  );
  return (
    <div className="line heads" role="row" aria-rowindex={1}>
      <div className="fixed" role="none" style={{ inlineSize: fixedWidth }}>
        <div className="head corner" role="columnheader" aria-label="All cells" />
        {fixed.map(head)}
      </div>
      {columns.map(head)}
    </div>
  );
}
