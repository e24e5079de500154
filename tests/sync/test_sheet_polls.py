"""Polls of many sources by one look at Drive, on a real sandbox: which of them run, and what that costs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest

from db.drive_pages import drive_page, keep_drive_page
from db.errors import SourceUnreachable
from db.lease import Term
from db.runs import RunTrigger
from db.secrets import Keyring
from db.session import Pool, make_pool
from db.sources import ConflictPolicy, Source, all_sources, update_source
from db.sync_state import sync_state
from sync.registration.input import RegisterSource, WantedSheet
from sync.registration.registrar import Registration
from sync.runs.engine import Engine
from sync.schedule.sheet_polls import Due, SheetPolls
from tests.grace import GRACE
from tests.sandbox.client import session_for
from tests.sync.sheets import Bench, bench
from tests.sync.user import rows_of, user_session

READ = r"GET /v4/spreadsheets/[^/]*$"
CHANGES = r"GET /drive/v3/changes$"
LINES = [["ID", "Name"], ["1", "Ada"], ["2", "Grace"]]


@dataclass
class Many:
    """Sources `t0`, `t1` and so on, each in a worksheet of its own of one spreadsheet."""

    dsn: str
    user: psycopg.Connection
    pool: Pool
    people: Bench
    engine: Engine
    polls: SheetPolls
    term: Term

    async def sources(self) -> list[Source]:
        async with self.pool.connection() as connection:
            return await all_sources(connection)

    async def look(self) -> Due:
        due = await self.polls.look("default", await self.sources())
        await self.polls.keep("default")
        return due

    async def poll(self) -> list[str]:
        """A poll as the scheduler does it; the names of the sources that ran."""
        sources = await self.sources()
        due = await self.polls.look("default", sources)
        woken = [source for source in sources if source.id in due.changed | due.waiting]
        slots = asyncio.Semaphore(4)

        async def run(source: Source) -> None:
            async with slots:
                await self.engine.run(source.id, RunTrigger.SCHEDULE)
                self.polls.ended(source)

        await asyncio.gather(*map(run, woken))
        await self.polls.keep("default")
        return [source.name for source in woken]

    async def run(self, name: str, trigger: RunTrigger) -> None:
        """Another wake than a poll's, and its run."""
        (source,) = [source for source in await self.sources() if source.name == name]
        self.polls.hinted([source], trigger)
        await self.engine.run(source.id, trigger)
        self.polls.ended(source)

    async def quiet(self) -> None:
        """Polls until one finds nothing."""
        for _ in range(8):
            if not await self.poll():
                self.people.calls()
                return
        raise AssertionError("the polls don't come to rest")

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return rows_of(self.user, statement)


@asynccontextmanager
async def many(database: str, people: Bench, count: int) -> AsyncIterator[Many]:
    term = Term(7, "leader", "", float("inf"))
    await people.batch(*[{"addSheet": {"properties": {"title": f"T{number}"}}} for number in range(count)])
    for number in range(count):
        people.type("A1", LINES, f"T{number}")
    async with user_session(database) as user, make_pool(database, "leader", max_size=8) as pool:
        user.execute("UPDATE rowcast.lease SET term = 7, holder = 'leader', expires_at = 'infinity'")
        registration = Registration(pool, Keyring.derive("secret"), people.adapters)
        made = Many(
            database,
            user,
            pool,
            people,
            Engine(pool, term, b"key", people.adapters.leading(term.check), grace=GRACE),
            SheetPolls(people.adapters, pool, term),
            term,
        )
        for number in range(count):
            sheet = WantedSheet(people.book, f"T{number}")
            source = await registration.register(RegisterSource(f"t{number}", sheet, key=("id",)))
            await made.engine.run(source.id, RunTrigger.START)
        yield made


@pytest.fixture
async def three(database: str) -> AsyncIterator[Many]:
    with bench(lines=()) as people:
        async with many(database, people, 3) as made:
            await made.quiet()
            yield made


async def test_twenty_sources_of_one_spreadsheet(database: str) -> None:
    """Unchanged they cost one call; one edited cell costs one look and one reading of all of them."""
    with bench(lines=()) as people:
        async with many(database, people, 20) as made:
            await made.quiet()
            for _ in range(3):
                assert await made.poll() == []
                assert people.calls() == ["GET changes"]
            people.type("B2", [["Ada L"]], "T7")
            assert len(await made.poll()) == 20
            assert people.calls() == ["GET changes", f"GET {people.book}"]
            assert made.sql("SELECT name FROM t7 ORDER BY id") == [("Ada L",), ("Grace",)]
            assert await made.poll() == []
            assert people.calls() == ["GET changes"]


