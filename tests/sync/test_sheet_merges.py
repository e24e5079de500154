"""Merged cells: the value belongs to the first one; nothing is lost in the others without a word."""

from db.runs import RunState
from sync.adapters import Adapters
from tests.sync.sheets import LINES, Bench, bench, update
from tests.sync.syncing import syncing


async def merge(people: Bench, top: int, left: int, bottom: int, right: int, kind: str = "mergeCells") -> None:
    """Rows and columns count from 0; the ends are not in it."""
    area = {"startRowIndex": top, "endRowIndex": bottom, "startColumnIndex": left, "endColumnIndex": right}
    await people.batch({kind: {"range": {"sheetId": 0, **area}}})


async def test_covered_cells_are_read_as_empty(database: str) -> None:
    with bench() as people:
        await merge(people, 1, 1, 3, 3)
        async with syncing(database, people) as sync:
            assert (await sync.settle()).state is RunState.SUCCEEDED
            assert sync.sql("SELECT id, name, city FROM people ORDER BY id") == [
                (1, "Ada", None),
                (2, None, None),
                (3, "Alan", "Wilmslow"),
            ]


async def test_a_value_for_a_covered_cell_is_a_failure_there_until_it_is_unmerged(database: str) -> None:
    with bench() as people:
        await merge(people, 1, 1, 3, 2)
        async with syncing(database, people) as sync:
            await sync.settle()
            sync.sql("UPDATE people SET name = 'lost?', city = 'Boston' WHERE id = 2")
            sync.sql("UPDATE people SET name = 'Ada L' WHERE id = 1")
            run = await sync.settle()
            assert run.state is RunState.PARTIAL
            assert sync.failures() == [("MERGED_CELL", "Sheet1!B3")]
            assert [row[1:3] for row in await sync.sheet()][:2] == [["Ada L", "London"], ["", "Boston"]]
            assert sync.sql("SELECT name FROM people WHERE id = 2") == [("lost?",)]
            await merge(people, 1, 1, 3, 2, "unmergeCells")
            await sync.settle()
            assert sync.failures() == []
            assert [row[1] for row in await sync.sheet()] == ["Ada L", "lost?", "Alan"]


async def test_a_row_whose_key_is_covered_is_named_and_counts_as_no_deletion(database: str) -> None:
    with bench() as people:
        async with syncing(database, people) as sync:
            await sync.settle()
            await merge(people, 1, 0, 3, 1)
            await sync.settle()
            assert sync.failures() == [("MERGED_KEY", "Sheet1!A3")]
            assert sync.sql("SELECT count(*) FROM people") == [(3,)]
            await merge(people, 1, 0, 3, 1, "unmergeCells")
            people.type("A3", [["2"]])
            assert (await sync.settle()).state is RunState.SUCCEEDED


async def test_no_id_is_written_into_a_covered_cell(database: str) -> None:
    lines = [line[1:3] for line in LINES]
    with bench(lines=lines) as people:
        people.adapters = Adapters({"default": people.session})
        async with syncing(database, people, key=None) as sync:
            await sync.settle()
            await people.batch({"appendDimension": {"sheetId": 0, "dimension": "COLUMNS", "length": 1}})
            people.type("A5", [["A banner"]])
            await merge(people, 4, 0, 5, 28)
            people.calls()
            await sync.settle()
            assert sync.failures() == [("MERGED_KEY", "Sheet1!AA5")]
            assert [call for call in people.calls() if call.startswith("POST")] == []
            assert len(sync.sql("SELECT FROM people")) == 3


async def test_the_write_itself_refuses_a_covered_cell_and_goes_on_with_the_others() -> None:
    with bench() as people:
        await merge(people, 1, 1, 3, 2)
        (written,) = (await people.adapter().write([update('["2"]', name="x", city="Boston")])).written
        assert [(problem.code, problem.address) for problem in written.problems] == [("MERGED_CELL", "Sheet1!B3")]
        assert (await people.shown("B3:C3")) == [["", "Boston"]]
