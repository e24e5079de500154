"""Many rows at once: how many calls they take, and what happens where a sheet has no room for them."""

import asyncio

import pytest
import structlog

from db.runs import RunState
from sync.sheets.plan import MAX_CELLS
from tests.sync.sheets import COLUMNS, bench, delete, insert, update
from tests.sync.syncing import syncing


def lines(count: int) -> list[list[str]]:
    return [["ID", "Name"], *([str(i), f"name {i}"] for i in range(count))]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [1_500, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_many_changed_rows_are_written_back_in_one_call(database: str, count: int) -> None:
    with bench(lines=lines(count)) as people:
        async with syncing(database, people) as sync:
            await sync.settle()
            sync.sql("UPDATE people SET name = 'called ' || id")
            people.calls()
            run = await sync.run()
            writes = [call for call in people.calls() if call.startswith("POST")]
            assert run.counts.source_upserts == count
            assert len(writes) == 1
            assert (await people.shown(f"B{count}:B{count + 1}")) == [
                [f"called {count - 2}"],
                [f"called {count - 1}"],
            ]


async def test_inserts_and_deletes_are_one_call_and_neighbours_one_request() -> None:
    with bench(COLUMNS[:2], lines=lines(400)) as people:
        people.calls()
        edits = [delete(f'["{i}"]') for i in range(400) if i % 100]
        added = [insert(f'["{i}"]', id=float(i), name="new") for i in range(1000, 1200)]
        outcome = await people.adapter().write([*edits, *added])
        assert not any(one.moved_on or one.problems for one in outcome.written)
        calls = [call for call in people.control("GET", "requests") if call["path"].endswith(":batchUpdate")]
        assert [list(map(only, call["body"]["requests"])) for call in calls] == [
            [
                "insertDimension",
                "updateCells",
                "deleteDimension",
                "deleteDimension",
                "deleteDimension",
                "deleteDimension",
            ]
        ]
        assert sorted(await people.rows()) == sorted(f'["{i}"]' for i in (0, 100, 200, 300, *range(1000, 1200)))


def only(request: dict[str, object]) -> str:
    (name,) = request
    return name


async def test_a_full_spreadsheet_takes_no_row_and_all_else_goes_on(database: str) -> None:
    with bench() as people:
        async with syncing(database, people) as sync:
            await sync.settle()
            # Another worksheet takes all the room that this one leaves.
            grid = {"rowCount": 1_000, "columnCount": (MAX_CELLS - 26_000) // 1_000}
            await people.batch({"addSheet": {"properties": {"gridProperties": grid}}})
            sync.sql("INSERT INTO people (id, name) VALUES (8, 'Niklaus'), (9, 'Edsger')")
            sync.sql("UPDATE people SET name = 'Ada L' WHERE id = 1")
            people.calls()
            run = await sync.settle()
            assert run.state is RunState.PARTIAL
            assert [code for code, _ in sync.failures()] == ["SHEET_FULL"] * 2
            assert len([call for call in people.calls() if call.startswith("POST")]) == 2
            assert [row[1] for row in await sync.sheet()] == ["Ada L", "Grace", "Alan"]
            sync.sql("DELETE FROM people WHERE id = 2")
            await sync.settle()
            assert [row[1] for row in await sync.sheet()] == ["Ada L", "Alan"]
            # Room is made in the sheet: the rows go there by themselves.
            span = {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 10, "endIndex": 26}
            await people.batch({"deleteDimension": {"range": span}})
            assert (await sync.settle()).state is RunState.SUCCEEDED
            assert [row[1] for row in await sync.sheet()] == ["Ada L", "Alan", "Niklaus", "Edsger"]


async def test_a_merge_between_the_look_and_the_write_is_noticed_by_the_count_and_by_the_reading() -> None:
    area = {"sheetId": 0, "startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": 1, "endColumnIndex": 2}
    loop = asyncio.get_running_loop()
    with bench() as people:
        calls = 0

        def check() -> None:
            nonlocal calls
            calls += 1
            if calls == 2:
                # Right before the write, from a thread of its own.
                asyncio.run_coroutine_threadsafe(people.batch({"mergeCells": {"range": area}}), loop).result()

        with structlog.testing.capture_logs() as logs:
            edits = [update('["2"]', name="lost?", city="Boston")]
            (written,) = (await people.adapter(check).write(edits)).written
        assert written.moved_on
        assert written.row is not None
        assert written.row.merged == {"name"}
        assert [(log["asked"], log["updated"]) for log in logs if "asked" in log] == [(2, 1)]
