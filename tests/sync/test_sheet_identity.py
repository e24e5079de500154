"""Which row of a real sheet is which: pasted, sorted, moved and inserted lines, changed keys, ids left by a sort."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from db.held import confirm_deletes
from db.runs import RunState
from db.sources import ConflictPolicy, Side
from db.sync_requests import request_sync
from sync.adapters import Adapters
from sync.sheets import chunks
from tests.sync.sheets import bench
from tests.sync.syncing import Sync, syncing

NAMES = ("Grace", "Niklaus", "Edsger", "Ada", "Barbara", "Alan")
CITIES = ("Arlington", "Zurich", "Austin", "London", "Boston", "Wilmslow")


@asynccontextmanager
async def managed(database: str) -> AsyncIterator[Sync]:
    """Six rows with ids of ours in a hidden column."""
    with bench(lines=[["Name", "City"], *map(list, zip(NAMES, CITIES, strict=True))]) as people:
        people.adapters = Adapters({"default": people.session})
        async with syncing(database, people, key=None) as sync:
            await sync.settle()
            yield sync


async def lines(sync: Sync) -> dict[str, list[Any]]:
    """Name and city by id, as the sheet shows them."""
    return {row[-1]: row[:2] for row in await sync.sheet() if any(row)}


def table(sync: Sync) -> dict[str, list[Any]]:
    return {str(id_): [name, city] for id_, name, city in sync.sql("SELECT rowcast_id, name, city FROM people")}


def rows(start: int, end: int) -> Mapping[str, Any]:
    return {"sheetId": 0, "dimension": "ROWS", "startIndex": start, "endIndex": end}


async def sort(sync: Sync, columns: int | None = None, descending: bool = False) -> None:
    """Sorts the rows by name, whole or their first columns only."""
    area: dict[str, Any] = {"sheetId": 0, "startRowIndex": 1, "endRowIndex": 7}
    if columns is not None:
        area |= {"startColumnIndex": 0, "endColumnIndex": columns}
    order = "DESCENDING" if descending else "ASCENDING"
    await sync.people.batch({"sortRange": {"range": area, "sortSpecs": [{"dimensionIndex": 0, "sortOrder": order}]}})


async def test_rows_sorted_moved_and_inserted_anywhere_are_the_same_rows(database: str) -> None:
    async with managed(database) as sync:
        before = table(sync)
        await sort(sync)
        await sync.people.batch(
            {"moveDimension": {"source": rows(1, 3), "destinationIndex": 6}},
            {"insertDimension": {"range": rows(3, 5)}},
        )
        sync.people.type("A4", [["Barbara", "Cambridge"]])
        run = await sync.settle()
        assert (run.state, run.counts.database_upserts, run.counts.database_deletes) == (RunState.SUCCEEDED, 1, 0)
        assert table(sync).items() > before.items()
        assert table(sync) == await lines(sync)


async def test_of_a_row_and_its_edited_copy_above_the_row_keeps_its_id(database: str) -> None:
    async with managed(database) as sync:
        before = table(sync)
        ids = {line[0]: id_ for id_, line in before.items()}
        # A person copies Alan's whole row to above all others, and makes it another one's.
        copy = {"sheetId": 0, "startRowIndex": 7, "endRowIndex": 8}
        await sync.people.batch(
            {"insertDimension": {"range": rows(1, 2)}},
            {"copyPaste": {"source": copy, "destination": {**copy, "startRowIndex": 1, "endRowIndex": 2}}},
        )
        sync.people.type("A2", [["Ole-Johan", "Oslo"]])
        run = await sync.settle()
        assert (run.state, run.counts.database_upserts, run.counts.conflicts) == (RunState.SUCCEEDED, 1, 0)
        after = table(sync)
        assert after == await lines(sync)
        assert {line[0]: id_ for id_, line in after.items()}.items() > ids.items()
        assert len(after) == 7


async def test_a_changed_key_is_a_delete_and_an_insert(database: str) -> None:
    with bench() as people:
        async with syncing(database, people, conflict_policy=ConflictPolicy.MANUAL) as sync:
            await sync.settle()
            people.type("A3", [["22"]])
            people.type("A4", [["33"]])
            sync.sql("UPDATE people SET city = 'Boston' WHERE id = 2")
            await sync.settle()
            assert sync.sql("SELECT id, name, city FROM people ORDER BY id") == [
                (1, "Ada", "London"),
                (2, "Grace", "Boston"),
                (22, "Grace", "Arlington"),
                (33, "Alan", "Wilmslow"),
            ]
            # Somebody edited the row whose key somebody else changed: a conflict, as of any edit and delete.
            open_ones = sync.sql("SELECT kind, key FROM rowcast.conflicts WHERE state = 'OPEN'")
            assert open_ones == [("EDIT_DELETE", '["2"]')]
            sync.sql("UPDATE people SET id = 11 WHERE id = 1")
            await sync.settle()
            assert sorted(row[0] for row in await sync.sheet()) == [11, 22, 33]


async def torn(sync: Sync) -> dict[str, list[Any]]:
    """A sort of what people see leaves the hidden ids where they were. The table as it was."""
    before = table(sync)
    await sort(sync, columns=2)
    sync.sql("UPDATE people SET city = 'Vienna' WHERE name = 'Grace'")
    run = await sync.settle()
    assert run.state is RunState.HELD
    assert run.message is not None
    assert "6 rows show what other rows showed before" in run.message
    assert {line[0]: line for line in table(sync).values()} == {
        line[0]: line if line[0] != "Grace" else ["Grace", "Vienna"] for line in before.values()
    }
    return before


async def test_a_sort_without_the_hidden_column_is_held_until_it_is_undone(database: str) -> None:
    async with managed(database) as sync:
        await torn(sync)
        assert (await sync.run()).state is RunState.HELD
        sync.people.type("A2", list(map(list, zip(NAMES, CITIES, strict=True))))
        assert (await sync.settle()).state is RunState.SUCCEEDED
        assert table(sync) == await lines(sync)
        assert dict(table(sync).values())["Grace"] == "Vienna"


async def test_confirmed_deletes_let_no_such_sort_through(database: str) -> None:
    async with managed(database) as sync:
        sync.sql("DELETE FROM people WHERE name <> 'Ada'")
        held = await sync.run()
        assert (held.state, held.message is not None and "confirmDeletes" in held.message) == (RunState.HELD, True)
        async with sync.pool.connection() as connection:
            await confirm_deletes(connection, held.id)
        shown = await sync.sheet()
        await sort(sync, columns=2)
        run = await sync.run()
        assert run.state is RunState.HELD
        assert run.message is not None
        assert "rows show what other rows showed before" in run.message
        assert (len(await sync.sheet()), sync.sql("SELECT name, city FROM people")) == (6, [("Ada", "London")])
        sync.people.type("A2", [line[:2] for line in shown])
        done = await sync.settle()
        assert (done.state, [line[:2] for line in await sync.sheet() if any(line)]) == (
            RunState.SUCCEEDED,
            [["Ada", "London"]],
        ), "what was confirmed is still confirmed"


async def test_who_is_right_after_such_a_sort_may_be_said(database: str) -> None:
    for winner in (Side.DATABASE, Side.SOURCE):
        async with managed(database) as sync:
            before = await torn(sync)
            shown = await lines(sync)
            async with sync.pool.connection() as connection:
                await request_sync(connection, sync.source.id, winner, lasting=False)
            assert (await sync.settle()).state is RunState.SUCCEEDED
            assert table(sync) == await lines(sync)
            if winner is Side.SOURCE:
                assert table(sync) == shown
            else:
                changed = {id_: line if line[0] != "Grace" else ["Grace", "Vienna"] for id_, line in before.items()}
                assert table(sync) == changed
            sync.sql("DROP TABLE people")
            sync.sql("DELETE FROM rowcast.sources")


async def test_a_few_edited_rows_are_not_taken_for_a_sort(database: str) -> None:
    async with managed(database) as sync:
        sync.people.type("A2", [["Grace", "Arlington"], ["Ada", "London"]])
        sync.people.type("B4:B7", [["a"], ["a"], ["b"], ["b"]])
        assert (await sync.settle()).state is RunState.SUCCEEDED
        sync.people.type("B4:B7", [["b"], ["b"], ["a"], ["a"]])
        assert (await sync.settle()).state is RunState.SUCCEEDED
        assert table(sync) == await lines(sync)


async def test_ids_of_many_rows_are_given_in_several_calls(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MAX_BYTES", 400)
    with bench(lines=[["Name", "City"], *([name, "Zurich"] for name in "abcdefghijklmnopqrst")]) as people:
        people.adapters = Adapters({"default": people.session})
        async with syncing(database, people, key=None) as sync:
            await sync.settle()
            ids = [row[-1] for row in await sync.sheet() if any(row)]
            assert len(set(ids)) == 20
            assert set(table(sync)) == set(ids)
        assert sum("values:batchUpdate" in call for call in people.calls()) > 1
