"""What goes wrong: the leader killed, Postgres killed, the slot in use, lost or moved on, the log set back."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from db.changes import Change, WireRow
from db.cursor import Cursor
from db.embedded import EmbeddedPostgres
from db.errors import CursorExpired, LeadershipLost
from db.lease import Term
from db.session import connect
from replication.errors import SlotInUse
from replication.log_events import CaughtUp
from replication.opening import open_log
from replication.slot import Slot, create_slot, drop_slot, find_slot, free_slot, slot_name
from replication.stream import Identity, Stream, walsender
from tests.postgres import copied_server, embedded_folder
from tests.replication.counting import contiguous, count_up, counted
from tests.replication.leader import DEADLINE_S, Leader, bind, execute, holder_name, hub_of, leading, until, value
from tests.replication.reading import logged, logged_changes, settled, state_of
from tests.replication.standby import promoted

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def replicating(dsn: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "tests/replication/replicating_process.py"),
        dsn,
        holder_name(),
        "1",
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE_S):
            assert await process.stdout.readline() == b"leading\n"
        yield process
    finally:
        process.kill()
        await process.wait()


async def test_a_leader_killed_again_and_again_loses_and_repeats_nothing(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY, n integer")
    async with leading(database):
        await execute(database, "INSERT INTO t VALUES (1, 0)")
    stop = asyncio.Event()
    counting = asyncio.create_task(count_up(database, stop))
    for _ in range(3):
        async with replicating(database):
            before = (await state_of(database)).head

            async def appends(before: object = before) -> bool:
                return (await state_of(database)).head != before

            await until(appends)
    stop.set()
    last = await counting
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        numbers = await counted(database)
    assert contiguous(numbers)
    assert len(numbers) == last == await value(database, "SELECT n FROM t")
    assert await value(database, "SELECT count(*) FROM rowcast.epochs") == 1


async def test_commits_that_are_sent_again_are_known_by_the_head(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY, n integer")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        start = await state_of(database)
        await execute(database, "INSERT INTO t VALUES (1, 0)", "UPDATE t SET n = 1")
        await settled(database, hub)
        before = await logged(database)
    # As if only the entries had been kept: the server sends all of it again where the slot was not confirmed.
    await execute(database, "UPDATE rowcast.log_state SET decoded_to = head_lsn + 1")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(database, "UPDATE t SET n = 2")
        await settled(database, hub)
        after = await logged(database)
    assert after[:2] == before
    assert len(after) == 3
    assert (await state_of(database)).epoch == start.epoch


async def test_streams_on_after_postgres_was_killed_and_subscribers_with_it(own_postgres: EmbeddedPostgres) -> None:
    dsn = own_postgres.dsn
    await bind(dsn, "t", "id integer PRIMARY KEY, n integer")
    await execute(dsn, "INSERT INTO t VALUES (1, 0)")
    stop = asyncio.Event()
    async with leading(dsn) as leader, hub_of(dsn, leader.bus) as hub:
        await settled(dsn, hub)
        got: list[object] = []

        async def subscribe() -> None:
            async with aclosing(hub.subscribe("public.t", Cursor(hub.frontier))) as events:
                async for event in events:
                    if not isinstance(event, CaughtUp):
                        got.extend(change.after and change.after["n"] for change in event.transaction.changes)

        subscribing = asyncio.create_task(subscribe())
        counting = asyncio.create_task(count_up(dsn, stop))

        async def more(than: int) -> bool:
            assert not subscribing.done(), subscribing.result()
            return len(got) > than + 20

        for _ in range(2):
            seen = len(got)
            await until(lambda seen=seen: more(seen))  # type: ignore[misc]
            await asyncio.to_thread(own_postgres.kill)
            await asyncio.to_thread(own_postgres.start)
        seen = len(got)
        await until(lambda: more(seen))
        stop.set()
        last = await counting
        await settled(dsn, hub)

        async def all_there() -> bool:
            return len(got) == last

        await until(all_there)
        assert contiguous(got)
        assert contiguous(await counted(dsn))
        assert not leader.task.done()
        subscribing.cancel()
        await asyncio.wait({subscribing})
    assert await value(dsn, "SELECT count(*) FROM rowcast.epochs") == 1


async def test_leader_and_postgres_killed_in_turn_lose_and_repeat_nothing(own_postgres: EmbeddedPostgres) -> None:
    dsn = own_postgres.dsn
    await bind(dsn, "t", "id integer PRIMARY KEY, n integer")
    async with leading(dsn):
        await execute(dsn, "INSERT INTO t VALUES (1, 0)")
    stop = asyncio.Event()
    counting = asyncio.create_task(count_up(dsn, stop))
    for _ in range(2):
        before = (await state_of(dsn)).head
        async with replicating(dsn):

            async def appends(before: object = before) -> bool:
                try:
                    return (await state_of(dsn)).head != before
                except psycopg.OperationalError:
                    return False

            await until(appends)
            # What the log has appended and not flushed goes with the server, and the leader goes before it can know.
            await asyncio.to_thread(own_postgres.kill)
        await asyncio.to_thread(own_postgres.start)
    stop.set()
    last = await counting
    async with leading(dsn) as leader, hub_of(dsn, leader.bus) as hub:
        await settled(dsn, hub)
        numbers = await counted(dsn)
    assert contiguous(numbers)
    assert len(numbers) == last == await value(dsn, "SELECT n FROM t")
    assert await value(dsn, "SELECT count(*) FROM rowcast.epochs") == 1


def replayed(changes: Sequence[Change]) -> dict[str, WireRow]:
    """The rows that the log leaves, each change of a row as it was. A column that was added is new in `before`."""
    rows: dict[str, WireRow] = {}
    for change in changes:
        assert change.key is not None
        had = rows.pop(change.old_key or change.key, None)
        assert (had is None) == (change.before is None), change
        if had is not None and change.before is not None:
            assert {name: change.before[name] for name in had} == dict(had)
        if change.after is not None:
            assert change.key not in rows
            rows[change.key] = change.after
    return rows


async def test_postgres_killed_amid_appends_leaves_the_log_as_the_table(own_postgres: EmbeddedPostgres) -> None:
    """Large commits of updates, whose entries hold what was replaced, by layouts that the log has not seen before."""
    dsn = own_postgres.dsn
    await bind(dsn, "t", "id integer PRIMARY KEY, n integer, name text, note text")
    killed, copying = 0, False
    # Longer than all of it: Postgres is away again and again.
    async with leading(dsn, ttl=600) as leader, hub_of(dsn, leader.bus) as hub:
        await execute(
            dsn, "INSERT INTO t SELECT n, 0, 'name ' || n, repeat('x', n % 50) FROM generate_series(1, 20000) n"
        )
        for turn in range(8):
            await settled(dsn, hub)
            before = (await state_of(dsn)).head
            await execute(
                dsn,
                f"ALTER TABLE t ADD c{turn} text DEFAULT 'c{turn}'",
                f"UPDATE t SET n = n + 1, note = NULLIF(note, repeat('x', {turn})), id = CASE WHEN id % 1000 = {turn} "
                "THEN -id ELSE id END",
            )

            async def over_or_under_way(before: object = before) -> bool:
                nonlocal copying
                copying = bool(await value(dsn, COPYING))
                return copying or (await state_of(dsn)).head != before

            await until(over_or_under_way)
            killed += copying
            await asyncio.to_thread(own_postgres.kill)
            await asyncio.to_thread(own_postgres.start)
            if killed == 2:
                break
        await execute(dsn, "DELETE FROM t WHERE id % 7 = 0")
        await settled(dsn, hub)
        assert not leader.task.done()
        rows = replayed(await logged_changes(dsn))
    assert killed
    assert list(rows.values()) == await rows_of(dsn, rows)
    assert await value(dsn, "SELECT count(*) FROM rowcast.epochs") == 1


COPYING = "SELECT count(*) FROM pg_stat_progress_copy WHERE tuples_processed > 0"


async def rows_of(dsn: str, keys: Collection[str]) -> list[object]:
    """The table, in that order of its keys."""
    found = await value(dsn, "SELECT json_object_agg('[\"' || id || '\"]', to_json(t)) FROM t")
    assert isinstance(found, dict)
    assert found.keys() == set(keys)
    return [found[key] for key in keys]


async def test_a_commit_that_is_seen_late_is_asked_for_ever_more_rarely(own_postgres: EmbeddedPostgres) -> None:
    """It waits for a standby that never comes, flushed and decoded, and nobody sees it meanwhile."""
    dsn, pauses = own_postgres.dsn, list[float]()
    name = await value(dsn, "SELECT current_database()")
    await execute(dsn, f"ALTER DATABASE {name} SET synchronous_commit = local")
    await bind(dsn, "t", "id integer PRIMARY KEY")

    async def pausing(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(seconds)

    async with (
        leading(dsn, sleep=pausing) as leader,
        hub_of(dsn, leader.bus) as hub,
        await connect(own_postgres.superuser_dsn, "rowcast test") as admin,
        await connect(dsn, "rowcast test writer") as writer,
    ):
        await settled(dsn, hub)
        await admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        await admin.execute("SELECT pg_reload_conf()")
        await writer.execute("SET synchronous_commit = on")

        async def waiting() -> bool:
            query = "SELECT wait_event FROM pg_stat_activity WHERE pid = %s"
            row = await (await admin.execute(query, (writer.info.backend_pid,))).fetchone()
            return writing.done() or row == ("SyncRep",)

        # Postgres takes the setting when it comes to it: until then nothing waits.
        while True:
            writing = asyncio.create_task(writer.execute("SELECT pg_logical_emit_message(true, 'test', '')"))
            await until(waiting)
            if not writing.done():
                break
        await admin.execute("SELECT pg_cancel_backend(%s)", (writer.info.backend_pid,))
        await writing
        writing = asyncio.create_task(writer.execute("INSERT INTO t VALUES (1)"))

        async def asked_often() -> bool:
            return pauses.count(0.1) >= 3

        await until(asked_often)
        await admin.execute("SELECT pg_cancel_backend(%s)", (writer.info.backend_pid,))
        await writing
        await settled(dsn, hub)
        assert [change.key for change in await logged_changes(dsn)] == ['["1"]']
    doubling = [0.001 * 2**n for n in range(7)]
    assert [each for each in pauses if each < 0.1] == doubling


async def test_postgres_restarted_in_order_goes_on_where_it_was(own_postgres: EmbeddedPostgres) -> None:
    dsn = own_postgres.dsn
    await bind(dsn, "t", "id integer PRIMARY KEY, n integer")
    async with leading(dsn) as leader, hub_of(dsn, leader.bus) as hub:
        await execute(dsn, "INSERT INTO t VALUES (1, 1)")
        await settled(dsn, hub)
        await asyncio.to_thread(own_postgres.stop)
        await until(lambda: waiting_for(leader, ""))
        await asyncio.to_thread(own_postgres.start)
        await execute(dsn, "INSERT INTO t VALUES (2, 2)")
        await settled(dsn, hub)
        assert [change.key for change in await logged_changes(dsn)] == ['["1"]', '["2"]']
        assert not leader.task.done()
    assert await value(dsn, "SELECT count(*) FROM rowcast.epochs") == 1


async def waiting_for(leader: Leader, text: str) -> bool:
    status = leader.replication.status
    return not status.streaming and text in (status.reason or "")


async def test_waits_for_a_slot_that_another_program_uses(database: str) -> None:
    async with leading(database):
        slot = (await state_of(database)).slot
    async with (
        walsender(database, "another program") as theirs,
        theirs.stream(slot, ["rowcast_tables"], 0),
        leading(database, streaming=False) as leader,
    ):
        await until(lambda: waiting_for(leader, "'another program'"))
        assert not leader.task.done()
        taken = await value(database, f"SELECT active_pid FROM pg_replication_slots WHERE slot_name = '{slot}'")
        await execute(database, f"SELECT pg_terminate_backend({taken})")
        await until(lambda: streaming(leader))
    assert await value(database, "SELECT count(*) FROM rowcast.epochs") == 1


async def streaming(leader: Leader) -> bool:
    return leader.replication.status.streaming


async def test_only_walsenders_of_holders_are_ended(database: str) -> None:
    async with await connect(database, "rowcast test") as connection:
        name = await slot_name(connection)
        await create_slot(connection, name)
        async with (
            walsender(database, "the holder before") as theirs,
            theirs.stream(name, ["rowcast_tables"], 0) as stream,
        ):
            slot = await find_slot(connection, name)
            assert slot is not None
            with pytest.raises(SlotInUse, match="the holder before"):
                await free_slot(connection, slot, {"somebody else"})
            await free_slot(connection, slot, {"somebody else", "the holder before"})
            with pytest.raises(psycopg.OperationalError):
                await to_its_end(stream)
        # Who has it may have gone meanwhile.
        await free_slot(connection, Slot(name, 0, 2**22 + 1, None), set())
        await drop_slot(connection, name)
        assert await find_slot(connection, name) is None


async def to_its_end(stream: Stream) -> None:
    while True:
        await stream.receive()


async def begins_anew(dsn: str, cursor: Cursor, reason: str) -> None:
    """The next leader begins an epoch, says so, has every source reconciled; cursors of before are expired."""
    epoch = (await state_of(dsn)).epoch
    async with leading(dsn) as leader, hub_of(dsn, leader.bus) as hub:
        assert [reason in why for why in leader.reconciled] == [True]
        assert (await state_of(dsn)).epoch > epoch
        said = await value(dsn, "SELECT message FROM rowcast.events ORDER BY id DESC LIMIT 1")
        assert isinstance(said, str)
        assert reason in said
        async with aclosing(hub.subscribe("public.t", cursor)) as events:
            with pytest.raises(CursorExpired):
                await asyncio.wait_for(anext(events), DEADLINE_S)
        # And it works.
        await execute(dsn, "INSERT INTO t VALUES (DEFAULT)")
        await settled(dsn, hub)
        assert len(await logged(dsn)) == 1


SET_BACK = {
    "slot is gone": "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
    "WHERE database = current_database()",
    "moved on without it": "SELECT pg_replication_slot_advance(slot_name, pg_current_wal_lsn()) "
    "FROM pg_replication_slots WHERE database = current_database()",
    "restored into another server": "UPDATE rowcast.log_state SET system_id = '1'",
    "standby was promoted": "UPDATE rowcast.log_state SET timeline = timeline + 1",
    "copy of another one": "UPDATE rowcast.log_state SET slot = 'rowcast_1'",
    "made for the plugin": "SELECT pg_drop_replication_slot(slot_name), "
    "pg_create_logical_replication_slot(slot_name, 'test_decoding') "
    "FROM pg_replication_slots WHERE database = current_database()",
}


@pytest.mark.parametrize("reason", SET_BACK)
async def test_a_log_that_cannot_be_continued_begins_a_new_epoch(database: str, reason: str) -> None:
    await bind(database, "t", "id serial PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        cursor = Cursor(hub.frontier)
    # Committed while nobody replicates: in the gap where the slot is lost.
    await execute(database, "INSERT INTO t VALUES (DEFAULT)", SET_BACK[reason])
    await begins_anew(database, cursor, reason)


@pytest.fixture
def forgetful_postgres(postgres_cluster: Path) -> Iterator[EmbeddedPostgres]:
    """A server that keeps next to no WAL for a slot."""
    with copied_server(postgres_cluster, max_slot_wal_keep_size="1MB") as server:
        yield server


async def test_an_invalidated_slot_is_replaced(forgetful_postgres: EmbeddedPostgres) -> None:
    dsn, admin = forgetful_postgres.dsn, forgetful_postgres.superuser_dsn
    await bind(dsn, "t", "id serial PRIMARY KEY")
    async with leading(dsn) as leader, hub_of(dsn, leader.bus) as hub:
        await settled(dsn, hub)
        cursor = Cursor(hub.frontier)
    for _ in range(4):
        await execute(admin, "SELECT pg_switch_wal()", "CREATE TABLE x ()", "DROP TABLE x", "CHECKPOINT")
    await begins_anew(dsn, cursor, "was invalidated")


async def test_a_slot_that_is_invalidated_while_it_is_read_is_replaced(
    forgetful_postgres: EmbeddedPostgres,
) -> None:
    dsn, admin = forgetful_postgres.dsn, forgetful_postgres.superuser_dsn
    await bind(dsn, "t", "id serial PRIMARY KEY")
    async with leading(dsn) as leader, hub_of(dsn, leader.bus) as hub:
        await settled(dsn, hub)
        walsender = await value(admin, "SELECT active_pid FROM pg_replication_slots")
        assert isinstance(walsender, int)
        # One that is too slow for the WAL that is written.
        os.kill(walsender, signal.SIGSTOP)
        for _ in range(4):
            await execute(admin, "SELECT pg_switch_wal()", "CREATE TABLE x ()", "DROP TABLE x")
        # A checkpoint ends who reads the slot, and waits for that.
        checkpoint = asyncio.create_task(execute(admin, "CHECKPOINT"))

        async def asked_to_end() -> bool:
            return bool(int(_status(walsender)["SigPnd"], 16) | int(_status(walsender)["ShdPnd"], 16))

        await until(asked_to_end)
        os.kill(walsender, signal.SIGCONT)
        await checkpoint

        async def anew() -> bool:
            return any("was invalidated" in why for why in leader.reconciled)

        await until(anew)
        await execute(dsn, "INSERT INTO t VALUES (DEFAULT)")
        await settled(dsn, hub)
        assert len(await logged(dsn)) == 1
        assert not leader.task.done()


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: text.strip() for name, _, text in (line.partition(":") for line in lines)}


async def test_a_standby_that_was_promoted_begins_anew_and_has_what_was_committed(
    own_postgres: EmbeddedPostgres,
) -> None:
    dsn = own_postgres.dsn
    await bind(dsn, "t", "id serial PRIMARY KEY")
    async with leading(dsn) as leader, hub_of(dsn, leader.bus) as hub:
        await settled(dsn, hub)
        cursor = Cursor(hub.frontier)
        await execute(dsn, "INSERT INTO t VALUES (DEFAULT)")
        await settled(dsn, hub)
    with embedded_folder() as folder:
        standby = await asyncio.to_thread(promoted, own_postgres, folder)
        await asyncio.to_thread(standby.start)
        try:
            assert await value(standby.dsn, "SELECT count(*) FROM t") == 1
            await begins_anew(standby.dsn, cursor, "standby was promoted")
        finally:
            await asyncio.to_thread(standby.stop)


async def test_a_publication_that_was_dropped_is_made_again_and_the_gap_is_told(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY, n integer")
    async with leading(database) as leader:
        await execute(database, "INSERT INTO t VALUES (1, 1)")

        async def arrived(key: str) -> bool:
            return any(change.key == key for change in await logged_changes(database))

        await until(lambda: arrived('["1"]'))
        before = len(leader.reconciled)
        await execute(database, "DROP PUBLICATION rowcast_tables", "INSERT INTO t VALUES (2, 2)")

        async def reconciled() -> bool:
            return len(leader.reconciled) > before

        await until(reconciled)
        assert leader.reconciled[-1] == "its publication rowcast_tables was dropped, and is made again."
        await execute(database, "INSERT INTO t VALUES (3, 3)")
        await until(lambda: arrived('["3"]'))


async def test_a_leader_that_is_passed_over_leaves_it_to_the_next_to_tell_of_a_dropped_publication(
    database: str,
) -> None:
    await bind(database, "t", "id serial PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        cursor, state = Cursor(hub.frontier), await state_of(database)
    await execute(database, "DROP PUBLICATION rowcast_tables", "INSERT INTO t VALUES (DEFAULT)")
    over = Term(state.term, leader.holder, "", float("-inf"))
    async with await connect(database, leader.holder) as connection:
        with pytest.raises(LeadershipLost):
            await open_log(connection, over, Identity(state.system_id, state.timeline))
    await begins_anew(database, cursor, "publication rowcast_tables was dropped")


async def test_subscriptions_end_when_the_epoch_changes_under_them(database: str) -> None:
    await bind(database, "t", "id serial PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        async with aclosing(hub.subscribe("public.t", Cursor(hub.frontier))) as events:
            assert isinstance(await anext(events), CaughtUp)
            pid = await value(
                database, "SELECT active_pid FROM pg_replication_slots WHERE database = current_database()"
            )
            await execute(
                database,
                "UPDATE rowcast.log_state SET system_id = '1'",
                f"SELECT pg_terminate_backend({pid})",
            )
            with pytest.raises(CursorExpired):
                await asyncio.wait_for(anext(events), DEADLINE_S)
        assert leader.reconciled[-1].startswith("the database was restored")


async def test_a_slot_waits_for_old_transactions_and_says_so(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await connect(database, "rowcast test", autocommit=False) as old:
        await old.execute("CREATE TABLE x ()")
        monkeypatch.setattr("replication.slot.CREATE_TIMEOUT", "50ms")
        async with leading(database, streaming=False) as leader:
            await until(lambda: waiting_for(leader, "end those that pg_stat_activity shows"))
            await old.rollback()
            await until(lambda: streaming(leader))
