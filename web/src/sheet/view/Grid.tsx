import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, type MouseEvent, type PointerEvent, type ReactNode } from 'react';
import type { View } from '../book/book';
import { area as areaFrom, type SheetFacts } from '../book/protocol';
import { columnLetters } from '../core/names';
import { areaOf, type Area, type Cell, type Selection } from '../core/selection';
import { HEAD_HEIGHT, HEAD_WIDTH, hit, ROW_HEIGHT, type Geometry, type Hit } from './geometry';
import { Line, type Slot } from './Line';
import { Marks } from './Marks';

interface Props {
  readonly view: View;
  readonly facts: SheetFacts;
  readonly at: Geometry;
  readonly selection: Selection;
  readonly reveal: Cell | null;
  readonly copied: Area | null;
  /** Rows by index, half-open, that are in sight. */
  readonly onLook: (first: number, end: number) => void;
  readonly onScroll: (left: number, top: number) => void;
  /** A click; `extending` with Shift, and while a range is drawn. */
  readonly onPick: (on: Hit, extending: boolean) => void;
  readonly onTouch: (on: Hit) => void;
  readonly onEdit: () => void;
  readonly onMenu: (on: Hit, x: number, y: number) => void;
  readonly children: ReactNode;
}

/**
 * The cells. Only those in sight are in the page, so that 100,000 rows are no burden.
 *
 * Drawn by us on the virtualizer that the dashboard uses, too. The grids that bring ranges and a clipboard along either
 * ask for an older React, come with a state of the cells and an undo of their own beside the sandbox's, or charge for it.
 */
