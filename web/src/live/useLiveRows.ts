import { useApolloClient } from '@apollo/client/react';
import { useCallback, useEffect, useReducer, useState } from 'react';
import { fromEvent } from 'rxjs';
import { keepSubscribed } from '../graphql/keepSubscribed';
import { CHANGES, type ChangeBatch } from './changeBatch';
import { FLASH_MS, type RowSet, applyBatches, dropFlashes, emptyRowSet, stale } from './rowSet';

/** Batches that arrive within this time are shown together. Not a frame callback: hidden pages get none. */
const GATHER_MS = 30;

export type Connection =
  | { readonly phase: 'connecting' }
  | { readonly phase: 'connected' }
  /** The connection is lost and will be tried again. */
  | { readonly phase: 'waiting'; readonly error: unknown }
  /** The server refuses the subscription. */
  | { readonly phase: 'refused'; readonly error: unknown };

export interface LiveRows {
  readonly rowSet: RowSet;
  readonly connection: Connection;
  /** The newest batch that was a commit of known origin. */
  readonly lastCommit: ChangeBatch | undefined;
  /** Begins anew, with a new snapshot. */
  readonly restart: () => void;
}

interface State {
  readonly rowSet: RowSet;
  readonly connection: Connection;
  readonly lastCommit: ChangeBatch | undefined;
}

type Action =
  | { readonly type: 'started' }
  | { readonly type: 'received'; readonly batches: readonly ChangeBatch[]; readonly now: number }
  | { readonly type: 'interrupted'; readonly error: unknown }
  | { readonly type: 'refused'; readonly error: unknown }
  | { readonly type: 'flashed'; readonly now: number };

const initial: State = { rowSet: emptyRowSet, connection: { phase: 'connecting' }, lastCommit: undefined };

function reduce(state: State, action: Action): State {
  switch (action.type) {
    case 'started':
      return initial;
    case 'received':
      return {
        rowSet: applyBatches(state.rowSet, action.batches, action.now),
        connection: { phase: 'connected' },
        lastCommit: action.batches.findLast((batch) => batch.committedAt !== null && !batch.snapshot) ?? state.lastCommit,
      };
    case 'interrupted':
      return { ...state, rowSet: stale(state.rowSet), connection: { phase: 'waiting', error: action.error } };
    case 'refused':
      return { ...state, rowSet: stale(state.rowSet), connection: { phase: 'refused', error: action.error } };
    case 'flashed':
      return { ...state, rowSet: dropFlashes(state.rowSet, action.now) };
  }
}

/** The rows of a source, kept current by `changes` over lost connections, from the cursor last received. */
export function useLiveRows(source: string): LiveRows {
  const client = useApolloClient();
  const [state, dispatch] = useReducer(reduce, initial);
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    let after: string | null = null;
    let gathered: ChangeBatch[] = [];
    let gathering: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      clearTimeout(gathering);
      gathering = undefined;
      if (gathered.length === 0) return;
      dispatch({ type: 'received', batches: gathered, now: performance.now() });
      gathered = [];
    };
    dispatch({ type: 'started' });
    const subscription = keepSubscribed(
      () =>
        client.subscribe({
          query: CHANGES,
          variables: { source, after },
          fetchPolicy: 'no-cache',
          // A shared subscription would give its second subscriber no snapshot.
          context: { queryDeduplication: false },
        }),
      {
        onWait: (error) => {
          flush();
          dispatch({ type: 'interrupted', error });
        },
        wake: fromEvent(window, 'online'),
        random: Math.random,
      },
    ).subscribe({
      next: ({ changes: batch }) => {
        after = batch.cursor;
        gathered.push(batch);
        gathering ??= setTimeout(flush, GATHER_MS);
      },
      error: (error: unknown) => {
        flush();
        dispatch({ type: 'refused', error });
      },
    });
    return () => {
      subscription.unsubscribe();
      clearTimeout(gathering);
    };
  }, [client, source, attempt]);

  const { flashes } = state.rowSet;
  useEffect(() => {
    if (flashes.size === 0) return;
    const fading = setTimeout(() => {
      dispatch({ type: 'flashed', now: performance.now() });
    }, FLASH_MS);
    return () => {
      clearTimeout(fading);
    };
  }, [flashes]);

  const restart = useCallback(() => {
    setAttempt((count) => count + 1);
  }, []);
  return { ...state, restart };
}
