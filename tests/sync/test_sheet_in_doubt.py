"""Writes to a sheet that people sort at that moment, by a process that ends, or loses Google, before it looks back."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

import pytest

from db.errors import LeadershipLost
from db.lease import Term
from db.runs import RunState, RunTrigger
from sync.adapters import Adapters
from sync.retry import RetryPolicy
from sync.runs.engine import Engine
from tests.grace import GRACE
from tests.sync.sheets import LINES, Bench, bench
from tests.sync.syncing import Sync, syncing
from tests.sync.test_sheet_engine import READ

AWAY = RetryPolicy(attempts=2, base_s=0.01)
BY_NAME = [["3", "Alan", "Wilmslow"], ["1", "Ada", "London"], ["2", "Grace", "Arlington"]]
FORMULAS = [[f"={column}*10"] for column in ("A2", "A3", "A4")]


async def google_is_away(sync: Sync) -> None:
    """The run's second look at the sheet is the one before its write."""
    sync.people.fault(READ, status=503, times=2)
    assert (await sync.run()).state is RunState.FAILED


async def the_process_ends(sync: Sync) -> None:
    """Between the write and the look after it; another one leads from then on."""

    def check() -> None:
        calls = sync.people.control("GET", "requests")
        if any(call["method"] == "POST" and "batchUpdate" in call["path"] for call in calls):
            raise LeadershipLost("it ended")

    sync.people.control("DELETE", "requests")
    term = Term(7, "leader", "", float("inf"))
    engine = Engine(sync.pool, term, b"key", sync.people.adapters.leading(check), grace=GRACE)
    with pytest.raises(LeadershipLost):
        await engine.run(sync.source.id, RunTrigger.MANUAL)


CutOff = Callable[[Sync], Coroutine[Any, Any, None]]
cut_off_by = pytest.mark.parametrize("cut_off", [google_is_away, the_process_ends])


@pytest.fixture
def people() -> Any:
    with bench(retry=AWAY) as made:
        yield made


@pytest.fixture
async def sync(database: str, people: Bench) -> AsyncIterator[Sync]:
    async with syncing(database, people) as made:
        # Columns are found by their headers, so that whoever types those moves columns.
        people.adapters.untaggable.add(made.source.id)
        assert (await made.settle()).state is RunState.SUCCEEDED
        yield made


def typed_before_the_write(people: Bench, range_: str, values: Sequence[Sequence[str | None]]) -> None:
    """After the second look of a run: the first is its reading, the second its write's."""
    people.type_after(READ, "Z9", [[None]])
    people.type_after(READ, range_, values)


def in_doubt(sync: Sync) -> int:
    return int(sync.sql("SELECT count(*) FROM rowcast.in_doubt")[0][0])


def names(sync: Sync) -> dict[int, str]:
    return dict(sync.sql("SELECT id, name FROM people ORDER BY id"))


@cut_off_by
async def test_a_value_in_a_row_that_a_sort_put_there_is_no_edit_of_that_row(sync: Sync, cut_off: CutOff) -> None:
    sync.sql("UPDATE people SET name = 'Grace H' WHERE id = 2")
    typed_before_the_write(sync.people, "A2", BY_NAME)
    await cut_off(sync)
    assert [row[1] for row in await sync.sheet()] == ["Alan", "Grace H", "Grace"], "it hit Ada's row"
    await sync.settle()
    assert [row[:2] for row in await sync.sheet()] == [[3, "Alan"], [1, "Ada"], [2, "Grace H"]]
    assert names(sync) == {1: "Ada", 2: "Grace H", 3: "Alan"}
    assert (sync.count("conflicts"), in_doubt(sync)) == (0, 0)


@cut_off_by
async def test_a_formula_that_was_hit_is_there_again(sync: Sync, cut_off: CutOff) -> None:
    sync.people.type("B2", [['="A"&"da"']])
    await sync.settle()
    sync.sql("UPDATE people SET name = 'Grace H' WHERE id = 2")
    typed_before_the_write(
        sync.people, "A2", [["3", "Alan", "Wilmslow"], ["1", '="A"&"da"', "London"], ["2", "Grace", "Arlington"]]
    )
    await cut_off(sync)
    await sync.settle()
    assert [row[1] for row in await sync.sheet()] == ["Alan", '="A"&"da"', "Grace H"]
    assert names(sync) == {1: "Ada", 2: "Grace H", 3: "Alan"}


