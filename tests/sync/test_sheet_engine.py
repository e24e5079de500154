"""The whole sync of a sheet: a real worksheet, a real table, registration and the engine between them."""

from collections.abc import AsyncIterator

import pytest

from db.runs import RunState
from sync.adapters import Adapters
from sync.retry import RetryPolicy
from tests.sync.sheets import bench
from tests.sync.syncing import Sync, syncing

READ = r"GET /v4/spreadsheets/[^/]*$"
VALUES = r"POST .*values:batchUpdate"
BATCH = r"POST /v4/spreadsheets/[^/]*:batchUpdate"


@pytest.fixture
async def sync(database: str) -> AsyncIterator[Sync]:
    with bench() as people:
        async with syncing(database, people) as made:
            assert (await made.settle()).state is RunState.SUCCEEDED
            yield made


async def test_the_sheet_fills_its_table(sync: Sync) -> None:
    assert sync.sql("SELECT id, name, city, total FROM people ORDER BY id") == [
        (1, "Ada", "London", 10),
        (2, "Grace", "Arlington", 20),
        (3, "Alan", "Wilmslow", 30),
    ]


async def test_edits_of_both_sides_cross(sync: Sync) -> None:
    sync.people.type("B2", [["Ada L"]])
    sync.people.type("A5", [["4", "Edsger", "Austin", "=A5*10"]])
    sync.sql("UPDATE people SET city = 'New York' WHERE id = 2")
    sync.sql("DELETE FROM people WHERE id = 3")
    sync.sql("INSERT INTO people (id, name) VALUES (9, '=1+1')")
    await sync.settle()
    assert await sync.sheet() == [
        [1, "Ada L", "London", "=A2*10"],
        [2, "Grace", "New York", "=A3*10"],
        [4, "Edsger", "Austin", "=A4*10"],
        [9, "=1+1", "", "=A5*10"],
    ]
    assert sync.sql("SELECT id, name, city, total FROM people ORDER BY id") == [
        (1, "Ada L", "London", 10),
        (2, "Grace", "New York", 20),
        (4, "Edsger", "Austin", 40),
        (9, "=1+1", None, 90),
    ]
    assert (sync.count("conflicts"), sync.count("failures")) == (0, 0)


async def test_cells_of_one_row_both_win_and_one_cell_is_a_conflict(sync: Sync) -> None:
    sync.people.type("B2:C3", [["Ada sheet", "Paris"], ["Grace sheet", None]])
    sync.sql("UPDATE people SET name = 'Ada table' WHERE id = 1")
    sync.sql("UPDATE people SET city = 'Boston' WHERE id = 2")
    await sync.settle()
    assert [row[:3] for row in await sync.sheet()][:2] == [
        [1, "Ada table", "Paris"],
        [2, "Grace sheet", "Boston"],
    ]
    assert sync.sql("SELECT name, city FROM people ORDER BY id")[:2] == [
        ("Ada table", "Paris"),
        ("Grace sheet", "Boston"),
    ]
    assert sync.sql("SELECT source_value, state FROM rowcast.conflicts") == [("Ada sheet", "RESOLVED")]


async def test_a_formula_stays_whatever_the_table_says(sync: Sync) -> None:
    sync.sql("UPDATE people SET total = 5 WHERE id = 1")
    await sync.settle()
    assert (await sync.sheet())[0][3] == "=A2*10"
    assert sync.failures() == [("FORMULA_CELL", "Sheet1!D2")]


async def test_a_single_formula_stays_until_a_value_replaces_it(sync: Sync) -> None:
    sync.people.type("C2", [['="Lon"&"don"']])
    await sync.settle()
    sync.sql("UPDATE people SET city = 'Paris', name = 'Ada L' WHERE id = 1")
    await sync.settle()
    assert (await sync.sheet())[0][:3] == [1, "Ada L", '="Lon"&"don"']
    assert sync.failures() == [("FORMULA_CELL", "Sheet1!C2")]
    sync.people.type("C2", [["London"]])
    await sync.settle()
    assert (await sync.sheet())[0][2] == "Paris"
    assert sync.failures() == []


