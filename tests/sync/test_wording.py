"""What runs say of counts and keys, as people write them."""

import doctest
from typing import Any

import pytest

import db.keys
import sync.counted
from sync.runs.delete_guard import SideCounts, why_held
from tests.sync.ground import ground, key


@pytest.mark.parametrize("module", [db.keys, sync.counted])
def test_examples(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


def test_a_held_run_counts_as_people_do() -> None:
    assert "0 of 1 row from the database and 1,500 of 2,000 from" in why_held(
        SideCounts(1, 0, 0), SideCounts(2_000, 1_500, 0)
    )


async def test_a_run_says_how_much_can_not_go_through(database: str) -> None:
    async with ground(database) as at:
        at.fill(1, 2)
        at.sheet.edit(key(1), age="old")
        assert (await at.run()).message == "1 cell, row or request can't go through: see the failures."
        at.sheet.edit(key(2), age="young")
        assert (await at.run()).message == "2 cells, rows or requests can't go through: see the failures."


async def test_a_conflict_is_told_by_its_key_as_people_read_it(database: str) -> None:
    async with ground(database) as at:
        at.fill(1007)
        await at.settle()
        at.sheet.edit(key(1007), name="theirs")
        at.sql("UPDATE people SET name = 'ours' WHERE id = 1007")
        await at.run()
        assert at.events("CONFLICT") == ["Conflict in column name of 1007: it is settled for the database."]