@cut_off_by
async def test_a_row_that_was_deleted_in_place_of_another_comes_back(sync: Sync, cut_off: CutOff) -> None:
    sync.sql("DELETE FROM people WHERE id = 2")
    typed_before_the_write(sync.people, "A2", BY_NAME)
    await cut_off(sync)
    assert [row[0] for row in await sync.sheet()] == [3, 2], "Ada's row went"
    await sync.settle()
    assert sorted(row[:2] for row in await sync.sheet()) == [[1, "Ada"], [3, "Alan"]]
    assert names(sync) == {1: "Ada", 3: "Alan"}
    assert in_doubt(sync) == 0


@cut_off_by
async def test_a_row_inserted_as_columns_moved_is_no_row_of_a_persons(sync: Sync, cut_off: CutOff) -> None:
    sync.sql("INSERT INTO people (id, name, city) VALUES (9, 'Niklaus', 'Zürich')")
    moved = [[line[0], line[2], line[1], line[3]] for line in LINES]
    typed_before_the_write(sync.people, "A1", moved)
    await cut_off(sync)
    assert (await sync.sheet())[-1][:3] == [9, "Niklaus", "Zürich"], "in the order of before"
    await sync.settle()
    assert (await sync.sheet())[-1][:3] == [9, "Zürich", "Niklaus"]
    assert sync.sql("SELECT name, city FROM people WHERE id = 9") == [("Niklaus", "Zürich")]
    assert in_doubt(sync) == 0


@cut_off_by
async def test_an_id_in_a_row_that_a_sort_put_there_is_not_its_own(database: str, cut_off: CutOff) -> None:
    lines = (("Name", "City"), ("Ada", "London"), ("Grace", "Arlington"))
    with bench(lines=lines, retry=AWAY) as people:
        people.adapters = Adapters({"default": people.session})
        async with syncing(database, people, key=None) as sync:
            await sync.settle()
            ids = dict(sync.sql("SELECT name, rowcast_id::text FROM people"))
            people.type("A4", [["Alan", "Wilmslow"]])
            # The reading finds the row without an id, and writes one; by then it is above the others.
            by_name = [["Alan", "Wilmslow"], ["Ada", "London"], ["Grace", "Arlington"]]
            people.type_after(READ, "A2", [[*row, *[""] * 24, ids.get(row[0], "")] for row in by_name])
            await cut_off(sync)
            assert (await people.shown("AA4"))[0][0] not in ids.values(), "the new id went into Grace's row"
            await sync.settle()
            found = dict(sync.sql("SELECT name, rowcast_id::text FROM people"))
            assert {name: found[name] for name in ids} == ids, "each row kept its own"
            assert sorted(found) == ["Ada", "Alan", "Grace"]
            assert in_doubt(sync) == 0


async def test_what_people_typed_since_is_theirs_where_the_row_of_the_write_stayed(sync: Sync) -> None:
    sync.sql("UPDATE people SET city = 'done' WHERE id = 2")
    typed_before_the_write(sync.people, "Z9", [[None]])
    await google_is_away(sync)
    assert (await sync.sheet())[1][2] == "done", "it had arrived"
    sync.people.type("C3", [[None], ["done"]])
    await sync.settle()
    assert sync.sql("SELECT city FROM people WHERE id = 3") == [("done",)]
    assert (await sync.sheet())[2][2] == "done"


async def test_rows_that_people_deleted_since_stay_deleted(sync: Sync) -> None:
    sync.sql("DELETE FROM people WHERE id = 1")
    typed_before_the_write(sync.people, "Z9", [[None]])
    await google_is_away(sync)
    assert [row[0] for row in await sync.sheet()] == [2, 3], "it had arrived"
    await sync.people.batch(
        {"deleteDimension": {"range": {"sheetId": 0, "dimension": "ROWS", "startIndex": 1, "endIndex": 2}}}
    )
    await sync.settle()
    assert names(sync) == {3: "Alan"}
    assert [row[0] for row in await sync.sheet()] == [3]


