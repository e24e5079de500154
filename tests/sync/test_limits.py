"""What Google or Postgres can't hold: refused at registration with the reason, or one failure, never a failed run."""

import random
from collections.abc import Sequence

import pytest

from db.errors import BadUserInput
from db.keys import MAX_KEY_BYTES, is_too_long, key_text
from db.runs import RunState
from db.tables import MAX_COLUMNS
from sync.registration.input import WantedColumn
from sync.sheets.plan import MAX_CELLS
from sync.values.names import MAX_NAME, column_names, name_problem
from tests.sync.sheets import bench
from tests.sync.syncing import syncing
from tests.sync.user import user_session

RANDOM = random.Random(7)


def noise(length: int) -> str:
    """Text that Postgres can't compress, as an index would."""
    return "".join(RANDOM.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))


def headers(count: int) -> Sequence[Sequence[str]]:
    return [["ID", *(f"c{i}" for i in range(count - 1))], ["1", "x"]]


async def test_as_many_columns_as_a_table_takes_and_not_one_more(database: str) -> None:
    with bench(lines=headers(MAX_COLUMNS)) as people:
        with pytest.raises(BadUserInput, match=r"There would be 1,601 columns, and a table has 1,600 at most"):
            async with syncing(database, people, key=None):
                pass
        assert len((await people.shown("1:1"))[0]) == MAX_COLUMNS
        async with syncing(database, people) as sync:
            assert (await sync.settle()).state is RunState.SUCCEEDED
            assert sync.sql("SELECT id, c0 FROM people") == [(1, "x")]


async def test_columns_that_were_dropped_count(database: str) -> None:
    with bench() as people:
        async with syncing(database, people) as sync:
            await sync.settle()
            more = range(MAX_COLUMNS - 4)
            sync.sql("ALTER TABLE people " + ", ".join(f"ADD x{i} text" for i in more))
            sync.sql("ALTER TABLE people " + ", ".join(f"DROP x{i}" for i in more))
            people.type("E1", [["One more"], ["x"]])
            assert (await sync.settle()).state is RunState.PARTIAL
            assert sync.failures() == [("NEW_HEADER", "Sheet1!E1")]
            people.type("B2", [["Ada L"]])
            await sync.settle()
            assert sync.sql("SELECT name FROM people WHERE id = 1") == [("Ada L",)]


@pytest.mark.parametrize("name", ["n" * 64, "ä" * 32, "", "a\0b", "ctid"])
def test_names_that_postgres_does_not_keep_are_refused(name: str) -> None:
    assert name_problem(name)
    assert name_problem("n" * 63) is name_problem("ä" * 31) is None


async def test_a_column_name_too_long_is_refused_and_a_long_header_gets_a_shorter_one(database: str) -> None:
    header = "A header that says all there is to say about " * 3
    with bench(lines=[["ID", header.strip(), header + "!"], ["1", "x", "y"]]) as people:
        with pytest.raises(BadUserInput, match=r'"nnnn.*…" has 64 bytes, and Postgres keeps 63'):
            async with syncing(database, people, columns=(WantedColumn("n" * 64, header.strip()),)):
                pass
        async with syncing(database, people) as sync:
            await sync.settle()
            names = [column.name for column in sync.source.columns]
            assert names == column_names(["ID", header, header])
            assert max(map(len, names)) == MAX_NAME
            assert sync.sql("SELECT * FROM people") == [(1, "x", "y")]


async def test_a_value_too_long_for_a_cell_is_one_failure_until_it_is_shorter(database: str) -> None:
    with bench() as people:
        async with syncing(database, people) as sync:
            await sync.settle()
            sync.sql("UPDATE people SET name = repeat('x', 50001), city = 'Paris' WHERE id = 1")
            sync.sql("UPDATE people SET name = repeat('ä', 50000) WHERE id = 2")
            sync.sql("INSERT INTO people (id, name, city) VALUES (9, repeat('x', 60000), 'Bern')")
            assert (await sync.settle()).state is RunState.PARTIAL
            assert sync.failures() == [("VALUE", "Sheet1!B2"), ("VALUE", "Sheet1!B5")]
            shown = await sync.sheet()
            assert [row[:3] for row in shown[:1] + shown[2:]] == [
                [1, "Ada", "Paris"],
                [3, "Alan", "Wilmslow"],
                [9, "", "Bern"],
            ]
            assert shown[1][1] == "ä" * 50_000
            sync.sql("UPDATE people SET name = 'short' WHERE length(name) > 50000")
            assert (await sync.settle()).state is RunState.SUCCEEDED
            assert [row[1] for row in await sync.sheet()][::3] == ["short", "short"]


