"""What people complain of in other syncs of sheets: one test each, or the name of the tests that show it elsewhere.

| pain                                                       | shown by                                                |
|------------------------------------------------------------|---------------------------------------------------------|
| values in the wrong row after a sort or an insert          | here; every interleaving: `test_sheet_write`            |
| formulas replaced by values                                | here; array formulas: `test_sheet_arrays`               |
| leading zeros and big integers damaged                     | here; every type: `test_round_trip`                     |
| dates off by a zone                                        | here                                                    |
| a header renamed, and the sync is broken                   | `test_drift`                                            |
| an empty read that deletes a table                         | here; confirmed deletes: `test_mass_deletes`            |
| quota storms                                               | `test_google_quota`, `test_google`                      |
| calls that hang                                            | here; a write's: `test_sheet_write`                     |
| a failed clear-then-append that leaves the sheet blank     | here                                                    |
"""

from collections.abc import AsyncIterator

import pytest

from db.runs import RunState
from sync.retry import RetryPolicy
from tests.sync.sheets import bench
from tests.sync.syncing import Sync, syncing
from tests.sync.test_sheet_engine import BATCH, READ, VALUES


@pytest.fixture
async def sync(database: str) -> AsyncIterator[Sync]:
    with bench() as people:
        async with syncing(database, people) as made:
            assert (await made.settle()).state is RunState.SUCCEEDED
            yield made


@pytest.mark.parametrize(
    "lines",
    [
        [["3", "Alan", "Wilmslow"], ["1", "Ada", "London"], ["2", "Grace", "Arlington"]],
        [["", "", ""], ["1", "Ada", "London"], ["2", "Grace", "Arlington"], ["3", "Alan", "Wilmslow"]],
    ],
    ids=["sorted", "inserted above"],
)
async def test_values_written_into_the_wrong_row(sync: Sync, lines: list[list[str]]) -> None:
    sync.sql("UPDATE people SET name = 'Grace H' WHERE id = 2")
    sync.sql("UPDATE people SET city = 'Paris' WHERE id = 1")
    # A person acts between the write's look and the write: the first look is the reading's.
    sync.people.type_after(READ, "E9", [[""]])
    sync.people.type_after(READ, "A2", lines)
    await sync.settle()
    expected = {line[0]: line[1:] for line in lines if line[0]} | {"1": ["Ada", "Paris"], "2": ["Grace H", "Arlington"]}
    assert {str(row[0]): row[1:3] for row in await sync.sheet() if row[0]} == expected
    assert {str(id_): [name, city] for id_, name, city in sync.sql("SELECT id, name, city FROM people")} == expected
    assert sync.count("conflicts") == 0


async def test_formulas_replaced_by_values(sync: Sync) -> None:
    sync.people.type("B3", [['="Gra"&"ce"']])
    await sync.settle()
    sync.sql("UPDATE people SET name = upper(name), city = upper(city), total = 0")
    sync.sql("INSERT INTO people (id, name) VALUES (4, 'Edsger')")
    sync.sql("DELETE FROM people WHERE id = 1")
    await sync.settle()
    assert await sync.sheet() == [
        [2, '="Gra"&"ce"', "ARLINGTON", "=A2*10"],
        [3, "ALAN", "WILMSLOW", "=A3*10"],
        [4, "Edsger", "", "=A4*10"],
    ]


async def test_leading_zeros_and_big_integers_damaged(database: str) -> None:
    codes = ["'007", "'00042", "'12345678901234567890", "'9007199254740993"]
    with bench(lines=[["ID", "Code"], *([str(i), code] for i, code in enumerate(codes, 1))]) as people:
        async with syncing(database, people) as sync:
            await sync.settle()
            plain = [code[1:] for code in codes]
            assert [code for (code,) in sync.sql("SELECT code FROM people ORDER BY id")] == plain
            sync.sql("INSERT INTO people VALUES (5, '0123456789012345678')")
            sync.sql("UPDATE people SET code = '0' || code WHERE id < 3")
            await sync.settle()
            shown = [row[1] for row in await sync.sheet()]
            assert shown == ["0007", "000042", *plain[2:], "0123456789012345678"]


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland"])
async def test_dates_off_by_a_zone(database: str, zone: str) -> None:
    with bench(lines=[["ID", "Day", "At"], ["1", "2026-01-31", "2026-07-01 23:30:00"]]) as people:
        properties = {"properties": {"timeZone": zone}, "fields": "timeZone"}
        await people.batch({"updateSpreadsheetProperties": properties})
        async with syncing(database, people) as sync:
            await sync.settle()
            sync.sql(f"ALTER DATABASE \"{sync.sql('SELECT current_database()')[0][0]}\" SET timezone = 'Asia/Tokyo'")
            assert sync.sql("SELECT day::text, at::text FROM people") == [("2026-01-31", "2026-07-01 23:30:00")]
            sync.sql("UPDATE people SET day = day + 1, at = at + interval '1 hour'")
            await sync.settle()
            assert await people.shown("B2:C2", render="FORMATTED_VALUE") == [["2026-02-01", "2026-07-02 0:30:00"]]
            assert (await sync.run()).counts.database_upserts == 0


async def test_an_empty_read_that_deletes_a_table(sync: Sync) -> None:
    sync.people.type("A2", [[""] * 4] * 3)
    for _ in range(2):
        assert (await sync.settle()).state is RunState.HELD
        assert len(sync.sql("SELECT FROM people")) == 3
    sync.people.type("A2", [["1", "Ada", "London"], ["2", "Grace", "Arlington"], ["3", "Alan", "Wilmslow"]])
    assert (await sync.settle()).state is RunState.SUCCEEDED
    assert len(sync.sql("SELECT FROM people")) == len(await sync.sheet()) == 3


async def test_calls_that_hang(database: str) -> None:
    with bench(timeout_s=0.5, retry=RetryPolicy(attempts=1)) as people:
        async with syncing(database, people) as sync:
            await sync.settle()
            people.type("B2", [["Ada L"]])
            people.fault(READ, delaySeconds=3)
            run = await sync.run()
            assert run.state is RunState.FAILED
            assert run.message is not None
            assert "Google did not answer in time" in run.message
            assert (await sync.settle()).state is RunState.SUCCEEDED
            assert sync.sql("SELECT name FROM people WHERE id = 1") == [("Ada L",)]


@pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}])
async def test_a_failed_clear_then_append_that_leaves_the_sheet_blank(sync: Sync, fault: dict[str, object]) -> None:
    before = await sync.sheet()
    sync.sql("UPDATE people SET name = upper(name)")
    sync.sql("DELETE FROM people WHERE id = 1")
    sync.sql("INSERT INTO people (id, name) VALUES (8, 'Barbara'), (9, 'Niklaus')")
    for match in (VALUES, BATCH):
        sync.people.fault(match, times=999, **fault)
    sync.people.calls()
    await sync.run()
    assert await sync.sheet() == before
    assert not [call for call in sync.people.calls() if "lear" in call]
    sync.people.control("DELETE", "faults")
    await sync.settle()
    assert sorted(row[0] for row in await sync.sheet()) == [2, 3, 8, 9]
    names = [name for (name,) in sync.sql("SELECT name FROM people ORDER BY id")]
    assert [row[1] for row in sorted(await sync.sheet())] == names
