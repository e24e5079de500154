"""The names that entries of the log refer to by number: tables, and layouts (the order of a table's columns).

They are stored in the append that needs them first, so the log is never without a name, whatever Postgres loses of its
last moment. Whoever appends remembers their numbers for as long as its connection lasts: no crash of Postgres and no
failover leaves a connection behind.
"""

from collections.abc import AsyncIterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakKeyDictionary

from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from db.log_format import layout_text
from db.session import Connection

_RELATION = """INSERT INTO rowcast.log_relations (name) VALUES (%(name)s)
    ON CONFLICT (name) DO UPDATE SET name = EXCLUDED.name RETURNING id"""

_LAYOUT = """WITH found AS (SELECT min(id) AS id FROM rowcast.log_layouts WHERE columns::text = %(columns)s), made AS (
        INSERT INTO rowcast.log_layouts (columns) SELECT %(columns)s::json FROM found WHERE id IS NULL RETURNING id)
    SELECT id FROM found WHERE id IS NOT NULL UNION ALL SELECT id FROM made"""

OF_RELATION: Final = "relation = (SELECT id FROM rowcast.log_relations WHERE name = %(relation)s)"
"""The condition that an entry is of the table that the log calls `relation`."""


class LogNames:
    """Numbers by name."""

    def __init__(self) -> None:
        self.relations: dict[str, int] = {}
        self.layouts: dict[tuple[str, ...], int] = {}

    async def store(
        self, cursor: AsyncCursor[TupleRow], relations: AbstractSet[str], layouts: AbstractSet[tuple[str, ...]]
    ) -> None:
        """Find the numbers of those that aren't known, or give them one, in the open transaction."""
        for name in relations - self.relations.keys():
            self.relations[name] = await _number(cursor, _RELATION, {"name": name})
        for columns in layouts - self.layouts.keys():
            self.layouts[columns] = await _number(cursor, _LAYOUT, {"columns": layout_text(columns)})


_KNOWN: WeakKeyDictionary[Connection, LogNames] = WeakKeyDictionary()


@asynccontextmanager
async def names_known(connection: Connection) -> AsyncIterator[LogNames]:
    """What the connection knows, for one append: nothing any more where that is undone, and the names with it."""
    names = _KNOWN.pop(connection, None) or LogNames()
    yield names
    _KNOWN[connection] = names


async def _number(cursor: AsyncCursor[TupleRow], query: str, parameters: Mapping[str, str]) -> int:
    row = await (await cursor.execute(query.encode(), parameters)).fetchone()
    assert row is not None
    number: int = row[0]
    return number
