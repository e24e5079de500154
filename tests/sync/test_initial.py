"""The first run of a source: a table from a sheet, a sheet from a table, two that have rows; in a real worksheet."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psycopg
import pytest

from db.sources import Initial
from tests.sync.sheets import bench
from tests.sync.syncing import Sync, syncing

_TABLE = """CREATE TABLE folk (id integer PRIMARY KEY, name text, city text, total double precision);
    ALTER TABLE folk REPLICA IDENTITY FULL;"""
_ROWS = "INSERT INTO folk VALUES (1, 'Ada L', 'London', NULL), (9, 'Edsger', 'Austin', NULL);"
_HEADER = ("ID", "Name", "City", "Total")
_LINES = (_HEADER, ("1", "Ada", "London", "=A2*10"), ("2", "Grace", "Arlington", "=A3*10"))

MERGED = [(1, "Ada L", "London"), (2, "Grace", "Arlington"), (9, "Edsger", "Austin")]


@asynccontextmanager
async def _adopting(database: str, ddl: str, lines: Sequence[Sequence[str]], initial: Initial) -> AsyncIterator[Sync]:
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(ddl.encode())
    with bench(lines=lines) as people:
        async with syncing(database, people, table="folk", adopt=True, initial=initial) as sync:
            await sync.settle()
            yield sync


async def _both(sync: Sync) -> list[tuple[object, ...]]:
    """The rows, which are the same on both sides."""
    table = sync.sql("SELECT id, name, city FROM folk ORDER BY id")
    assert sorted(tuple(row[:3]) for row in await sync.sheet()) == table
    return table


@pytest.mark.parametrize("initial", [Initial.MERGE, Initial.DATABASE])
async def test_an_empty_sheet_is_filled_from_the_table(database: str, initial: Initial) -> None:
    async with _adopting(database, _TABLE + _ROWS, (_HEADER,), initial) as sync:
        assert await _both(sync) == [(1, "Ada L", "London"), (9, "Edsger", "Austin")]


@pytest.mark.parametrize("initial", [Initial.MERGE, Initial.SOURCE])
async def test_an_empty_table_is_filled_from_the_sheet(database: str, initial: Initial) -> None:
    async with _adopting(database, _TABLE, _LINES, initial) as sync:
        assert await _both(sync) == [(1, "Ada", "London"), (2, "Grace", "Arlington")]
        assert sync.sql("SELECT total FROM folk ORDER BY id") == [(10,), (20,)]


@pytest.mark.parametrize(
    ("initial", "rows"),
    [
        (Initial.MERGE, MERGED),
        (Initial.SOURCE, [(1, "Ada", "London"), (2, "Grace", "Arlington")]),
        (Initial.DATABASE, [(1, "Ada L", "London"), (9, "Edsger", "Austin")]),
    ],
)
async def test_two_sides_with_rows_are_merged_or_one_overwrites_the_other_once(
    database: str, initial: Initial, rows: list[tuple[object, ...]]
) -> None:
    async with _adopting(database, _TABLE + _ROWS, _LINES, initial) as sync:
        assert await _both(sync) == rows
        assert (await sync.sheet())[0][3] == "=A2*10"
        assert sync.sql("SELECT total FROM folk WHERE id = 1") == [(10,)], "formulas are the sheet's, whoever wins"
        sync.sql("INSERT INTO folk VALUES (20, 'Barbara', 'Boston')")
        sync.people.type("B2", [["Ada Lovelace"]])
        await sync.settle()
        both = await _both(sync)
        assert (both[0][1], both[-1][0]) == ("Ada Lovelace", 20), "from then on both sides count"
