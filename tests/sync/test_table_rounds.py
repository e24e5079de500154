"""Rows that the table refuses: each its own failure; and rows that stand in each other's way, which all go through."""

import pytest

from db.runs import RunState
from db.sources import Column
from db.wire import ColumnType
from sync.source import Cell
from tests.sync.ground import COLUMNS, TABLE, Ground, ground, key

BOSS = (*COLUMNS, Column("boss", ColumnType.INTEGER, "Boss"))
_BOSS = TABLE + "ALTER TABLE people ADD boss integer REFERENCES people"
_UNIQUE = TABLE + "ALTER TABLE people ADD UNIQUE (name)"


def _type(at: Ground, id_: int, **cells: Cell) -> None:
    at.sheet.edit(key(id_), id=float(id_), **cells)


async def _codes(at: Ground) -> dict[str | None, str]:
    return {failure.key: failure.code for failure in await at.failures()}


def _versions(at: Ground) -> int:
    """How many savepoints had a part in the rows."""
    return int(at.sql("SELECT count(DISTINCT xmin::text) AS versions FROM people")[0]["versions"])


@pytest.mark.parametrize(
    ("constraint", "cells", "code"),
    [
        ("ALTER name SET NOT NULL", {"name": None}, "NOT_NULL"),
        ("ADD CHECK (age < 100)", {"age": 100.0}, "CHECK"),
        ("ADD UNIQUE (name)", {"name": "n1"}, "UNIQUE"),
        ("ADD FOREIGN KEY (age) REFERENCES people", {"age": 99.0}, "FOREIGN_KEY"),
        ("ADD EXCLUDE USING btree (name WITH =)", {"name": "n1"}, "EXCLUSION"),
        ("ALTER name TYPE varchar(3)", {"name": "long name"}, "VALUE"),
        ("ADD CHECK (true)", {"name": "a\0b"}, "VALUE"),
        ("ADD CHECK (true)", {"name": "a\ud800b"}, "VALUE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_refused_row_is_its_own_failure_and_holds_up_no_other(
    database: str, constraint: str, cells: dict[str, Cell], code: str
) -> None:
    async with ground(database, ddl=f"{TABLE} ALTER TABLE people {constraint}") as at:
        at.fill(1, 2, 3, 4)
        _type(at, 2, **cells)
        run = await at.settle()
        assert run.state is RunState.PARTIAL
        assert await _codes(at) == {key(2): code}
        assert {1, 3, 4} <= set(at.table())
        at.fill(2)
        await at.settle()
        assert at.table() == at.rows()
        assert await at.failures() == []


async def test_no_row_has_a_savepoint_of_its_own_where_all_is_well(database: str) -> None:
    async with ground(database) as at:
        at.fill(*range(300))
        await at.settle()
        assert _versions(at) == 1


@pytest.mark.parametrize("backwards", [False, True])
async def test_rows_that_refer_to_each_other_arrive_together(database: str, backwards: bool) -> None:
    async with ground(database, ddl=_BOSS, columns=BOSS) as at:
        at.fill(*range(10, 60))
        for id_ in range(10, 59):
            _type(at, *((id_,), (id_ + 1,))[backwards], boss=float((id_ + 1, id_)[backwards]))
        run = await at.settle()
        assert run.state is RunState.SUCCEEDED
        assert at.table("name, age, boss") == at.rows("name", "age", "boss")


async def test_a_row_can_go_once_nobody_refers_to_it(database: str) -> None:
    async with ground(database, ddl=_BOSS, columns=BOSS) as at:
        at.fill(1, 2, 3)
        _type(at, 2, boss=1.0)
        await at.settle()
        at.sheet.delete(key(1))
        _type(at, 2, boss=4.0)
        at.fill(4)
        await at.run()
        run = await at.settle()
        assert run.state is RunState.SUCCEEDED
        assert at.table("boss") == {2: (4,), 3: (None,), 4: (None,)}


@pytest.mark.parametrize("column", ["name", "name NOT NULL", "age NOT NULL", "deferrable"])
async def test_unique_values_are_exchanged(database: str, column: str) -> None:
    ddl = TABLE + "ALTER TABLE people ADD UNIQUE (name), ADD UNIQUE (age)"
    if column == "deferrable":
        ddl = TABLE + "ALTER TABLE people ADD UNIQUE (name) DEFERRABLE, ADD UNIQUE (age) DEFERRABLE INITIALLY DEFERRED"
    elif "NOT NULL" in column:
        ddl += f", ALTER {column.split(maxsplit=1)[0]} SET NOT NULL"
    async with ground(database, ddl=ddl) as at:
        at.fill(*range(1, 8))
        await at.settle()
        # Two rows exchange both values, three go round; the last one wants what another keeps.
        for id_, other in ((1, 2), (2, 1), (3, 4), (4, 5), (5, 3), (7, 6)):
            _type(at, id_, name=f"n{other}", age=float(other))
        run = await at.run()
        assert run.state is RunState.PARTIAL
        assert await _codes(at) == {key(7): "UNIQUE"}
        assert at.table() == {
            1: ("n2", 2),
            2: ("n1", 1),
            3: ("n4", 4),
            4: ("n5", 5),
            5: ("n3", 3),
            6: ("n6", 6),
            7: ("n7", 7),
        }
        _type(at, 7, name="n8", age=8.0)
        await at.settle()
        assert at.table() == at.rows()
        assert await at.failures() == []


async def test_what_others_refer_to_is_not_put_aside(database: str) -> None:
    ddl = _UNIQUE + "; CREATE TABLE other (name text REFERENCES people (name) ON UPDATE CASCADE)"
    async with ground(database, ddl=ddl) as at:
        at.fill(1, 2)
        await at.settle()
        at.sql("INSERT INTO other VALUES ('n1')")
        _type(at, 1, name="n2")
        _type(at, 2, name="n1")
        await at.settle()
        assert await _codes(at) == {key(1): "UNIQUE", key(2): "UNIQUE"}
        assert at.sql("SELECT name FROM other") == [{"name": "n1"}]


async def test_rows_in_a_circle_of_references_arrive_where_constraints_can_wait(database: str) -> None:
    async with ground(database, ddl=_BOSS + " DEFERRABLE", columns=BOSS) as at:
        at.fill(1, 2, 3, 4, 5)
        _type(at, 1, boss=2.0)
        _type(at, 2, boss=1.0)
        _type(at, 3, boss=99.0)
        _type(at, 4, boss=3.0)
        await at.settle()
        assert await _codes(at) == {key(3): "FOREIGN_KEY", key(4): "FOREIGN_KEY"}
        assert at.table("boss") == {1: (2,), 2: (1,), 5: (None,)}
        at.fill(99)
        await at.settle()
        assert at.table("boss") == at.rows("boss")
        assert await at.failures() == []


async def test_a_circle_that_can_not_be_freed_is_failures_until_somebody_breaks_it(database: str) -> None:
    async with ground(database, ddl=_BOSS, columns=BOSS) as at:
        at.fill(1, 2, 3)
        _type(at, 1, boss=2.0)
        _type(at, 2, boss=1.0)
        await at.settle()
        assert await _codes(at) == {key(1): "FOREIGN_KEY", key(2): "FOREIGN_KEY"}
        assert set(at.table()) == {3}
        _type(at, 2, boss=None)
        await at.settle()
        assert at.table("boss") == at.rows("boss") == {1: (2,), 2: (None,), 3: (None,)}
