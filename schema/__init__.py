"""The public GraphQL schema over sources, rows, changes and runs. Transports live in `api`."""
