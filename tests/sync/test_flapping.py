"""Cells that flip between two values for ever are left as they are, until somebody or time ends it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from db.base import BaseRow
from db.failures import FailureState
from db.runs import RunState
from db.sources import Side
from sync.merge.plan import RowPlan
from sync.merge.turns import FLAPPING, MOST, WINDOW
from tests.sync.ground import TABLE, Ground, ground, key
from tests.sync.row_world import KEY, World, rules

# RETURNING shows what was written: the change comes after it, as a change by anybody else would.
LOUD = (
    TABLE
    + """CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE people SET name = upper(name) WHERE id = NEW.id AND name <> upper(name); RETURN NULL; END $$;
    CREATE TRIGGER loud AFTER INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION loud()"""
)


def _hushed(at: Ground) -> None:
    for row in at.sheet.rows.values():
        row["name"] = str(row["name"]).lower()


def _world(source: str = "a", table: str = "a") -> World:
    base = BaseRow(KEY, {"name": "a", "age": 1.0, "total": None}, {"name": "a", "age": "1", "total": None})
    texts: dict[str, str | None] = {"name": table, "age": "1", "total": None}
    return World(rules(), base, {"name": source, "age": 1.0}, texts)


def _flip(world: World) -> RowPlan:
    """A run; then whichever side was written has its old value back."""
    plan = world.run()
    assert world.source is not None
    assert world.table is not None
    if plan.table_edit is not None:
        world.table["name"] = "loud"
    if plan.source_write is not None:
        world.source["name"] = "quiet"
    return plan


def _held(world: World) -> bool:
    plan = _flip(world)
    return (plan.table_edit, plan.source_write, [one.code for one in plan.failures]) == (None, None, [FLAPPING])


def _flapping() -> World:
    world = _world(source="quiet")
    for _ in range(MOST):
        assert not _held(world)
    assert _held(world)
    return world


def test_after_a_few_turns_the_cell_is_left_and_nothing_is_remembered_anew() -> None:
    world = _flapping()
    base = world.base
    assert _held(world)
    assert world.base == base


@pytest.mark.parametrize("side", Side)
def test_another_value_of_either_side_goes_through(side: Side) -> None:
    world = _flapping()
    assert world.source is not None
    assert world.table is not None
    if side is Side.SOURCE:
        world.source["name"] = "new"
    else:
        world.table["name"] = "new"
    world.rest()
    assert (world.source["name"], world.table["name"]) in (("new", "new"), ("loud", "loud"))
    assert world.failures == []


def test_it_is_tried_again_after_a_while_and_when_it_is_asked_for() -> None:
    world = _flapping()
    world.now += WINDOW
    assert not _held(world)
    assert _held(world), "one turn is enough to see that nothing was mended"
    world.failures = [replace(failure, state=FailureState.RETRYING) for failure in world.failures]
    assert not _held(world)


def test_slow_changes_and_changes_of_one_side_are_nobodys_business() -> None:
    world = _world(source="quiet")
    for _ in range(3 * MOST):
        assert not _held(world)
        world.now += WINDOW + timedelta(seconds=1)
    world = _world()
    for turn in range(3 * MOST):
        assert world.source is not None
        world.source["name"] = f"typed {turn % 2}"
        assert world.run().failures == ()


async def test_a_trigger_and_a_script_that_quarrel_are_stopped(database: str) -> None:
    async with ground(database, ddl=LOUD) as at:
        at.sheet.after_write = lambda: _hushed(at)
        at.sheet.edit(key(1), id=1.0, name="ada", age=1.0)
        at.sheet.edit(key(2), id=2.0, name="4", age=2.0)
        for _ in range(1 + MOST):  # the row is inserted, then it flips
            run = await at.run()
            assert run.state is RunState.SUCCEEDED
        run = await at.run()
        assert run.state is RunState.PARTIAL
        [failure] = await at.failures()
        assert (failure.code, failure.column, failure.key) == (FLAPPING, "name", key(1))
        assert failure.address is not None
        assert failure.address in failure.message
        written = len(at.sheet.writes)
        at.sheet.edit(key(1), age=7.0)
        at.sql("UPDATE people SET age = 22 WHERE id = 2")
        await at.settle()
        assert (at.table()[1], at.rows()[2]) == (("ADA", 7), ("4", 22.0)), "everything else goes on"
        assert len(at.sheet.writes) == written + 1
        at.sql("DROP TRIGGER loud ON people")
        at.sheet.edit(key(1), name="ada l")
        run = await at.settle()
        assert run.state is RunState.SUCCEEDED
        assert at.table() == at.rows()
        assert [conflict.source_value for conflict in await at.conflicts()] == ["ada l"], (
            "the table's ADA was an edit too"
        )
        assert await at.failures() == []
        assert [one.code for one in await at.failures(FailureState.RESOLVED)] == [FLAPPING]