async def test_one_change_of_the_table_costs_four_calls(three: Many) -> None:
    three.sql("UPDATE t1 SET name = 'Grace H' WHERE id = 2")
    await three.run("t1", RunTrigger.CHANGE)
    assert len(three.people.calls()) <= 4
    assert (await three.people.shown("T1!B3"))[0] == ["Grace H"]


async def test_an_edit_between_the_look_and_the_reading_is_seen_again(three: Many) -> None:
    three.people.type("B2", [["one"]], "T0")
    three.people.fault(READ, edit=three.people._edit("B2", [["two"]], "T0"))
    await three.poll()
    assert three.sql("SELECT name FROM t0 WHERE id = 1") == [("one",)]
    await three.poll()
    assert three.sql("SELECT name FROM t0 WHERE id = 1") == [("two",)]


async def test_what_was_read_along_is_too_old_after_a_hook(three: Many) -> None:
    """The first run brings along the others' worksheets; somebody edits one, and says so, before its own run."""
    three.people.type("B2", [["one"]], "T0")
    due = await three.look()
    sources = {source.name: source for source in await three.sources()}
    assert due.changed == {source.id for source in sources.values()}
    await three.engine.run(sources["t0"].id, RunTrigger.SCHEDULE)
    three.people.type("B2", [["hooked"]], "T1")
    await three.run("t1", RunTrigger.HOOK)
    assert three.sql("SELECT name FROM t1 WHERE id = 1") == [("hooked",)]
    three.people.calls()
    await three.engine.run(sources["t2"].id, RunTrigger.SCHEDULE)
    assert three.people.calls() == [], "t2's worksheet was brought along"
    await three.quiet()


async def test_what_was_read_along_is_too_old_after_a_write(three: Many) -> None:
    three.people.type("B2", [["one"]], "T0")
    await three.look()
    sources = {source.name: source for source in await three.sources()}
    await three.engine.run(sources["t0"].id, RunTrigger.SCHEDULE)
    # Taken for a person's edit, the old reading would undo what the first run writes.
    three.sql("UPDATE t1 SET name = 'sql' WHERE id = 1")
    await three.engine.run(sources["t1"].id, RunTrigger.CHANGE)
    await three.engine.run(sources["t1"].id, RunTrigger.CHANGE)
    assert three.sql("SELECT name FROM t1 WHERE id = 1") == [("sql",)]
    assert (await three.people.shown("T1!B2"))[0] == ["sql"]


async def test_a_worksheet_that_was_renamed_keeps_no_other_waiting(three: Many) -> None:
    (sheet_id,) = three.sql("SELECT sheet ->> 'sheet_id' FROM rowcast.sources WHERE name = 't1'")[0]
    await three.people.batch(
        {"updateSheetProperties": {"properties": {"sheetId": int(sheet_id), "title": "New"}, "fields": "title"}}
    )
    three.people.type("B2", [["one"]], "T0")
    three.people.type("B2", [["two"]], "New")
    await three.poll()
    assert three.sql("SELECT t0.name, t1.name FROM t0 JOIN t1 USING (id) WHERE id = 1") == [("one", "two")]


async def test_a_token_is_kept_once_all_are_woken(three: Many) -> None:
    async with three.pool.connection() as connection:
        before = await drive_page(connection, three.people.session.email)
    three.people.type("B2", [["one"]], "T0")
    sources = await three.sources()
    due = await three.polls.look("default", sources)
    async with three.pool.connection() as connection:
        assert await drive_page(connection, three.people.session.email) == before
    assert len(due.changed) == 3
    # The process ends here: the next leader sees the same.
    again = await SheetPolls(three.people.adapters, three.pool, three.term).look("default", sources)
    assert again.changed == due.changed


