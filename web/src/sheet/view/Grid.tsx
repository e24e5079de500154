import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, type ReactNode } from 'react';
import type { View } from '../book/book';
import { area as areaFrom, type SheetFacts } from '../book/protocol';
import type { Axis } from '../core/axis';
import { areaOf, type Area, type Selection } from '../core/selection';
import { HEAD_HEIGHT, HEAD_WIDTH, type Geometry, type Pane } from './geometry';
import { Heads } from './Heads';
import { Line, type Slot } from './Line';
import { Marks } from './Marks';
import { usePointer, type Pointed } from './usePointer';
import type { Reveal } from './useSelection';

interface Props extends Pointed {
  readonly view: View;
  readonly facts: SheetFacts;
  readonly at: Geometry;
  readonly selection: Selection;
  readonly reveal: Reveal | null;
  readonly copied: Area | null;
  /** Rows by index, half-open, that are in sight. */
  readonly onLook: (first: number, end: number) => void;
  readonly onScroll: (left: number, top: number) => void;
  readonly children: ReactNode;
}

/**
 * The cells. Only those in sight are in the page, so that 100,000 rows are no burden.
 *
 * Drawn by us on the virtualizer that the dashboard uses, too. The grids that bring ranges and a clipboard along either
 * ask for an older React, come with a state of the cells and an undo of their own beside the sandbox's, or charge for it.
 */
