import type { CSSProperties } from 'react';
import type { Flash } from '../book/flashes';
import { cellName } from '../core/names';
import { isSingle, type Area, type Cell } from '../core/selection';
import { HEAD_WIDTH, ROW_HEIGHT, type Geometry } from './geometry';

interface Props {
  readonly at: Geometry;
  /** The shown rows of this pane: places, half-open. Rows that stay in sight are a pane of their own. */
  readonly from: number;
  readonly to: number;
  readonly selected: Area;
  readonly active: Cell;
  readonly copied: Area | null;
  readonly locked: readonly Area[];
  readonly flashes: readonly Flash[];
}

/** What lies over the cells: the selection, what was copied, what is protected, and what others changed just now. */
export function Marks({ at, from, to, selected, active, copied, locked, flashes }: Props) {
  const box = (area: Area) => boxOf(area, at, from, to);
  const cell = box(areaOfCell(active));
  return (
    <>
      {locked.map((area) => {
        const style = box(area);
        return style && <div key={`${String(area.top)} ${String(area.left)}`} className="locked" style={style} />;
      })}
      {!isSingle(selected) && box(selected) && <div className="range" style={box(selected)} />}
      {cell && <div className="active-cell" data-active={cellName(active.row, active.column)} style={cell} />}
      {copied && box(copied) && <div className="copied" style={box(copied)} />}
      {flashes.map((flash) => {
        const style = box(areaOfCell(flash));
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

function areaOfCell({ row, column }: Cell): Area {
  return { top: row, left: column, bottom: row + 1, right: column + 1 };
}

/** Where an area is drawn in a pane; undefined where none of it is to be seen. */
export function boxOf(area: Area, { rows, columns }: Geometry, from: number, to: number): CSSProperties | undefined {
  const top = Math.max(rows.place(area.top), from);
  const bottom = Math.min(rows.place(area.bottom), to);
  const left = columns.offset(columns.place(area.left));
  const right = columns.offset(columns.place(area.right));
  if (top >= bottom || left >= right) return undefined;
  return {
    insetBlockStart: (top - from) * ROW_HEIGHT,
    blockSize: (bottom - top) * ROW_HEIGHT,
    insetInlineStart: HEAD_WIDTH + left,
    inlineSize: right - left,
  };
}