@pytest.mark.parametrize("how", [{"status": 410}, "foreign"])
async def test_a_token_that_is_lost_means_a_look_at_every_file(three: Many, how: Any) -> None:
    match how:
        case "foreign":
            async with three.pool.connection() as connection:
                await keep_drive_page(connection, "default", "not one of Drive's", ())
        case _:
            three.people.fault(CHANGES, **how)
    if isinstance(how, str):
        three.polls = SheetPolls(three.people.adapters, three.pool, three.term)
    three.people.type("B2", [["one"]], "T0")
    await three.poll()
    assert three.sql("SELECT name FROM t0 WHERE id = 1") == [("one",)]
    three.people.type("B2", [["two"]], "T0")
    await three.poll()
    assert three.sql("SELECT name FROM t0 WHERE id = 1") == [("two",)]


async def test_while_drive_can_not_be_asked_each_source_looks_for_itself(three: Many) -> None:
    three.people.fault(CHANGES, status=403)
    three.people.type("B2", [["one"]], "T0")
    with pytest.raises(SourceUnreachable):
        await three.look()
    (source,) = [source for source in await three.sources() if source.name == "t0"]
    three.people.calls()
    await three.engine.run(source.id, RunTrigger.SCHEDULE)
    assert f"GET {three.people.book}" in three.people.calls()
    assert three.sql("SELECT name FROM t0 WHERE id = 1") == [("one",)]
    await three.quiet()


async def test_a_file_that_is_open_to_anyone_is_asked_for_by_itself(three: Many) -> None:
    """It is in nobody's list of changes."""
    await _open_to_anyone(three.people)
    three.sql("DELETE FROM rowcast.drive_pages")
    three.polls = SheetPolls(three.people.adapters, three.pool, three.term)
    await three.quiet()
    assert await three.poll() == []
    assert three.people.calls() == ["GET changes", f"GET {three.people.book}"]
    three.people.type("B2", [["one"]], "T0")
    await three.poll()
    assert three.sql("SELECT name FROM t0 WHERE id = 1") == [("one",)]


def _as_owner(people: Bench, ask: Callable[[Any], Any]) -> Any:
    """By the widest scope: ours lets us read what Drive says of a file, and no more."""
    with session_for(people.sandbox) as owner:
        return ask(owner)


async def _open_to_anyone(people: Bench) -> None:
    def share(client: Any) -> Any:
        url = f"https://www.googleapis.com/drive/v3/files/{people.book}/permissions"
        return client.request("post", url, json={"type": "anyone", "role": "writer"})

    _as_owner(people, share)
    (number,) = [
        permission["id"]
        for permission in (await _permissions(people))
        if permission.get("emailAddress") == people.session.email
    ]

    def unshare(client: Any) -> Any:
        url = f"https://www.googleapis.com/drive/v3/files/{people.book}/permissions/{number}"
        return client.request("delete", url)

    _as_owner(people, unshare)


async def _permissions(people: Bench) -> Sequence[dict[str, Any]]:

    def ask(client: Any) -> Any:
        url = f"https://www.googleapis.com/drive/v3/files/{people.book}/permissions"
        return client.request("get", url, params={"fields": "permissions(id,emailAddress)"}).json()

    answer = _as_owner(people, ask)
    found: Sequence[dict[str, Any]] = answer["permissions"]
    return found


async def test_a_spreadsheet_in_the_trash_is_found_out(three: Many) -> None:
    def trash(client: Any) -> Any:
        url = f"https://www.googleapis.com/drive/v3/files/{three.people.book}"
        return client.request("patch", url, json={"trashed": True})

    _as_owner(three.people, trash)
    await three.poll()
    assert {state for (state,) in three.sql("SELECT state FROM rowcast.sources")} == {"FAILING"}


async def test_the_latest_edit_is_told_by_the_time_of_the_file(three: Many) -> None:
    (source,) = [source for source in await three.sources() if source.name == "t0"]

    async with three.pool.connection() as connection:
        await update_source(connection, replace(source, conflict_policy=ConflictPolicy.LATEST_WINS))
    await three.run("t0", RunTrigger.CHANGE)
    assert f"GET {three.people.book}" in three.people.calls()[:1]


async def test_what_waits_is_polled_though_nothing_changed(three: Many) -> None:
    (source,) = [source for source in await three.sources() if source.name == "t0"]
    three.sql(
        "INSERT INTO rowcast.failures (source_id, side, code, message, state)"
        f" VALUES ('{source.id}', 'DATABASE', 'X', 'x', 'RETRYING')"
    )
    assert (await three.look()).waiting == {source.id}
    await three.poll()
    async with three.pool.connection() as connection:
        state = await sync_state(connection, source.id)
    assert state is not None
    assert state.seen