export function Grid(props: Props) {
  const { view, facts, at, selection, reveal, copied, onLook, onScroll, children } = props;
  const viewport = useRef<HTMLDivElement>(null);
  const { frozen, head } = at;
  const selected = areaOf(selection, at.merges);
  const pointer = usePointer(viewport, at, selected, props);
  // eslint-disable-next-line react-hooks/incompatible-library -- its answers go to no memoized child but as numbers
  const lines = useVirtualizer({
    count: Math.max(at.rows.shown - frozen.rows, 0),
    getScrollElement: () => viewport.current,
    estimateSize: (place) => at.rows.sizeAt(place + frozen.rows),
    rangeExtractor: (range) => withFirstOfMerged(range, frozen.rows, at.merges.areas.map(({ top, bottom }) => [top, bottom]), at.rows),
    scrollMargin: head.height,
    scrollPaddingStart: head.height,
    overscan: 10,
  });
  const across = useVirtualizer({
    horizontal: true,
    count: Math.max(at.columns.shown - frozen.columns, 0),
    getScrollElement: () => viewport.current,
    estimateSize: (place) => at.columns.sizeAt(place + frozen.columns),
    rangeExtractor: (range) =>
      withFirstOfMerged(range, frozen.columns, at.merges.areas.map(({ left, right }) => [left, right]), at.columns),
    scrollMargin: head.width,
    scrollPaddingStart: head.width,
    overscan: 3,
  });
  useEffect(() => {
    across.measure();
  }, [across, at.columns, frozen.columns]);
  useEffect(() => {
    lines.measure();
  }, [lines, at.rows, frozen.rows]);

  const seen = lines.getVirtualItems();
  const first = at.rows.index((seen[0]?.index ?? 0) + frozen.rows);
  const end = at.rows.index((seen.at(-1)?.index ?? 0) + frozen.rows) + 1;
  useEffect(() => {
    onLook(first, end);
  }, [onLook, first, end, facts.sheet]);

  useEffect(() => {
    viewport.current?.scrollTo(0, 0);
  }, [facts.sheet]);

  useEffect(() => {
    if (reveal === null) return;
    const row = reveal.row === null ? -1 : at.rows.place(reveal.row) - frozen.rows;
    const column = reveal.column === null ? -1 : at.columns.place(reveal.column) - frozen.columns;
    if (row >= 0) lines.scrollToIndex(row, { align: 'auto' });
    if (column >= 0) across.scrollToIndex(column, { align: 'auto' });
    // Scrolls once for each cell to reveal, not whenever the sheet grows.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [reveal]);

  const shownColumns = across
    .getVirtualItems()
    .map(({ index }) => index)
    .join(' ');
  const columns = useMemo(
    () => (shownColumns === '' ? [] : shownColumns.split(' ').map((place) => slot(at, Number(place) + frozen.columns))),
    [at, frozen.columns, shownColumns],
  );
  const fixed = useMemo(() => Array.from({ length: frozen.columns }, (_, place) => slot(at, place)), [at, frozen.columns]);

  const locked = facts.locked.map(areaFrom);
  const marks = (pane: Pane) => (
    <Marks
      at={at}
      pane={pane}
      selected={selected}
      active={selection.active}
      copied={copied}
      filling={pointer.filling}
      locked={locked}
      flashes={view.flashes}
      onFill={pointer.beginFilling}
    />
  );
  /** The rows from one place to another, with what lies over them. */
  const pane = (top: number, bottom: number, places: readonly number[]) => (
    <>
      {places.map((place) => {
        const row = at.rows.index(place);
        const inside = row >= selected.top && row < selected.bottom;
        return (
          <Line
            key={row}
            row={row}
            top={at.rows.offset(place) - at.rows.offset(top)}
            size={at.rows.sizeAt(place)}
            content={view.rows.at(row)}
            pending={view.pending.get(row)}
            fixed={fixed}
            fixedWidth={head.width}
            columns={columns}
            spans={at.spans.get(row)}
            hiddenAbove={place === 0 ? row : 0}
            hiddenBelow={at.rows.hiddenAfter(row)}
            selectedFrom={inside ? selected.left : 0}
            selectedTo={inside ? selected.right : 0}
          />
        );
      })}
      {marks({ top, bottom, left: frozen.columns, right: at.columns.shown })}
      {frozen.columns > 0 && <div className="band">{marks({ top, bottom, left: 0, right: frozen.columns })}</div>}
    </>
  );
  const { guide } = pointer;
  return (
    <div className="grid-frame">
      <div
        className="viewport"
        ref={viewport}
        id="cells"
        role="grid"
        aria-label={`Cells of ${facts.tabs.find(({ id }) => id === facts.sheet)?.title ?? ''}`}
        aria-rowcount={facts.rowCount + 1}
        aria-colcount={facts.columnCount + 1}
        aria-multiselectable
        onScroll={(event) => {
          onScroll(event.currentTarget.scrollLeft, event.currentTarget.scrollTop);
        }}
        {...pointer.handlers}
      >
        <div className="canvas" role="none" style={{ inlineSize: HEAD_WIDTH + at.columns.offset(at.columns.shown) }}>
          <div className="frozen" role="rowgroup" style={{ blockSize: head.height }}>
            <Heads
              axis={at.columns}
              fixed={fixed}
              fixedWidth={head.width}
              columns={columns}
              selectedFrom={selected.left}
              selectedTo={selected.right}
            />
            <div className="pane" role="none" style={{ blockSize: head.height - HEAD_HEIGHT }}>
              {pane(0, frozen.rows, Array.from({ length: frozen.rows }, (_, place) => place))}
            </div>
          </div>
          <div
            className="pane"
            role="rowgroup"
            style={{ blockSize: at.rows.offset(at.rows.shown) - at.rows.offset(frozen.rows) }}
          >
            {pane(frozen.rows, at.rows.shown, seen.map(({ index }) => index + frozen.rows))}
          </div>
        </div>
      </div>
      {frozen.rows > 0 && <div className="freeze-line rows" style={{ insetBlockStart: head.height }} />}
      {frozen.columns > 0 && <div className="freeze-line columns" style={{ insetInlineStart: head.width }} />}
      {guide && (
        <div
          className={`guide ${guide.dimension.toLowerCase()}`}
          style={guide.dimension === 'ROWS' ? { insetBlockStart: guide.end } : { insetInlineStart: guide.end }}
        />
      )}
      {children}
    </div>
  );
}

function slot({ columns }: Geometry, place: number): Slot {
  return { index: columns.index(place), start: HEAD_WIDTH + columns.offset(place), size: columns.sizeAt(place) };
}

/** The lines in sight, and the first ones of merged cells that reach into them: those draw the whole cell. */
function withFirstOfMerged(range: Range, frozen: number, merged: readonly (readonly [number, number])[], axis: Axis): number[] {
  const places = defaultRangeExtractor(range);
  const begin = places[0] ?? 0;
  const before = merged.flatMap(([first, end]) => {
    const [from, to] = [axis.place(first) - frozen, axis.place(end) - frozen];
    return from >= 0 && from < begin && to > begin ? [from] : [];
  });
  return [...new Set(before)].sort((a, b) => a - b).concat(places);
}
