"""Databases for servers that are measured one after the other."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.postgres import migrated_template, running_server


@contextmanager
def each_database() -> Iterator[Iterator[str]]:
    """As many migrated databases as are asked for, on a Postgres of our own that ends with the block."""
    with running_server(None) as server, migrated_template(server) as template:
        made: list[str] = []

        def databases() -> Iterator[str]:
            while True:
                made.append(server.create(template=template))
                yield made[-1]

        yield databases()
        for dsn in made:
            server.drop(dsn)