def test_how_long_a_key_may_be() -> None:
    assert not is_too_long("x" * MAX_KEY_BYTES)
    assert is_too_long("x" * (MAX_KEY_BYTES + 1))
    assert is_too_long("ä" * (MAX_KEY_BYTES // 2 + 1))
    assert not is_too_long(key_text(["ä" * 900]))


@pytest.fixture
def names() -> Sequence[Sequence[str]]:
    return [["Name", "City"], ["Ada", "London"], ["Grace", "Arlington"]]


async def test_a_key_too_long_is_one_failure_on_either_side(database: str, names: list[list[str]]) -> None:
    with bench(lines=names) as people:
        async with syncing(database, people, key=("name",)) as sync:
            await sync.settle()
            people.type("A4", [[noise(5000), "Bern"], [noise(2500), "Bern"], ["Alan", "Wilmslow"]])
            sync.sql(
                f"INSERT INTO people VALUES ('{noise(2600)}', 'Rome'), (repeat('y', 20000), 'Rome'), ('Edsger', 'X')"
            )
            run = await sync.settle()
            assert run.state is RunState.PARTIAL
            assert [code for code, _ in sync.failures()] == ["KEY_TOO_LONG"] * 4
            assert [row[0] for row in await sync.sheet() if len(row[0]) < 100] == [
                "Ada",
                "Grace",
                "Alan",
                "Edsger",
            ]
            assert sync.sql("SELECT name FROM people WHERE length(name) < 100 ORDER BY 1") == [
                ("Ada",),
                ("Alan",),
                ("Edsger",),
                ("Grace",),
            ]
            # Twice the same one, too, is no trouble of the records'.
            people.type("A5", [[(await sync.sheet())[2][0]]])
            await sync.settle()
            assert {code for code, _ in sync.failures()} == {"KEY_TOO_LONG", "DUPLICATE_KEY"}
            people.type("A4", [["Short", "Bern"], ["Shorter", "Bern"]])
            sync.sql("DELETE FROM people WHERE length(name) > 100")
            assert (await sync.settle()).state is RunState.SUCCEEDED
            assert len(sync.sql("SELECT FROM people")) == len(await sync.sheet()) == 6


async def test_a_row_too_large_for_an_index_is_refused_alone(database: str, names: list[list[str]]) -> None:
    with bench(lines=names) as people:
        async with syncing(database, people, key=("name",)) as sync:
            await sync.settle()
            sync.sql("CREATE INDEX ON people (city)")
            people.type("A2:B4", [["Ada", noise(4000)], ["Grace", "Boston"], ["Alan", noise(4000)]])
            assert (await sync.settle()).state is RunState.PARTIAL
            assert [code for code, _ in sync.failures()] == ["REFUSED"] * 2
            assert sync.sql("SELECT * FROM people ORDER BY 1") == [("Ada", "London"), ("Grace", "Boston")]
            people.type("B2", [["Paris"]])
            people.type("B4", [["Wilmslow"]])
            assert (await sync.settle()).state is RunState.SUCCEEDED


async def test_a_padded_key_is_refused_with_the_statement_that_mends_it(database: str, names: list[list[str]]) -> None:
    with bench(lines=names) as people:
        async with syncing(database, people, key=("name",)) as first:
            first.sql("CREATE TABLE cities (name char(10) PRIMARY KEY, city char(12))")
            first.sql("ALTER TABLE cities REPLICA IDENTITY FULL")
            first.sql("DELETE FROM rowcast.sources")
        with pytest.raises(BadUserInput, match=r'char\(n\).* ALTER TABLE "public"\."cities" ALTER "name" TYPE text;'):
            async with syncing(database, people, key=("name",), table="cities", adopt=True):
                pass
        async with user_session(database) as user:
            user.execute('ALTER TABLE "public"."cities" ALTER "name" TYPE text')
        async with syncing(database, people, key=("name",), table="cities", adopt=True) as sync:
            await sync.settle()
            assert sync.sql("SELECT name, city FROM cities ORDER BY 1") == [
                ("Ada", "London      "),
                ("Grace", "Arlington   "),
            ]
            # No other column minds the blanks: what is shown on either side is no edit of the other.
            assert (await sync.run()).counts.source_upserts == 0


async def test_a_spreadsheet_without_room_for_the_key_column_says_so(database: str) -> None:
    with bench() as people:
        grid = {"rowCount": 1_000, "columnCount": (MAX_CELLS - 26_000) // 1_000}
        await people.batch({"addSheet": {"properties": {"gridProperties": grid}}})
        with pytest.raises(BadUserInput, match=r"no room for the column rowcast_id.*10,000,000 cells.*name a key"):
            async with syncing(database, people, key=None):
                pass
