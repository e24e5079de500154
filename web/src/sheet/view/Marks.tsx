import type { PointerEvent } from 'react';
import type { Flash } from '../book/flashes';
import { cellName } from '../core/names';
import { isSingle, type Area, type Cell } from '../core/selection';
import { boxOf, type Geometry, type Pane } from './geometry';

interface Props {
  readonly at: Geometry;
  /** Rows and columns that stay in sight are panes of their own. */
  readonly pane: Pane;
  readonly selected: Area;
  readonly active: Cell;
  readonly copied: Area | null;
  /** The cells that are filled when the handle is let go. */
  readonly filling: Area | null;
  readonly locked: readonly Area[];
  readonly flashes: readonly Flash[];
  readonly onFill: (event: PointerEvent) => void;
}

/** What lies over the cells: the selection, what was copied, what is protected, and what others changed just now. */
export function Marks({ at, pane, selected, active, copied, filling, locked, flashes, onFill }: Props) {
  const box = (area: Area) => boxOf(area, at, pane);
  const cell = box(at.merges.around(active.row, active.column));
  const range = isSingle(selected, at.merges) ? null : box(selected);
  const last = { row: at.rows.step(selected.bottom, -1), column: at.columns.step(selected.right, -1) };
  const corner = box({ top: last.row, left: last.column, bottom: last.row + 1, right: last.column + 1 });
  const copy = copied && box(copied);
  const filled = filling && box(filling);
  return (
    <>
      {locked.map((area) => {
        const style = box(area);
        return style && <div key={`${String(area.top)} ${String(area.left)}`} className="locked" style={style} />;
      })}
      {range && <div className="range" style={range} />}
      {cell && <div className="active-cell" data-active={cellName(active.row, active.column)} style={cell} />}
      {copy && <div className="copied" style={copy} />}
      {filled && <div className="filling" style={filled} />}
      {corner && (
        <div
          className="fill-handle"
          title="Drag to continue the cells; double click to do so as far down as the column beside"
          style={{
            insetBlockStart: corner.insetBlockStart + corner.blockSize,
            insetInlineStart: corner.insetInlineStart + corner.inlineSize,
          }}
          onPointerDown={onFill}
        />
      )}
      {flashes.map((flash) => {
        const style = box(at.merges.around(flash.row, flash.column));
        return (
          style && (
            <div key={flash.id} className="flash-cell" data-flash={cellName(flash.row, flash.column)} style={style}>
              {flash.by !== null && <span className="flash-name">{flash.by}</span>}
            </div>
          )
        );
      })}
    </>
  );
}
