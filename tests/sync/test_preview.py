"""Previews of registrations, with a real worksheet and a real Postgres: what is shown, and that nothing is written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from db.secrets import Keyring
from db.session import Pool, make_pool
from db.sources import Direction
from db.wire import ColumnType
from sync.adapters import Adapters
from sync.registration.input import RegisterSource, WantedSheet
from sync.registration.registrar import Registration
from sync.runs.preview import Counts, Preview, Previews
from tests.sync.sheets import Bench, bench


@dataclass(frozen=True, slots=True)
class Window:
    """Where sources are looked at."""

    registration: Registration
    pool: Pool
    sheet: Bench

    def wanted(self, **wanted: object) -> RegisterSource:
        given = {"name": "people", "sheet": WantedSheet(self.sheet.book), "key": ("id",), **wanted}
        return RegisterSource(**given)  # type: ignore[arg-type]

    async def look(self, adapters: Adapters | None = None, **wanted: object) -> Preview:
        """The preview, of which nothing stays."""
        found = adapters or self.sheet.adapters
        self.sheet.calls()
        before = await self.stored()
        registration = replace(self.registration, access=found)
        preview = await Previews(self.pool, registration, found.reading()).of(self.wanted(**wanted))
        assert await self.stored() == before
        assert {call.split()[0] for call in self.sheet.calls()} <= {"GET"}
        return preview

    async def stored(self) -> object:
        """What a preview must leave alone."""
        async with self.pool.connection() as connection:
            rows = await connection.execute(
                """SELECT (SELECT count(*) FROM rowcast.sources), (SELECT count(*) FROM rowcast.events),
                       (SELECT count(*) FROM rowcast.runs), (SELECT count(*) FROM rowcast.base),
                       (SELECT count(*) FROM pg_publication_tables), (SELECT count(*) FROM pg_tables)"""
            )
            return await rows.fetchone()

    async def sql(self, *statements: str) -> None:
        async with self.pool.connection() as connection:
            for statement in statements:
                await connection.execute(statement.encode())


@asynccontextmanager
async def looking(database: str, *lines: list[str]) -> AsyncIterator[Window]:
    with bench(lines=lines) as sheet:
        async with make_pool(database, "test") as pool:
            yield Window(Registration(pool, Keyring.derive("a secret"), sheet.adapters), pool, sheet)


HEAD = ["Id", "Name", "Age"]


async def test_a_sheet_without_a_table(database: str) -> None:
    async with looking(database, HEAD, ["1", "Ada", "30"], ["2", "Bob", ""]) as at:
        preview = await at.look()
        assert preview.problems == []
        assert [(column.name, column.field, column.type) for column in preview.columns] == [
            ("id", "Id", ColumnType.INTEGER),
            ("name", "Name", ColumnType.TEXT),
            ("age", "Age", ColumnType.INTEGER),
        ]
        assert preview.key == ("id",)
        assert preview.rows == [{"id": 1, "name": "Ada", "age": 30}, {"id": 2, "name": "Bob", "age": None}]
        assert (preview.row_count, preview.counts) == (2, Counts(only_in_source=2))
        managed = await at.look(key=None)
        assert (managed.key, managed.problems) == (("rowcast_id",), [])
        assert managed.rows == preview.rows
        source = await at.registration.register(at.wanted())
        assert (source.columns, source.key) == (preview.columns, preview.key)


async def test_an_adopted_table_is_compared_by_key_as_the_first_run_would(database: str) -> None:
    lines = [["1", "Ada", "30"], ["2", "Bob", "old"], ["3", "Cy", "10"], ["12", "Di", "12"], ["5", "Eve", ""]]
    async with looking(database, HEAD, *lines) as at:
        await at.sql(
            "CREATE TABLE people (id integer PRIMARY KEY, name text, age integer)",
            "ALTER TABLE people REPLICA IDENTITY FULL",
            "INSERT INTO people VALUES (1, 'Ada', 30), (2, 'Bob', 20), (3, 'Cy', 11), (4, 'Zoe', 1), (40, 'Yan', 2)",
        )
        preview = await at.look(adopt=True)
        assert (preview.problems, preview.row_count) == ([], 5)
        assert preview.counts == Counts(only_in_source=2, only_in_database=2, different=2)
        assert preview.rows[1] == {"id": 2, "name": "Bob", "age": "old"}
        refused = await at.look()
        assert [("people exists" in problem, "adopt: true" in problem) for problem in refused.problems] == [
            (True, True)
        ]


async def test_all_that_is_in_the_way_is_told_with_its_cell(database: str) -> None:
    lines = [["1", "Ada", "30"], ["1", "Bob", "20"], ["", "Cy", "10"]]
    async with looking(database, HEAD, *lines) as at:
        preview = await at.look()
        assert [problem.partition(":")[0] for problem in preview.problems] == [
            "Sheet1!A4",
            'The key ["1"] stands in rows 2, 3 of Sheet1',
        ]
        assert (preview.row_count, len(preview.rows), preview.key) == (3, 3, ("id",))
        preview = await at.look(name="No name", key=("nope",), direction=Direction.FROM_SOURCE)
        assert ['"No name" can\'t name a source' in preview.problems[0], len(preview.problems)] == [True, 2]
        assert "The key column nope is not in the sheet" in preview.problems[1]
        await at.sql("CREATE TABLE people (id integer, name text)")
        preview = await at.look(adopt=True)
        assert ["REPLICA IDENTITY FULL" in " ".join(preview.problems), "ADD UNIQUE" in " ".join(preview.problems)] == [
            True,
            True,
        ]
        assert (preview.counts, len(preview.rows)) == (Counts(), 3)


async def test_a_name_and_a_worksheet_that_are_taken(database: str) -> None:
    async with looking(database, HEAD, ["1", "Ada", "30"]) as at:
        await at.registration.register(at.wanted())
        preview = await at.look()
        assert ["There is a source" in preview.problems[0], "belongs to another source" in preview.problems[-1]] == [
            True,
            True,
        ]


@pytest.mark.parametrize("spreadsheet", ["nonsense", "a-spreadsheet-that-nobody-shared"])
async def test_a_source_that_can_t_be_reached_is_a_problem(database: str, spreadsheet: str) -> None:
    async with looking(database, HEAD) as at:
        preview = await at.look(sheet=WantedSheet(spreadsheet))
        assert len(preview.problems) == 1
        assert (preview.columns, preview.rows, preview.row_count) == ((), [], 0)
        preview = await at.look(Adapters({}))
        assert ["no Google credentials" in problem for problem in preview.problems] == [True]
