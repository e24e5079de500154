import { memo } from 'react';
import { cellName } from '../core/names';
import type { RowContent } from '../book/protocol';

export interface Slot {
  readonly index: number;
  readonly start: number;
  readonly size: number;
}

interface Props {
  readonly row: number;
  readonly top: number;
  readonly content: RowContent;
  readonly pending: ReadonlyMap<number, string> | undefined;
  readonly columns: readonly Slot[];
  readonly selected: boolean;
}

/** One row: its number, and the cells of the columns in sight. Drawn again only when something of it changes. */
export const Line = memo(function Line({ row, top, content: [, cells], pending, columns, selected }: Props) {
  return (
    <div className="line" role="row" aria-rowindex={row + 2} style={{ transform: `translateY(${String(top)}px)` }}>
      <div className={selected ? 'head selected' : 'head'} role="rowheader">
        {row + 1}
      </div>
      {columns.map(({ index, start, size }) => {
        const typed = pending?.get(index);
        const [shown = '', , kind = 'text'] = cells[String(index)] ?? [];
        const text = typed ?? shown;
        return (
          <div
            key={index}
            role="gridcell"
            aria-colindex={index + 2}
            data-cell={cellName(row, index)}
            className={typed === undefined ? kind : 'text pending'}
            title={text.length > 12 ? text : undefined}
            style={{ insetInlineStart: start, inlineSize: size }}
          >
            {text}
          </div>
        );
      })}
    </div>
  );
});
