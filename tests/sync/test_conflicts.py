"""What the policies do with conflicts, asking for one to be settled, and paging through conflicts and failures."""

import pytest

from db.changes import WireValue
from db.conflicts import (
    ConflictChoice,
    ConflictKind,
    ConflictRecord,
    ConflictState,
    choose,
    get_conflict,
    list_conflicts,
)
from db.errors import BadUserInput, Conflict, NotFound
from db.failures import FailureState, get_failure, list_failures
from db.runs import RunTrigger
from db.sources import ConflictPolicy, Side
from db.sync_requests import request_sync
from tests.sync.ground import Ground, ground, key
from tests.sync.memory_source import Broken


async def _choose(at: Ground, id_: int, choice: ConflictChoice, *value: WireValue) -> ConflictRecord:
    async with at.pool.connection() as connection:
        given = value[0] if value else None
        return await choose(connection, id_, choice, given, has_value=bool(value), actor="local")


async def _in_conflict(at: Ground) -> tuple[ConflictRecord, ConflictRecord]:
    """One of a cell, one of a row."""
    at.fill(1, 2, 3)
    await at.settle()
    at.sheet.edit(key(1), age=5.0)
    at.sql("UPDATE people SET age = 6 WHERE id = 1")
    at.sheet.edit(key(2), name="sheet")
    at.sql("DELETE FROM people WHERE id = 2")
    await at.settle()
    cell, row = await at.conflicts()
    return cell, row


async def test_a_choice_that_makes_no_sense_is_refused(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.MANUAL) as at:
        cell, row = await _in_conflict(at)
        value = ConflictChoice.VALUE
        for id_, choice, given, message in (
            (cell.id, value, (), "Give a value"),
            (cell.id, ConflictChoice.SOURCE, (1,), "only with it"),
            (cell.id, value, ("many",), "Column age: expected an integer"),
            (row.id, value, ("x",), "by a row object"),
            (row.id, value, ({"nope": 1},), "no column nope"),
            (row.id, value, ({"id": 9, "name": "x"},), "is the row's key and stays 2"),
        ):
            with pytest.raises(BadUserInput, match=message):
                await _choose(at, id_, choice, *given)
        with pytest.raises(NotFound):
            await _choose(at, 10**9, ConflictChoice.SOURCE)
        assert [conflict.choice for conflict in await at.conflicts()] == [None, None]


async def test_a_settled_conflict_stays_settled(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.MANUAL) as at:
        cell, row = await _in_conflict(at)
        await _choose(at, cell.id, ConflictChoice.SOURCE)
        asked = await _choose(at, row.id, ConflictChoice.VALUE, {"id": 2, "name": "both"})
        assert (asked.state, asked.choice, asked.resolution) == (ConflictState.OPEN, ConflictChoice.VALUE, None)
        await at.settle()
        assert at.table() == at.rows() == {1: ("n1", 5), 2: ("both", 2), 3: ("n3", 3)}
        with pytest.raises(Conflict, match="resolved already"):
            await _choose(at, cell.id, ConflictChoice.DATABASE)


async def test_lists_are_paged_and_filtered(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.MANUAL) as at:
        cell, row = await _in_conflict(at)
        for id_ in (11, 12, 13):
            at.sheet.edit(key(id_), id=float(id_), age="old")
        await at.settle()
        async with at.pool.connection() as connection:
            one = await list_conflicts(connection, first=1)
            two = await list_conflicts(connection, first=1, after=one.nodes[0].id, state=ConflictState.OPEN)
            assert [conflict.id for conflict in (*one.nodes, *two.nodes)] == [row.id, cell.id]
            assert (one.total, one.has_next_page, two.has_next_page) == (2, True, False)
            none = await list_conflicts(connection, first=1, state=ConflictState.RESOLVED)
            assert (none.nodes, none.total) == ((), 0)
            assert await get_conflict(connection, 10**9) is None
            failures = await list_failures(connection, source_id=at.source_id, first=2)
            assert (len(failures.nodes), failures.total, failures.has_next_page) == (2, 3, True)
            last = failures.nodes[-1]
            rest = await list_failures(connection, first=2, after=last.id, state=FailureState.OPEN)
            assert [failure.key for failure in rest.nodes] == [key(11)]
            found = await get_failure(connection, last.id)
            assert found == last
            assert await get_failure(connection, 10**9) is None


_DATABASE = {1: ("db", 11), 3: ("db", 3), 4: ("db", 4), 5: ("n5", 5)}
_SOURCE = {1: ("sheet", 11), 2: ("sheet", 2), 4: ("sheet", 4), 5: ("n5", 5)}


