import { Notice } from './Notice';
import { SourceItem } from './SourceItem';
import type { Sources } from './useSources';

interface Props {
  readonly sources: Sources;
  readonly selected: string | undefined;
}

export function SourceList({ sources: { list, error, reload, showMore }, selected }: Props) {
  return (
    <section aria-labelledby="sources-heading" aria-busy={list === undefined && error === undefined}>
      <h2 id="sources-heading">Sources</h2>
      {error !== undefined && <Notice title="The sources can’t be read" error={error} action="Try again" onAction={reload} />}
      {list === undefined && error === undefined && <p className="quiet">Loading the sources…</p>}
      {list?.nodes.length === 0 && (
        <p className="quiet">
          No sources yet. Register one with the <code>registerSource</code> mutation in the{' '}
          <a href="/playground">playground</a>; it appears here at once.
        </p>
      )}
      {list !== undefined && list.nodes.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-labelledby="sources-heading">
          <table className="sources">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Kind</th>
                <th scope="col">State</th>
                <th scope="col" className="number">
                  Rows
                </th>
                <th scope="col">Last run</th>
                <th scope="col" className="number">
                  Conflicts
                </th>
                <th scope="col" className="number">
                  Failures
                </th>
              </tr>
            </thead>
            <tbody>
              {list.nodes.map((source) => (
                <SourceItem key={source.id} source={source} selected={source.name === selected} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {list?.hasNextPage === true && (
        <button type="button" onClick={showMore}>
          Show more of the {list.totalCount} sources
        </button>
      )}
    </section>
  );
}
