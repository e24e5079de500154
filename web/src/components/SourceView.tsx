import { useQuery } from '@apollo/client/react';
import { graphql, readFragment } from '../generated';
import { LiveGrid } from './LiveGrid';
import { Notice } from './Notice';

export const SOURCE_VIEW = graphql(`
  fragment SourceView on Source {
    name
    table
    url
    columns {
      name
      type
      isKey
    }
  }
`);

const SOURCE = graphql(`
  query SelectedSource($name: String!) {
    source(name: $name) {
      id
      ...SourceView
    }
  }
`);

/** The selected source with its rows. */
export function SourceView({ name }: { readonly name: string }) {
  const { data, error, refetch } = useQuery(SOURCE, { variables: { name } });
  const source = readFragment(SOURCE_VIEW, data?.source);
  const unknown = data !== undefined && source == null;
  return (
    <section aria-labelledby="rows-heading" aria-busy={data === undefined && error === undefined}>
      <h2 id="rows-heading">{name}</h2>
      {error !== undefined && (
        <Notice title="The source can’t be read" error={error} action="Try again" onAction={() => void refetch()} />
      )}
      {data === undefined && error === undefined && <p className="quiet">Loading the source…</p>}
      {unknown && (
        <p className="quiet" role="status">
          There is no source named <code>{name}</code>. Choose one from the list.
        </p>
      )}
      {source != null && (
        <>
          <p className="quiet">
            Table <code>{source.table}</code>, from{' '}
            {/^https?:/.test(source.url) ? (
              <a href={source.url} rel="noreferrer" target="_blank">
                {source.url}
              </a>
            ) : (
              source.url
            )}
          </p>
          <LiveGrid source={source.name} columns={source.columns} />
        </>
      )}
    </section>
  );
}