@pytest.mark.parametrize("fault", [{"drop": True, "afterApply": True}, {"status": 500}, {"status": 429}])
async def test_faults_of_a_write_make_no_false_conflict(sync: Sync, fault: dict[str, object]) -> None:
    for match in (VALUES, BATCH):
        sync.people.fault(match, **fault)
    sync.sql("UPDATE people SET name = 'Grace H' WHERE id = 2")
    sync.sql("INSERT INTO people (id, name) VALUES (9, 'Niklaus')")
    sync.sql("DELETE FROM people WHERE id = 1")
    await sync.run()
    sync.sql("UPDATE people SET name = 'Rear Admiral Grace' WHERE id = 2")
    await sync.settle()
    assert [row[:2] for row in await sync.sheet()] == [[2, "Rear Admiral Grace"], [3, "Alan"], [9, "Niklaus"]]
    assert sync.count("conflicts") == 0


async def test_a_sort_during_the_write_loses_nothing(sync: Sync) -> None:
    sync.sql("UPDATE people SET name = 'Grace H' WHERE id = 2")
    # The first look is the reading's, the second the write's.
    sync.people.fault(r"GET /drive", edit=sync.people._edit("E9", [[""]], "Sheet1"))
    lines = [["3", "Alan", "Wilmslow"], ["1", "Ada", "London"], ["2", "Grace", "Arlington"]]
    sync.people.fault(READ, edit=sync.people._edit("E9", [[""]], "Sheet1"))
    sync.people.type_after(READ, "A2", lines)
    await sync.settle()
    assert [row[:3] for row in await sync.sheet()] == [
        [3, "Alan", "Wilmslow"],
        [1, "Ada", "London"],
        [2, "Grace H", "Arlington"],
    ]
    assert sync.sql("SELECT name FROM people ORDER BY id") == [("Ada",), ("Grace H",), ("Alan",)]
    assert sync.count("conflicts") == 0


async def test_rows_by_an_id_of_our_own(database: str) -> None:
    lines = (("Name", "City"), ("Ada", "London"), ("Grace", "Arlington"))
    with bench(lines=lines) as people:
        people.adapters = Adapters({"default": people.session})
        async with syncing(database, people, key=None) as sync:
            assert sync.source.managed_key
            await sync.settle()
            assert sync.sql("SELECT name, city FROM people ORDER BY name") == [
                ("Ada", "London"),
                ("Grace", "Arlington"),
            ]
            people.type("A4", [["Alan", "Wilmslow"]])
            sync.sql("UPDATE people SET city = 'New York' WHERE name = 'Grace'")
            sync.sql("INSERT INTO people (name) VALUES ('Niklaus')")
            await sync.settle()
            # Typed rows are above those that are inserted.
            assert [row[:2] for row in await sync.sheet()] == [
                ["Ada", "London"],
                ["Grace", "New York"],
                ["Alan", "Wilmslow"],
                ["Niklaus", ""],
            ]
            assert len(sync.sql("SELECT rowcast_id FROM people")) == 4
            sync.sql("DELETE FROM people WHERE name = 'Ada'")
            await sync.settle()
            assert [row[0] for row in await sync.sheet()] == ["Grace", "Alan", "Niklaus"]
            assert (sync.count("conflicts"), sync.count("failures")) == (0, 0)


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 500}, {"delaySeconds": 2}])
async def test_what_does_not_pass_fails_the_source_which_recovers_by_itself(
    database: str, fault: dict[str, object]
) -> None:
    with bench(timeout_s=1.0, retry=RetryPolicy(attempts=2)) as people:
        async with syncing(database, people) as sync:
            await sync.settle()
            people.fault(READ, times=2, **fault)
            sync.sql("UPDATE people SET city = 'Lima' WHERE id = 1")
            run = await sync.run()
            assert run.state is RunState.FAILED
            assert "Gave up after 2 attempts; the next run tries again by itself." in (run.message or "")
            assert sync.sql("SELECT state FROM rowcast.sources") == [("FAILING",)]
            await sync.settle()
            assert sync.sql("SELECT state FROM rowcast.sources") == [("ACTIVE",)]
            assert (await sync.sheet())[0][2] == "Lima"
