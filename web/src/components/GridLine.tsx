import { memo } from 'react';
import type { SourceViewFragment } from '../generated/graphql';
import type { Flash, GridRow } from '../live/rowSet';
import { CellValue } from './CellValue';
import { columnClass } from './columnClass';

interface Props {
  readonly row: GridRow;
  readonly columns: SourceViewFragment['columns'];
  readonly flash: Flash | undefined;
  /** Among all rows, from 0. */
  readonly index: number;
  /** Distance from the grid's first line, in pixels. */
  readonly top: number;
}

export const GridLine = memo(function GridLine({ row, columns, flash, index, top }: Props) {
  return (
    <div
      className="grid-line"
      role="row"
      // The header is line 1.
      aria-rowindex={index + 2}
      data-row={row.id}
      style={{ transform: `translateY(${top.toString()}px)` }}
    >
      {columns.map(({ name, type }) => {
        const changedAt = flash?.columns.includes(name) === true ? flash.at : undefined;
        return (
          <div
            // A new key lets the animation begin again when the cell changes twice.
            key={`${name} ${changedAt?.toString() ?? ''}`}
            role="cell"
            data-column={name}
            className={changedAt === undefined ? columnClass(type) : `${columnClass(type)} flash`}
          >
            <CellValue value={row.data[name]} />
          </div>
        );
      })}
    </div>
  );
});
