import { useVirtualizer } from '@tanstack/react-virtual';
import { type CSSProperties, useRef } from 'react';
import type { SourceViewFragment } from '../generated/graphql';
import { useLiveRows } from '../live/useLiveRows';
import { columnClass } from './columnClass';
import { ConnectionState } from './ConnectionState';
import { GridLine } from './GridLine';
import { Notice } from './Notice';

type Columns = SourceViewFragment['columns'];

interface Props {
  readonly source: string;
  readonly columns: Columns;
}

/** As `--grid-line` in the style sheet, in pixels. */
const LINE_HEIGHT = 32;

/** A source's rows as they are now. Only the lines in sight are in the page, so that 100,000 rows are no burden. */
export function LiveGrid({ source, columns }: Props) {
  const live = useLiveRows(source);
  const { rows, flashes, upToDate } = live.rowSet;
  const viewport = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- its answers go to no memoized child
  const lines = useVirtualizer({
    count: rows.length,
    getScrollElement: () => viewport.current,
    estimateSize: () => LINE_HEIGHT,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 12,
  });
  const { connection } = live;
  return (
    <>
      <ConnectionState live={live} />
      {connection.phase === 'refused' && (
        <Notice title="The rows can’t be followed" error={connection.error} action="Try again" onAction={live.restart} />
      )}
      <div
        className={upToDate ? 'grid' : 'grid stale'}
        ref={viewport}
        role="table"
        aria-label={`Rows of ${source}`}
        aria-rowcount={rows.length + 1}
        aria-colcount={columns.length}
        aria-busy={connection.phase === 'connecting'}
        tabIndex={0}
        style={{ '--grid-columns': columns.length } as CSSProperties}
      >
        <div className="grid-line grid-header" role="row" aria-rowindex={1}>
          {columns.map(({ name, type, isKey }) => (
            <div key={name} role="columnheader" className={columnClass(type)} title={`${name}: ${type}${isKey ? ', key' : ''}`}>
              {name}
              {isKey && <span className="key-mark"> key</span>}
            </div>
          ))}
        </div>
        {rows.length === 0 && upToDate && <p className="quiet grid-empty">No rows.</p>}
        <div role="rowgroup" className="grid-body" style={{ height: lines.getTotalSize() }}>
          {lines.getVirtualItems().map(({ index, start }) => {
            const row = rows[index];
            return (
              row && (
                <GridLine key={row.id} row={row} columns={columns} flash={flashes.get(row.id)} index={index} top={start} />
              )
            );
          })}
        </div>
      </div>
    </>
  );
}
