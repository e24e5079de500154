/** What the playground shows at the first visit. The names are those of the demo. */
export const examples = [
  {
    query: `# The rows of a source, kept current.
# Run it, then edit a cell of the sheet.
subscription Changes {
  changes(source: "customers", snapshot: true) {
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
    query: `# An eq, gt, like ... per column, joined by and, or, not.
query Rows {
  rows(source: "customers", where: { column: "id", lte: 10 }) {
    totalCount
    asOf
    nodes {
      key
      data
    }
  }
}
`,
  },
  {
    query: `# Columns that are left out keep their value.
mutation Upsert {
  upsertRows(source: "customers", rows: [{ id: 7, city: "Oslo" }]) {
    transactionId
    cursor
    rows {
      data
    }
  }
}
`,
  },
];
