"""What the table holds after a write may not be what was written, and another source may be bound to it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg

from db.runs import RunState
from db.secrets import Keyring
from sync.registration.input import RegisterSource, WantedSheet
from sync.registration.registrar import Registration
from tests.sync.sheets import Bench, bench
from tests.sync.syncing import Sync, syncing

DOCS = Path(__file__).parents[2] / "docs" / "operation.md"
_LINES: Sequence[Sequence[str]] = (("ID", "Name", "Price", "Gross"), ("1", "tea", "1.256", ""))
_ADOPTED = "CREATE TABLE goods ({}); ALTER TABLE goods REPLICA IDENTITY FULL;"


@asynccontextmanager
async def _adopting(
    database: str, columns: str, more: str = "", lines: Sequence[Sequence[str]] = _LINES
) -> AsyncIterator[Sync]:
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute((_ADOPTED.format(columns) + more).encode())
    with bench(lines=lines) as people:
        async with syncing(database, people, table="goods", adopt=True) as sync:
            assert (await sync.settle()).state is RunState.SUCCEEDED
            yield sync


async def test_a_default_and_a_rounded_number(database: str) -> None:
    columns = "id integer PRIMARY KEY, name text, price numeric(9, 2), gross numeric DEFAULT 7"
    async with _adopting(database, columns) as sync:
        assert sync.sql("SELECT price, gross::int FROM goods")[0][1] == 7
        assert await sync.sheet() == [[1, "tea", 1.256, 7]], "a default goes to the sheet, a rounding is no edit"
        sync.sql("UPDATE goods SET price = 2.50")
        sync.people.type("B2", [["Tea"]])
        await sync.settle()
        assert await sync.sheet() == [[1, "Tea", 2.5, 7]]
        again = await sync.run()
        assert (again.counts.database_upserts, again.counts.source_upserts) == (0, 0)


async def test_a_trigger_that_sets_another_column_is_an_edit_of_the_database(database: str) -> None:
    trigger = """CREATE FUNCTION gross() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.gross = NEW.price * 2; RETURN NEW; END $$;
        CREATE TRIGGER gross BEFORE INSERT OR UPDATE ON goods FOR EACH ROW EXECUTE FUNCTION gross();"""
    columns = "id integer PRIMARY KEY, name text, price float8, gross float8"
    async with _adopting(database, columns, trigger) as sync:
        assert await sync.sheet() == [[1, "tea", 1.256, 2.512]]
        sync.people.type("C2", [["5"]])
        await sync.settle()
        # The trigger's own column is found by the run that the commit's entry in the log wakes.
        await sync.settle()
        assert await sync.sheet() == [[1, "tea", 5, 10]]
        assert sync.count("conflicts") == 0


async def test_the_documented_transforms(database: str) -> None:
    _, _, section = DOCS.read_text().partition("## Transforms")
    statements = section.partition("```sql")[2].partition("```")[0]
    async with _adopting(database, "id integer PRIMARY KEY, name text, price numeric, gross numeric") as sync:
        sync.sql(statements)
        sync.people.type("C2", [["2.5"]])
        await sync.settle()
        assert sync.sql("SELECT cents, gross::float8 FROM goods") == [(250, 2.98)]
        # The trigger's own column is found by the run that the commit's entry in the log wakes.
        await sync.settle()
        assert await sync.sheet() == [[1, "tea", 2.5, 2.98]]
        sync.sql("UPDATE shop SET label = 'coffee' WHERE price = 2.50")
        sync.sql("UPDATE goods SET price = 10")
        await sync.settle()
        assert await sync.sheet() == [[1, "coffee", 10, 11.9]]
        assert (sync.count("conflicts"), sync.failures()) == (0, [])
        again = await sync.run()
        assert (again.counts.database_upserts, again.counts.source_upserts) == (0, 0)


async def test_sources_that_share_a_table_see_each_others_commits(database: str) -> None:
    columns = "id integer PRIMARY KEY, name text, price float8, gross float8"
    async with _adopting(database, columns) as one:
        await one.people.batch({"addSheet": {"properties": {"title": "More"}}})
        one.people.type("A1", [["ID", "Name"]], "More")
        two = await _sharing(one, one.people)
        assert await _more(one) == [[1, "tea"]]

        one.people.type("B2", [["Tea"]])
        await one.settle()
        await two.settle()
        assert await _more(one) == [[1, "Tea"]]
        assert one.sql("SELECT count(*) FROM rowcast.conflicts") == [(0,)]

        one.people.type("A3", [["2", "coffee"]], "More")
        await two.settle()
        await one.settle()
        assert [row[:2] for row in await one.sheet()] == [[1, "Tea"], [2, "coffee"]]

        # One cell in both sheets: the first to be read is the database's edit to the other.
        one.people.type("B2", [["green"]])
        one.people.type("B2", [["black"]], "More")
        await one.settle()
        await two.settle()
        await one.settle()
        assert one.sql("SELECT name FROM goods WHERE id = 1") == [("green",)]
        assert (await _more(one))[0] == [1, "green"]
        assert one.sql("SELECT source_value FROM rowcast.conflicts") == [("black",)]

        one.sql("DELETE FROM goods WHERE id = 2")
        await one.settle()
        await two.settle()
        assert [row[:2] for row in await one.sheet()] == await _more(one) == [[1, "green"]]


async def _sharing(one: Sync, people: Bench) -> Sync:
    """A second source of the same table, in the worksheet More, synced once."""
    registration = Registration(one.pool, Keyring.derive("secret"), people.adapters)
    wanted = RegisterSource("more", WantedSheet(people.book, "More"), table="goods", adopt=True, key=("id",))
    two = Sync(one.dsn, one.user, one.pool, one.term, people, one.engine, await registration.register(wanted))
    await two.settle()
    return two


async def _more(sync: Sync) -> list[list[object]]:
    return (await sync.people.shown("More"))[1:]