@pytest.mark.parametrize("policy", ConflictPolicy)
async def test_each_policy_settles_each_kind_and_all_are_recorded(database: str, policy: ConflictPolicy) -> None:
    async with ground(database, policy=policy) as at:
        at.fill(1, 2, 3, 5)
        await at.settle()
        at.sheet.edit(key(1), name="sheet", age=11.0)
        at.sql("UPDATE people SET name = 'db' WHERE id IN (1, 3)")
        at.sheet.edit(key(2), name="sheet")
        at.sql("DELETE FROM people WHERE id = 2")
        at.sheet.delete(key(3))
        at.sheet.edit(key(4), id=4.0, name="sheet", age=4.0)
        at.sql("INSERT INTO people VALUES (4, 'db', 4)")
        await at.settle()
        found = await at.conflicts()
        assert sorted((one.key, one.kind, one.column) for one in found) == [
            (key(1), ConflictKind.CELL, "name"),
            (key(2), ConflictKind.EDIT_DELETE, None),
            (key(3), ConflictKind.EDIT_DELETE, None),
            (key(4), ConflictKind.INSERT_INSERT, None),
        ]
        if policy is ConflictPolicy.MANUAL:
            assert (at.table(), at.rows()) == (_DATABASE, _SOURCE), "cells that aren't in conflict go on"
            assert {one.state for one in found} == {ConflictState.OPEN}
            return
        # No log says when the table was edited: the later edit is then the database's.
        source_wins = policy is ConflictPolicy.SOURCE_WINS
        assert at.table() == at.rows() == (_SOURCE if source_wins else _DATABASE)
        choice = ConflictChoice.SOURCE if source_wins else ConflictChoice.DATABASE
        assert {(one.state, one.resolution, one.resolved_by) for one in found} == {
            (ConflictState.RESOLVED, choice, policy.value)
        }


async def test_a_policy_that_the_source_no_longer_has_settles_nothing(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.DATABASE_WINS) as at:
        at.fill(1)
        await at.settle()
        at.sheet.edit(key(1), name="sheet")
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")

        def types() -> None:
            at.sheet.before_write = None
            at.sheet.edit(key(1), name="sheet 2")

        at.sheet.before_write = types
        await at.run(RunTrigger.SCHEDULE)
        await at.change(conflict_policy=ConflictPolicy.MANUAL)
        await at.settle()
        assert (at.table(), at.rows()) == ({1: ("db", 1)}, {1: ("sheet 2", 1)})
        overtaken, conflict = await at.conflicts()
        assert (overtaken.source_value, overtaken.state) == ("sheet", ConflictState.RESOLVED)
        assert (conflict.source_value, conflict.state, conflict.choice) == ("sheet 2", ConflictState.OPEN, None)
        await _choose(at, conflict.id, ConflictChoice.SOURCE)
        await at.settle()
        assert at.table() == at.rows() == {1: ("sheet 2", 1)}


async def test_what_a_policy_began_a_winner_may_end(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.DATABASE_WINS) as at:
        at.fill(1)
        await at.settle()
        at.sheet.edit(key(1), name="sheet")
        at.sql("UPDATE people SET name = 'db' WHERE id = 1")
        at.sheet.before_write = lambda: at.sheet.edit(key(1), name="sheet 2")
        await at.run()
        at.sheet.before_write = None
        async with at.pool.connection() as connection:
            await request_sync(connection, at.source_id, Side.SOURCE)
        await at.settle()
        assert at.table() == at.rows() == {1: ("sheet 2", 1)}
        [conflict] = await at.conflicts()
        assert (conflict.resolution, conflict.resolved_by) == (ConflictChoice.SOURCE, "winner")


@pytest.mark.parametrize("name", ["winner", "SOURCE_WINS", "TWO_WAY", "formula"])
async def test_a_choice_is_a_persons_whatever_the_name_of_their_token(database: str, name: str) -> None:
    async with ground(database, policy=ConflictPolicy.MANUAL) as at:
        cell, _ = await _in_conflict(at)
        async with at.pool.connection() as connection:
            await choose(connection, cell.id, ConflictChoice.SOURCE, None, has_value=False, actor=name)
        await at.settle()
        assert (at.table()[1], at.rows()[1]) == (("n1", 5), ("n1", 5))
        chosen, _ = await at.conflicts()
        assert (chosen.state, chosen.resolution, chosen.resolved_by) == (
            ConflictState.RESOLVED,
            ConflictChoice.SOURCE,
            name,
        )


async def test_what_a_formula_won_in_a_run_that_was_cut_off_is_no_persons_choice(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.MANUAL) as at:
        at.fill(1, 2)
        at.sheet.formulas = {"age": lambda cells: float(len(str(cells["name"])))}
        await at.settle()
        at.sheet.edit(key(1), name="longer")
        at.sql("UPDATE people SET age = 50 WHERE id = 1")
        at.sql("UPDATE people SET name = 'written' WHERE id = 2")
        at.sheet.fail_at = "before write"
        with pytest.raises(Broken):
            await at.run()
        [begun] = await at.conflicts()
        assert (begun.state, begun.choice, begun.resolved_by) == (ConflictState.OPEN, ConflictChoice.SOURCE, "formula")
        at.sheet.formulas = {}
        at.sheet.edit(key(1), age=7.0)
        at.sql("UPDATE people SET age = 8 WHERE id = 1")
        await at.settle()
        assert (at.table("age")[1], at.rows("age")[1]) == ((8,), (7.0,))
        over, found = await at.conflicts()
        assert (over.state, found.state, found.choice) == (ConflictState.RESOLVED, ConflictState.OPEN, None)
