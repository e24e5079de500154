import { memo, type CSSProperties } from 'react';
import type { CellContent, Look, RowContent } from '../book/protocol';
import { cellName } from '../core/names';
import type { Span } from './geometry';
import { Hidden } from './Hidden';
import { lookStyle } from './lookStyle';

/** A shown column. */
export interface Slot {
  readonly index: number;
  readonly start: number;
  readonly size: number;
}

interface Props {
  readonly row: number;
  readonly top: number;
  readonly size: number;
  readonly content: RowContent;
  readonly pending: ReadonlyMap<number, string> | undefined;
  /** Columns that stay in sight, and those that scroll. */
  readonly fixed: readonly Slot[];
  readonly fixedWidth: number;
  readonly columns: readonly Slot[];
  readonly spans: ReadonlyMap<number, Span | null> | undefined;
  /** Rows that are hidden just above or below: a mark shows them again. */
  readonly hiddenAbove: number;
  readonly hiddenBelow: number;
  /** The selected columns, half-open; equal where none of the row is. */
  readonly selectedFrom: number;
  readonly selectedTo: number;
}

/** One row: its number, and the cells of the columns in sight. Drawn again only when something of it changes. */
export const Line = memo(function Line(props: Props) {
  const { row, top, size, fixed, fixedWidth, columns, selectedFrom, selectedTo, hiddenAbove, hiddenBelow } = props;
  return (
    <div
      className="line"
      role="row"
      aria-rowindex={row + 2}
      style={{ insetBlockStart: top, blockSize: size }}
    >
      <div className="fixed" role="none" style={{ inlineSize: fixedWidth }}>
        <div className={selectedFrom < selectedTo ? 'head selected' : 'head'} role="rowheader">
          {row + 1}
          <div className="sizer" data-size="ROWS" data-index={row} />
          {hiddenAbove > 0 && <Hidden dimension="ROWS" at={row - hiddenAbove} count={hiddenAbove} before />}
          {hiddenBelow > 0 && <Hidden dimension="ROWS" at={row + 1} count={hiddenBelow} />}
        </div>
        {fixed.map((slot) => cell(slot, props))}
      </div>
      {columns.map((slot, place) => cell(slot, props, place + 1))}
    </div>
  );
});

/** `next`: the place of the column beside it, where its text may go on over that. */
function cell({ index, start, size }: Slot, props: Props, next?: number) {
  const { row, content, pending, spans, selectedFrom, selectedTo } = props;
  const span = spans?.get(index);
  if (span === null) return null;
  const typed = pending?.get(index);
  const [shown = '', , kind = 'text', look]: CellContent | [] = content[1][String(index)] ?? [];
  const text = typed ?? shown;
  const over = next !== undefined && kind === 'text' && span === undefined && overflows(text, look, size);
  const room = over ? spaceFrom(next, props) : 0;
  return (
    <div
      key={index}
      id={`cell-${cellName(row, index)}`}
      role="gridcell"
      aria-colindex={index + 2}
      aria-selected={index >= selectedFrom && index < selectedTo}
      aria-rowspan={span?.rows}
      aria-colspan={span?.columns}
      data-cell={cellName(row, index)}
      className={`${typed === undefined ? kind : 'text pending'}${room > 0 ? ' spills' : ''}`}
      title={text.length > 12 ? text : undefined}
      style={{ ...styleOf(look), insetInlineStart: start, inlineSize: span?.width ?? size, blockSize: span?.height }}
    >
      {room > 0 ? <span style={{ maxInlineSize: size + room - 1 }}>{text}</span> : text}
    </div>
  );
}

/** Whether a text may be wider than its cell, and may lie over those beside it. */
function overflows(text: string, look: Look | undefined, size: number): boolean {
  const plain = look?.wrap !== true && look?.fill === undefined && (look?.align ?? 'start') === 'start';
  return plain && text.length * 5 > size && !text.includes('\n');
}

/** How wide the empty cells from a place on are, in all. */
function spaceFrom(place: number, { columns, content, pending, spans }: Props): number {
  const next = columns.slice(place);
  const taken = next.findIndex(
    ({ index }) => content[1][String(index)] !== undefined || pending?.has(index) === true || spans?.has(index) === true,
  );
  return (taken === -1 ? next : next.slice(0, taken)).reduce((sum, { size }) => sum + size, 0);
}

function styleOf(look: Look | undefined): CSSProperties | undefined {
  return look && lookStyle(look);
}
