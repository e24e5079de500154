/** What the playground shows at the first visit. The names are those of the demo. */
const variables = JSON.stringify({ source: 'customers' }, null, 2);

export const examples = [
  {
    query: `# The rows of a source, kept current. Run it, then edit a cell of the sheet.
subscription Changes($source: String!) {
  changes(source: $source, snapshot: true) {
    cursor
    cause
    actor
    snapshot
    upToDate
    changes {
      operation
      key
      row
      changed
    }
  }
}
`,
    variables,
  },
  {
    query: `query Sources {
  sources {
    nodes {
      name
      kind
      state
      stateReason
      rowCount
      openConflicts
      openFailures
      columns {
        name
        type
        isKey
      }
    }
  }
}
`,
  },
  {
    query: `query Rows($source: String!) {
  rows(source: $source, first: 10) {
    totalCount
    asOf
    nodes {
      key
      data
    }
  }
}
`,
    variables,
  },
];
