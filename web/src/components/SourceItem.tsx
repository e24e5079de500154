import { type FragmentType, graphql, readFragment } from '../generated';
import { sourceAddress } from './selectedSource';
import { Moment } from './Moment';

export const SOURCE_ITEM = graphql(`
  fragment SourceItem on Source {
    name
    description
    kind
    state
    stateReason
    rowCount
    openConflicts
    openFailures
    lastRun {
      id
      state
      startedAt
      finishedAt
      message
    }
  }
`);

interface Props {
  readonly source: FragmentType<typeof SOURCE_ITEM>;
  readonly selected: boolean;
}

const KINDS = { SHEET: 'Sheet', FEED: 'Feed' } as const;

export function SourceItem(props: Props) {
  const source = readFragment(SOURCE_ITEM, props.source);
  const { lastRun } = source;
  return (
    <tr className={props.selected ? 'selected' : undefined} data-source={source.name}>
      <th scope="row">
        <a href={sourceAddress(source.name)} aria-current={props.selected ? 'true' : undefined}>
          {source.name}
        </a>
        {source.description !== null && <div className="quiet">{source.description}</div>}
      </th>
      <td data-label="Kind">{KINDS[source.kind]}</td>
      <td data-label="State">
        <span className={`badge ${source.state.toLowerCase()}`}>{source.state}</span>
        {source.stateReason !== null && <div className="reason">{source.stateReason}</div>}
      </td>
      <td data-label="Rows" className="number">
        {BigInt(source.rowCount).toLocaleString()}
      </td>
      <td data-label="Last run">
        {lastRun === null ? (
          <span className="quiet">none yet</span>
        ) : (
          <>
            <span className={`badge ${lastRun.state.toLowerCase()}`}>{lastRun.state}</span>{' '}
            <Moment at={lastRun.finishedAt ?? lastRun.startedAt} />
            {lastRun.message !== null && <div className="reason">{lastRun.message}</div>}
          </>
        )}
      </td>
      <td data-label="Conflicts" className={source.openConflicts > 0 ? 'number attention' : 'number'}>
        {source.openConflicts.toLocaleString()}
      </td>
      <td data-label="Failures" className={source.openFailures > 0 ? 'number attention' : 'number'}>
        {source.openFailures.toLocaleString()}
      </td>
    </tr>
  );
}
