import type { LiveRows } from '../live/useLiveRows';
import { describeError } from './describeError';
import { Moment } from './Moment';

const CAUSES = { SOURCE: 'the source', API: 'the API', SQL: 'SQL', ROLLBACK: 'a rollback' } as const;

/** How current the rows are, how many, and where the last change came from. */
export function ConnectionState({ live: { connection, rowSet, lastCommit } }: { readonly live: LiveRows }) {
  const state = connection.phase === 'connected' ? (rowSet.upToDate ? 'live' : 'catching-up') : connection.phase;
  return (
    <div className="connection">
      <span role="status" className={`badge ${state}`} data-connection={state}>
        {STATES[state]}
      </span>
      <span>
        <strong data-row-count={rowSet.rows.length}>{rowSet.rows.length.toLocaleString()}</strong>{' '}
        {rowSet.rows.length === 1 ? 'row' : 'rows'}
      </span>
      {connection.phase === 'waiting' && connection.error !== undefined && (
        <span className="quiet">{describeError(connection.error)} It is tried again by itself.</span>
      )}
      {lastCommit?.committedAt != null && (
        <span className="quiet">
          Last change <Moment at={lastCommit.committedAt} />
          {lastCommit.cause !== null && ` by ${CAUSES[lastCommit.cause]}`}
          {lastCommit.actor !== null && ` (${lastCommit.actor})`}
        </span>
      )}
    </div>
  );
}

const STATES = {
  connecting: 'Connecting…',
  'catching-up': 'Catching up…',
  live: 'Live',
  waiting: 'Reconnecting…',
  refused: 'Stopped',
} as const;