async def test_a_write_in_doubt_to_another_spreadsheet_is_let_go(sync: Sync) -> None:
    sync.sql("UPDATE people SET name = 'Grace H' WHERE id = 2")
    typed_before_the_write(sync.people, "A2", BY_NAME)
    await google_is_away(sync)
    book = sync.people.sandbox.workbook_id("Other")
    sync.people.book = book
    sync.people.type("A1", LINES)
    sync.sql(f"UPDATE rowcast.sources SET sheet = jsonb_set(sheet, '{{spreadsheet}}', '\"{book}\"')")
    await sync.settle()
    assert in_doubt(sync) == 0
    assert names(sync)[1] == "Ada"


async def test_a_write_in_doubt_that_can_not_be_read_any_more_is_let_go(sync: Sync) -> None:
    sync.sql("UPDATE people SET name = 'Grace H' WHERE id = 2")
    typed_before_the_write(sync.people, "A2", BY_NAME)
    await google_is_away(sync)
    sync.sql("UPDATE rowcast.in_doubt SET request = 'of another version'")
    assert (await sync.settle()).state is RunState.SUCCEEDED
    assert in_doubt(sync) == 0


async def test_a_row_deleted_in_place_of_another_comes_back_once_its_key_has_a_header_again(sync: Sync) -> None:
    sync.sql("DELETE FROM people WHERE id = 2")
    typed_before_the_write(sync.people, "A2", BY_NAME)
    await google_is_away(sync)
    assert [row[0] for row in await sync.sheet()] == [3, 2], "Ada's row went"
    sync.people.type("A1", [["Number"]])
    assert (await sync.run()).state is RunState.FAILED
    assert in_doubt(sync) == 1
    sync.people.type("A1", [["ID"]])
    await sync.settle()
    assert sorted(row[:2] for row in await sync.sheet()) == [[1, "Ada"], [3, "Alan"]]
    assert names(sync) == {1: "Ada", 3: "Alan"}
    assert in_doubt(sync) == 0


async def test_a_write_that_finds_no_keys_leaves_it_to_the_next_run_which_rows_it_deleted(sync: Sync) -> None:
    sync.sql("DELETE FROM people WHERE id = 2")
    typed_before_the_write(sync.people, "A1", [["Number", "Name", "City"], *BY_NAME])
    assert (await sync.run()).state is RunState.FAILED
    assert [row[0] for row in await sync.sheet()] == [3, 2], "Ada's row went"
    assert in_doubt(sync) == 1
    sync.people.type("A1", [["ID"]])
    await sync.settle()
    assert sorted(row[:2] for row in await sync.sheet()) == [[1, "Ada"], [3, "Alan"]]
    assert names(sync) == {1: "Ada", 3: "Alan"}
    assert in_doubt(sync) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE people SET name = 'Ada L' WHERE id = 1",
        "DELETE FROM people WHERE id = 2",
        "INSERT INTO people (id, name, city) VALUES (9, 'Niklaus', 'Bern')",
    ],
)
async def test_nothing_but_the_call_itself_comes_of_one_that_was_kept_and_never_made(
    sync: Sync, statement: str
) -> None:
    sync.sql(statement)

    def check() -> None:
        if in_doubt(sync):
            raise LeadershipLost("it ended")

    engine = Engine(
        sync.pool, Term(7, "leader", "", float("inf")), b"key", sync.people.adapters.leading(check), grace=GRACE
    )
    with pytest.raises(LeadershipLost):
        await engine.run(sync.source.id, RunTrigger.MANUAL)
    assert in_doubt(sync) == 1
    sync.people.type("A2", BY_NAME)
    await sync.run()
    # Nobody knows that rows were not moved, until such a call can be carried out no more.
    sync.ahead += GRACE
    await sync.settle()
    in_table = sync.sql("SELECT id, name, city FROM people ORDER BY id")
    assert sorted(tuple(row[:3]) for row in await sync.sheet()) == in_table
    assert len(in_table) == {"U": 3, "D": 2, "I": 4}[statement[0]]
    assert sync.count("conflicts") == 0
