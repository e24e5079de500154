/** The subscription that feeds a live grid, and the types of what it sends. */
import { graphql } from '../generated';
import type { ChangesSubscription } from '../generated/graphql';

export const CHANGES = graphql(`
  subscription Changes($source: String!, $after: Cursor) {
    changes(source: $source, after: $after, snapshot: true) {
      cursor
      committedAt
      cause
      actor
      snapshot
      reset
      upToDate
      changes {
        operation
        key
        row
        changed
      }
    }
  }
`);

export type ChangeBatch = ChangesSubscription['changes'];
export type Change = ChangeBatch['changes'][number];
