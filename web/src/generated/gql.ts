/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  fragment SourceItem on Source {\n    name\n    description\n    kind\n    state\n    stateReason\n    rowCount\n    openConflicts\n    openFailures\n    lastRun {\n      id\n      state\n      startedAt\n      finishedAt\n      message\n    }\n  }\n": typeof types.SourceItemFragmentDoc,
    "\n  fragment SourceView on Source {\n    name\n    table\n    url\n    columns {\n      name\n      type\n      isKey\n    }\n  }\n": typeof types.SourceViewFragmentDoc,
    "\n  query SelectedSource($name: String!) {\n    source(name: $name) {\n      id\n      ...SourceView\n    }\n  }\n": typeof types.SelectedSourceDocument,
    "\n  query Sources($first: Int!) {\n    sources(first: $first) {\n      nodes {\n        id\n        name\n        ...SourceItem\n      }\n      hasNextPage\n      totalCount\n    }\n  }\n": typeof types.SourcesDocument,
    "\n  query RefreshedSource($name: String!) {\n    source(name: $name) {\n      id\n      ...SourceItem\n      ...SourceView\n    }\n  }\n": typeof types.RefreshedSourceDocument,
    "\n  subscription Events {\n    events {\n      id\n      source\n    }\n  }\n": typeof types.EventsDocument,
    "\n  subscription Changes($source: String!, $after: Cursor) {\n    changes(source: $source, after: $after, snapshot: true) {\n      cursor\n      committedAt\n      cause\n      actor\n      snapshot\n      reset\n      upToDate\n      changes {\n        operation\n        key\n        row\n        changed\n      }\n    }\n  }\n": typeof types.ChangesDocument,
};
const documents: Documents = {
    "\n  fragment SourceItem on Source {\n    name\n    description\n    kind\n    state\n    stateReason\n    rowCount\n    openConflicts\n    openFailures\n    lastRun {\n      id\n      state\n      startedAt\n      finishedAt\n      message\n    }\n  }\n": types.SourceItemFragmentDoc,
    "\n  fragment SourceView on Source {\n    name\n    table\n    url\n    columns {\n      name\n      type\n      isKey\n    }\n  }\n": types.SourceViewFragmentDoc,
    "\n  query SelectedSource($name: String!) {\n    source(name: $name) {\n      id\n      ...SourceView\n    }\n  }\n": types.SelectedSourceDocument,
    "\n  query Sources($first: Int!) {\n    sources(first: $first) {\n      nodes {\n        id\n        name\n        ...SourceItem\n      }\n      hasNextPage\n      totalCount\n    }\n  }\n": types.SourcesDocument,
    "\n  query RefreshedSource($name: String!) {\n    source(name: $name) {\n      id\n      ...SourceItem\n      ...SourceView\n    }\n  }\n": types.RefreshedSourceDocument,
    "\n  subscription Events {\n    events {\n      id\n      source\n    }\n  }\n": types.EventsDocument,
    "\n  subscription Changes($source: String!, $after: Cursor) {\n    changes(source: $source, after: $after, snapshot: true) {\n      cursor\n      committedAt\n      cause\n      actor\n      snapshot\n      reset\n      upToDate\n      changes {\n        operation\n        key\n        row\n        changed\n      }\n    }\n  }\n": types.ChangesDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment SourceItem on Source {\n    name\n    description\n    kind\n    state\n    stateReason\n    rowCount\n    openConflicts\n    openFailures\n    lastRun {\n      id\n      state\n      startedAt\n      finishedAt\n      message\n    }\n  }\n"): (typeof documents)["\n  fragment SourceItem on Source {\n    name\n    description\n    kind\n    state\n    stateReason\n    rowCount\n    openConflicts\n    openFailures\n    lastRun {\n      id\n      state\n      startedAt\n      finishedAt\n      message\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment SourceView on Source {\n    name\n    table\n    url\n    columns {\n      name\n      type\n      isKey\n    }\n  }\n"): (typeof documents)["\n  fragment SourceView on Source {\n    name\n    table\n    url\n    columns {\n      name\n      type\n      isKey\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query SelectedSource($name: String!) {\n    source(name: $name) {\n      id\n      ...SourceView\n    }\n  }\n"): (typeof documents)["\n  query SelectedSource($name: String!) {\n    source(name: $name) {\n      id\n      ...SourceView\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Sources($first: Int!) {\n    sources(first: $first) {\n      nodes {\n        id\n        name\n        ...SourceItem\n      }\n      hasNextPage\n      totalCount\n    }\n  }\n"): (typeof documents)["\n  query Sources($first: Int!) {\n    sources(first: $first) {\n      nodes {\n        id\n        name\n        ...SourceItem\n      }\n      hasNextPage\n      totalCount\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query RefreshedSource($name: String!) {\n    source(name: $name) {\n      id\n      ...SourceItem\n      ...SourceView\n    }\n  }\n"): (typeof documents)["\n  query RefreshedSource($name: String!) {\n    source(name: $name) {\n      id\n      ...SourceItem\n      ...SourceView\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription Events {\n    events {\n      id\n      source\n    }\n  }\n"): (typeof documents)["\n  subscription Events {\n    events {\n      id\n      source\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription Changes($source: String!, $after: Cursor) {\n    changes(source: $source, after: $after, snapshot: true) {\n      cursor\n      committedAt\n      cause\n      actor\n      snapshot\n      reset\n      upToDate\n      changes {\n        operation\n        key\n        row\n        changed\n      }\n    }\n  }\n"): (typeof documents)["\n  subscription Changes($source: String!, $after: Cursor) {\n    changes(source: $source, after: $after, snapshot: true) {\n      cursor\n      committedAt\n      cause\n      actor\n      snapshot\n      reset\n      upToDate\n      changes {\n        operation\n        key\n        row\n        changed\n      }\n    }\n  }\n"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;