export function Grid(props: Props) {
  const { view, facts, at, selection, reveal, copied, onLook, onScroll, onPick, onTouch, onEdit, onMenu, children } = props;
  const viewport = useRef<HTMLDivElement>(null);
  const drawing = useRef<Hit['on'] | null>(null);
  const head = HEAD_HEIGHT + at.frozen * ROW_HEIGHT;
  // eslint-disable-next-line react-hooks/incompatible-library -- its answers go to no memoized child but as numbers
  const lines = useVirtualizer({
    count: at.rows.shown - at.frozen,
    getScrollElement: () => viewport.current,
    estimateSize: () => ROW_HEIGHT,
    scrollMargin: head,
    scrollPaddingStart: head,
    overscan: 10,
  });
  const across = useVirtualizer({
    horizontal: true,
    count: at.columns.shown,
    getScrollElement: () => viewport.current,
    estimateSize: (place) => at.columns.sizeAt(place),
    scrollMargin: HEAD_WIDTH,
    scrollPaddingStart: HEAD_WIDTH,
    overscan: 3,
  });
  useEffect(() => {
    across.measure();
  }, [across, at.columns]);

  const seen = lines.getVirtualItems();
  const first = at.rows.index((seen[0]?.index ?? 0) + at.frozen);
  const end = at.rows.index((seen.at(-1)?.index ?? 0) + at.frozen) + 1;
  useEffect(() => {
    onLook(first, end);
  }, [onLook, first, end, facts.sheet]);

  useEffect(() => {
    viewport.current?.scrollTo(0, 0);
  }, [facts.sheet]);

  useEffect(() => {
    if (reveal === null) return;
    const place = at.rows.place(reveal.row) - at.frozen;
    if (place >= 0) lines.scrollToIndex(place, { align: 'auto' });
    across.scrollToIndex(at.columns.place(reveal.column), { align: 'auto' });
    // Scrolls once for each cell to reveal, not whenever the sheet grows.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [reveal]);

  const shownColumns = across.getVirtualItems();
  const [from, to] = [shownColumns[0]?.index ?? 0, (shownColumns.at(-1)?.index ?? -1) + 1];
  const columns = useMemo(
    () =>
      Array.from({ length: Math.max(to - from, 0) }, (_, place): Slot => ({
        index: at.columns.index(from + place),
        start: HEAD_WIDTH + at.columns.offset(from + place),
        size: at.columns.sizeAt(from + place),
      })),
    [at, from, to],
  );

  function under(event: MouseEvent): Hit | null {
    const box = viewport.current?.getBoundingClientRect();
    if (box === undefined || viewport.current === null) return null;
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = viewport.current;
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    // On a scroll bar.
    if (drawing.current === null && (x > clientWidth || y > clientHeight)) return null;
    return hit(x, y, { left: scrollLeft, top: scrollTop }, at);
  }

  function press(event: PointerEvent): void {
    if (event.button !== 0 || event.pointerType === 'touch') return;
    const on = under(event);
    if (on === null) return;
    event.preventDefault(); // the focus stays in the cell's field
    onPick(on, event.shiftKey);
    drawing.current = on.on;
    event.currentTarget.setPointerCapture(event.pointerId);
  }

  function draw(event: PointerEvent): void {
    if (drawing.current === null || drawing.current === 'corner') return;
    const on = under(event);
    if (on !== null && on.on !== 'corner') onPick({ on: drawing.current, cell: on.cell }, true);
  }

  const selected = areaOf(selection);
  const locked = facts.locked.map(areaFrom);
  const marks = (start: number, stop: number) => (
    <Marks
      at={at}
      from={start}
      to={stop}
      selected={selected}
      active={selection.active}
      copied={copied}
      locked={locked}
      flashes={view.flashes}
    />
  );
  const line = (place: number, top: number) => {
    const row = at.rows.index(place);
    return (
      <Line
        key={row}
        row={row}
        top={top}
        content={view.rows.at(row)}
        pending={view.pending.get(row)}
        columns={columns}
        selected={row >= selected.top && row < selected.bottom}
      />
    );
  };
  const width = HEAD_WIDTH + at.columns.offset(at.columns.shown);
  return (
    <div className="grid-frame">
      <div
        className="viewport"
        ref={viewport}
        role="grid"
        aria-label={`Cells of ${facts.tabs.find(({ id }) => id === facts.sheet)?.title ?? ''}`}
        aria-rowcount={facts.rowCount + 1}
        aria-colcount={facts.columnCount + 1}
        aria-multiselectable
        onScroll={(event) => {
          onScroll(event.currentTarget.scrollLeft, event.currentTarget.scrollTop);
        }}
        onPointerDown={press}
        onPointerMove={draw}
        onPointerUp={() => {
          drawing.current = null;
        }}
        onClick={(event) => {
          // A mouse has picked when it was pressed; a finger may have scrolled, and picks with its click.
          const on = (event.nativeEvent as unknown as globalThis.PointerEvent).pointerType === 'touch' && under(event);
          if (on) onTouch(on);
        }}
        onDoubleClick={onEdit}
        onContextMenu={(event) => {
          const on = under(event);
          if (on === null) return;
          event.preventDefault();
          onMenu(on, event.clientX, event.clientY);
        }}
      >
        <div className="canvas" style={{ inlineSize: width }}>
          <div className="frozen" role="rowgroup" style={{ blockSize: head }}>
            <div className="line heads" role="row" aria-rowindex={1}>
              <div className="head corner" role="columnheader" aria-label="All cells" />
              {columns.map(({ index, start, size }) => (
                <div
                  key={index}
                  role="columnheader"
                  aria-colindex={index + 2}
                  className={index >= selected.left && index < selected.right ? 'head selected' : 'head'}
                  style={{ insetInlineStart: start, inlineSize: size }}
                >
                  {columnLetters(index)}
                </div>
              ))}
            </div>
            <div className="pane" style={{ blockSize: at.frozen * ROW_HEIGHT }}>
              {Array.from({ length: at.frozen }, (_, place) => line(place, place * ROW_HEIGHT))}
              {marks(0, at.frozen)}
            </div>
          </div>
          <div className="pane" role="rowgroup" style={{ blockSize: (at.rows.shown - at.frozen) * ROW_HEIGHT }}>
            {seen.map(({ index }) => line(index + at.frozen, index * ROW_HEIGHT))}
            {marks(at.frozen, at.rows.shown)}
          </div>
        </div>
      </div>
      {children}
    </div>
  );
}
