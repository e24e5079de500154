import { useApolloClient, useQuery } from '@apollo/client/react';
import { useEffect, useState } from 'react';
import { fromEvent } from 'rxjs';
import { graphql } from '../generated';
import type { SourcesQuery } from '../generated/graphql';
import { coalesce } from '../graphql/coalesce';
import { keepSubscribed } from '../graphql/keepSubscribed';

const PAGE_SIZE = 100;
/** An event that never came is made good by the next reading. */
const REFRESH_MS = 30_000;

const SOURCES = graphql(`
  query Sources($first: Int!) {
    sources(first: $first) {
      nodes {
        id
        name
        ...SourceItem
      }
      hasNextPage
      totalCount
    }
  }
`);

const SOURCE = graphql(`
  query RefreshedSource($name: String!) {
    source(name: $name) {
      id
      ...SourceItem
      ...SourceView
    }
  }
`);

const EVENTS = graphql(`
  subscription Events {
    events {
      id
      source
    }
  }
`);

export interface Sources {
  /** Undefined until they have been read for the first time. */
  readonly list: SourcesQuery['sources'] | undefined;
  /** Why the last reading failed; `list` is then as it was before. */
  readonly error: Error | undefined;
  readonly reload: () => void;
  readonly showMore: () => void;
}

/** The sources, read again whenever an event says that one may differ. Events carry no data into the page. */
export function useSources(): Sources {
  const client = useApolloClient();
  const [first, setFirst] = useState(PAGE_SIZE);
  const { data, previousData, error, refetch } = useQuery(SOURCES, {
    variables: { first },
    pollInterval: REFRESH_MS,
    errorPolicy: 'all',
  });

  useEffect(() => {
    const refresh = coalesce(async (name: string | null) => {
      if (name !== null) {
        const { data: read } = await client.query({
          query: SOURCE,
          variables: { name },
          fetchPolicy: 'network-only',
          errorPolicy: 'all',
        });
        const listed = client.readQuery({ query: SOURCES, variables: { first } })?.sources.nodes;
        // The cache has brought what was read into the list.
        if (listed?.some(({ id }) => id === read?.source?.id)) return;
      }
      // New, deleted, or not to be read: the list's own reading tells.
      await refetch();
    });
    const subscription = keepSubscribed(
      () => client.subscribe({ query: EVENTS, fetchPolicy: 'no-cache', errorPolicy: 'all' }),
      {
        onWait: () => {
          refresh(null);
        },
        wake: fromEvent(window, 'online'),
        random: Math.random,
      },
    ).subscribe({
      next: ({ events }) => {
        refresh(events.source);
      },
      // Refused: the polling remains, and says what is wrong where that fails too.
      error: () => {
        refresh(null);
      },
    });
    return () => {
      subscription.unsubscribe();
    };
  }, [client, first, refetch]);

  return {
    list: (data ?? previousData)?.sources,
    error,
    reload: () => void refetch(),
    showMore: () => {
      setFirst((count) => count + PAGE_SIZE);
    },
  };
}
