"""Replication on a real Postgres: what was committed is in the log, once, in order, as it was."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from db.changes import Cause, Operation
from db.cursor import Cursor
from db.origin import emit_origin, sign_origin
from db.session import connect
from db.sources import delete_source, insert_source
from replication.log_events import LogSlice
from replication.session import Session
from tests.replication.leader import DEADLINE_S, ORIGIN_KEY, bind, execute, hub_of, leading, source_of, until, value
from tests.replication.reading import logged, logged_changes, settled, state_of


async def test_every_kind_of_change_is_logged_with_values_keys_and_order(database: str) -> None:
    await bind(
        database,
        "t",
        "id integer PRIMARY KEY, name text, big bigint, ratio float, ok boolean, at timestamptz, doc jsonb",
    )
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(
            database,
            "INSERT INTO t VALUES (1, 'Ada', 9007199254740993, 0.1, true, '2026-01-31 13:05+01', '{\"a\": [1, null]}')",
            "UPDATE t SET name = NULL WHERE id = 1",
            "UPDATE t SET id = 2 WHERE id = 1",
            "DELETE FROM t",
        )
        await settled(database, hub)
        transactions = await logged(database)
    row = {
        "id": 1,
        "name": "Ada",
        "big": "9007199254740993",
        "ratio": 0.1,
        "ok": True,
        "at": "2026-01-31T12:05:00+00:00",
        "doc": {"a": [1, None]},
    }
    unnamed = {**row, "name": None}
    changes = [change for transaction in transactions for change in transaction.changes]
    assert [(c.operation, c.key, c.old_key, c.before, c.after) for c in changes] == [
        (Operation.INSERT, '["1"]', None, None, row),
        (Operation.UPDATE, '["1"]', None, row, unnamed),
        (Operation.UPDATE, '["2"]', '["1"]', unnamed, {**unnamed, "id": 2}),
        (Operation.DELETE, '["2"]', None, {**unnamed, "id": 2}, None),
    ]
    assert [c.position for c in changes] == sorted(c.position for c in changes)
    assert {(c.position.index, c.relation) for c in changes} == {(1, "public.t")}
    assert all(transaction.committed_at <= datetime.now(UTC) for transaction in transactions)
    assert [transaction.xid for transaction in transactions] == sorted(
        {transaction.xid for transaction in transactions}
    )
    assert set().union(*leader.appended) == {"public.t"}


async def test_the_xid_is_the_one_that_postgres_knows_in_64_bits(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        async with await connect(database, "rowcast test", autocommit=False) as connection:
            # A savepoint has an xid of its own: the log has the one that snapshots list.
            await connection.execute("SAVEPOINT a; INSERT INTO t VALUES (1); RELEASE a")
            row = await (await connection.execute("SELECT pg_current_xact_id()::text::bigint")).fetchone()
        await settled(database, hub)
        [transaction] = await logged(database)
    assert row == (transaction.xid,)


async def test_an_unchanged_toast_value_is_whole_in_both_images(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY, long text, n integer")
    await execute(database, "ALTER TABLE t ALTER long SET STORAGE EXTERNAL")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(database, "INSERT INTO t VALUES (1, repeat('x', 100000), 1)", "UPDATE t SET n = 2")
        await settled(database, hub)
        update = (await logged_changes(database))[1]
    assert update.before == {"id": 1, "long": "x" * 100_000, "n": 1}
    assert update.after == {"id": 1, "long": "x" * 100_000, "n": 2}


async def test_truncate_of_an_adopted_table_is_one_entry(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(database, "INSERT INTO t VALUES (1)", "TRUNCATE t")
        await settled(database, hub)
        entry = (await logged_changes(database))[1]
    assert (entry.operation, entry.key, entry.before, entry.after) == (Operation.TRUNCATE, None, None, None)


async def test_truncate_of_a_table_of_ours_has_the_rows(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    await execute(
        database,
        "CREATE TRIGGER t BEFORE TRUNCATE ON t FOR EACH STATEMENT EXECUTE FUNCTION rowcast.delete_before_truncate()",
    )
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(database, "INSERT INTO t VALUES (1), (2)", "TRUNCATE t")
        await settled(database, hub)
        entries = (await logged_changes(database))[2:]
    assert [(entry.operation, entry.key) for entry in entries] == [
        (Operation.DELETE, '["1"]'),
        (Operation.DELETE, '["2"]'),
        (Operation.TRUNCATE, None),
    ]


async def test_cause_and_actor_are_kept_and_cannot_be_forged(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        async with await connect(database, "rowcast test", autocommit=False) as connection:
            xid = await emit_origin(connection, ORIGIN_KEY, Cause.API, "a token")
            await connection.execute("INSERT INTO t VALUES (1)")
            await connection.commit()
            stolen = sign_origin(ORIGIN_KEY, xid, Cause.API, "a token")
            await connection.execute("SELECT pg_logical_emit_message(true, 'rowcast', %s)", (stolen,))
            await connection.execute("SELECT pg_logical_emit_message(true, 'another program', %s)", (stolen,))
            await connection.execute("INSERT INTO t VALUES (2)")
            await connection.commit()
            # Behind more changes than a slice holds: the whole commit gets it all the same.
            await connection.execute("INSERT INTO t SELECT generate_series(3, 2500)")
            await emit_origin(connection, ORIGIN_KEY, Cause.ROLLBACK, None)
            await connection.commit()
        await settled(database, hub)
        transactions = await logged(database)
    assert [(transaction.cause, transaction.actor) for transaction in transactions] == [
        (Cause.API, "a token"),
        (Cause.SQL, None),
        *[(Cause.ROLLBACK, None)] * 3,
    ]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("""INSERT INTO t (id, doc) VALUES ('a', '"\\ud800"')""", id="half a surrogate pair"),
        pytest.param(
            "INSERT INTO t (id, doc) VALUES ('a', (repeat('[', 2000) || repeat(']', 2000))::json)", id="deep nesting"
        ),
        pytest.param(
            "INSERT INTO t SELECT n::text, (repeat('[', n) || repeat(']', n))::json FROM generate_series(450, 1050) n",
            id="nesting of every depth",
        ),
        pytest.param("INSERT INTO t (id, doc) VALUES ('a', repeat('9', 5000)::json)", id="a long integer"),
        pytest.param("INSERT INTO t (id, doc) VALUES ('a', '[1e400]')", id="a number beyond a double"),
        pytest.param(
            "INSERT INTO t SELECT string_agg(md5(n::text), '') FROM generate_series(1, 84) n", id="the longest key"
        ),
        pytest.param("SELECT pg_logical_emit_message(true, 'rowcast', repeat('[', 100000))", id="a deep message"),
        pytest.param(
            """SELECT pg_logical_emit_message(true, 'rowcast', '{"cause": "API", "actor": null, "mac": "\\ud800"}')""",
            id="a message with half a surrogate pair",
        ),
    ],
)
async def test_nothing_that_somebody_commits_stops_the_log(database: str, statement: str) -> None:
    await bind(database, "t", "id text PRIMARY KEY, doc json")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(database, statement, "INSERT INTO t (id) VALUES ('b')")
        await settled(database, hub)
        assert not leader.task.done()
        changes = await logged_changes(database)
    assert changes[-1].key == '["b"]'
    assert len(changes) == await value(database, "SELECT count(*) FROM t")
    for change in changes:
        json.dumps(change.after, allow_nan=False)


async def test_messages_outside_transactions_do_no_harm(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(
            database,
            "SELECT pg_logical_emit_message(false, 'rowcast', 'sources')",
            "SELECT pg_logical_emit_message(false, 'rowcast', '')",
            "SELECT pg_logical_emit_message(false, 'rowcast', '{\"cause\": \"API\"}')",
            "SELECT pg_logical_emit_message(false, 'other', 'x')",
            "INSERT INTO t VALUES (1)",
        )
        await settled(database, hub)
        assert len(await logged(database)) == 1


@pytest.mark.parametrize("scope", ["DATABASE", "ROLE"])
async def test_settings_of_the_server_do_not_change_what_is_logged(database: str, scope: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY, at timestamptz, day date, ratio float, span interval, raw bytea")
    dsn = conninfo_to_dict(database)
    target = f'"{dsn["dbname"]}"' if scope == "DATABASE" else f'"{dsn["user"]}" IN DATABASE "{dsn["dbname"]}"'
    for setting in (
        "DateStyle = 'German, DMY'",
        "TimeZone = 'Asia/Kathmandu'",
        "extra_float_digits = -10",
        "IntervalStyle = 'sql_standard'",
        "bytea_output = 'escape'",
    ):
        await execute(database, f"ALTER {scope} {target} SET {setting}")
    try:
        async with leading(database) as leader, hub_of(database, leader.bus) as hub:
            await execute(
                database,
                "INSERT INTO t VALUES (1, '2026-01-31 12:05+00', '31.01.2026', 0.1::float8 + 0.2::float8, "
                "'1 day 2 hours'::interval, '\\xdead')",
            )
            await settled(database, hub)
            [change] = await logged_changes(database)
    finally:
        await execute(database, f"ALTER {scope} {target} RESET ALL")
    assert change.after == {
        "id": 1,
        "at": "2026-01-31T12:05:00+00:00",
        "day": "2026-01-31",
        "ratio": 0.30000000000000004,
        "span": "1 day 02:00:00",
        "raw": "\\xdead",
    }


async def test_a_table_that_gets_its_source_later_is_logged_from_then_on(database: str) -> None:
    await execute(
        database,
        "CREATE TABLE t (id integer PRIMARY KEY)",
        "ALTER TABLE t REPLICA IDENTITY FULL",
        "ALTER PUBLICATION rowcast_tables ADD TABLE t",
    )
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        # Its Relation message comes now, without a source.
        await execute(database, "INSERT INTO t VALUES (1)")
        await settled(database, hub)
        async with await connect(database, "rowcast test", autocommit=False) as connection:
            source = source_of("public.t")
            await insert_source(connection, source)
            await connection.execute("INSERT INTO t VALUES (2)")
        await execute(database, "INSERT INTO t VALUES (3)")
        await settled(database, hub)
        assert [change.key for change in await logged_changes(database)] == ['["2"]', '["3"]']
        async with await connect(database, "rowcast test", autocommit=False) as connection:
            await delete_source(connection, source.id)
        await execute(database, "INSERT INTO t VALUES (4)")
        await settled(database, hub)
        assert len(await logged_changes(database)) == 2


async def test_a_table_that_can_no_longer_be_logged_is_named_once(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY, n integer")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(
            database,
            "INSERT INTO t VALUES (1, 1)",
            "ALTER TABLE t REPLICA IDENTITY DEFAULT",
            "UPDATE t SET n = 2",
            "UPDATE t SET id = 3",
            "DELETE FROM t",
            "ALTER TABLE t RENAME id TO other",
            "INSERT INTO t VALUES (5, 5)",
            "ALTER TABLE t RENAME other TO id",
            "ALTER TABLE t REPLICA IDENTITY FULL",
            "INSERT INTO t VALUES (6, 6)",
        )
        await settled(database, hub)
        changes = await logged_changes(database)
    assert [(change.key, change.old_key, change.before) for change in changes] == [
        ('["1"]', None, None),
        ('["1"]', None, {"id": 1}),
        ('["3"]', '["1"]', {"id": 1}),
        ('["3"]', None, {"id": 3}),
        ('["6"]', None, None),
    ]
    said = await value(database, "SELECT array_agg(message ORDER BY id) FROM rowcast.events WHERE detail ? 'table'")
    assert isinstance(said, list)
    assert len(said) == 2
    assert "ALTER TABLE public.t REPLICA IDENTITY FULL" in said[0]
    assert "no longer has the key column id" in said[1]


async def test_a_subscriber_gets_its_table_s_part_of_a_commit(database: str) -> None:
    await bind(database, "t", "id integer PRIMARY KEY")
    await bind(database, "u", "id integer PRIMARY KEY")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        async with aclosing(hub.subscribe("public.u", Cursor(hub.frontier))) as events:
            await anext(events)
            await execute(database, "BEGIN; INSERT INTO t VALUES (1), (2); INSERT INTO u VALUES (7); COMMIT")
            event = await asyncio.wait_for(anext(events), DEADLINE_S)
    assert isinstance(event, LogSlice)
    assert [change.key for change in event.transaction.changes] == ['["7"]']
    assert event.transaction.changes[0].position.index == 3
    assert event.transaction.last


async def test_publications_of_owners_join_and_leave_while_streaming(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replication.session.TICK_S", 0.1)
    await execute(
        database,
        "CREATE TABLE t (id integer PRIMARY KEY)",
        "ALTER TABLE t REPLICA IDENTITY FULL",
        "CREATE TABLE early (id integer PRIMARY KEY)",
    )

    async def streams(*names: str) -> bool:
        return (await state_of(database)).publications == names

    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        assert await streams("rowcast_tables")
        async with await connect(database, "rowcast test", autocommit=False) as old:
            # A transaction from before the publication: streaming must not name it while this can still commit.
            await old.execute("INSERT INTO early VALUES (1)")
            await execute(database, "CREATE PUBLICATION rowcast_theirs FOR TABLE t, early")
            await settled(database, hub)
            assert await streams("rowcast_tables")
        await until(lambda: streams("rowcast_tables", "rowcast_theirs"))
        async with await connect(database, "rowcast test", autocommit=False) as connection:
            await insert_source(connection, source_of("public.t"))
        await execute(database, "INSERT INTO t VALUES (1)")
        await settled(database, hub)
        assert len(await logged(database)) == 1
        await execute(database, "DROP PUBLICATION rowcast_theirs")
        await until(lambda: streams("rowcast_tables"))
        await settled(database, hub)
        assert not leader.task.done()


async def test_an_idle_log_moves_its_slot_on(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replication.session.TICK_S", 0.1)
    monkeypatch.setattr("replication.session.IDLE_S", 0.3)
    await execute(database, "CREATE TABLE elsewhere (n integer)")
    async with leading(database):
        before = await state_of(database)
        # WAL that is no change of a synced table must not stay pinned.
        await execute(database, *["INSERT INTO elsewhere SELECT generate_series(1, 1000)"] * 5)
        written = await value(database, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
        assert isinstance(written, int)

        async def confirmed() -> bool:
            at = await value(
                database,
                "SELECT (confirmed_flush_lsn - '0/0')::bigint FROM pg_replication_slots "
                "WHERE database = current_database()",
            )
            assert isinstance(at, int)
            # Never beyond what the log has stored: after a crash that would look like a gap.
            assert at <= (await state_of(database)).decoded_to
            return at >= written

        await until(confirmed)
        after = await state_of(database)
    assert after.head == before.head
    assert after.decoded_to >= written


async def test_what_is_published_is_in_the_log_and_what_is_confirmed_is_flushed(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replication.session.TICK_S", 0.02)
    await bind(database, "t", "id integer PRIMARY KEY")

    async def write() -> None:
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
            for id_ in range(500):
                await connection.execute("INSERT INTO t VALUES (%s)", (id_,))

    async with leading(database) as leader:
        beats = leader.bus.listen()
        writing = asyncio.create_task(write())
        async with await connect(database, "rowcast test") as connection, aclosing(beats):
            previous = None
            async for beat in beats:
                row = await (
                    await connection.execute(
                        """SELECT (SELECT decoded_to >= (confirmed_flush_lsn - '0/0')::bigint FROM rowcast.log_state),
                                  pg_current_wal_flush_lsn() >= confirmed_flush_lsn
                           FROM pg_replication_slots WHERE database = current_database()"""
                    )
                ).fetchone()
                assert row == (True, True)
                found = await (
                    await connection.execute(
                        "SELECT 1 FROM rowcast.changes WHERE lsn = %s AND index = %s", (beat.head.lsn, beat.head.index)
                    )
                ).fetchone()
                assert found is not None or beat.head.index == 0
                # Who is slow is told the newest only.
                assert previous is None or beat.head >= previous
                previous = beat.head
                if writing.done() and len(await logged_changes(database)) == 500:
                    break
        await writing


async def test_what_is_appended_while_it_is_asked_what_is_flushed_is_not_confirmed_by_that(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replication.session.TICK_S", 0.02)
    await bind(database, "t", "id integer PRIMARY KEY")
    kept: dict[int, int] = {}
    turns = asyncio.Semaphore(0)
    look = Session._look

    async def slow_look(self: Session) -> tuple[int, int, int, int, Sequence[str]]:
        for written, confirmable in self._marks:
            assert confirmable <= kept[written]
        before = self._appender.stored
        found = await look(self)
        kept[found[0]] = before
        await execute(database, f"INSERT INTO t VALUES ({len(kept)})")

        async def appended() -> bool:
            return self._appender.stored > before

        await until(appended)
        turns.release()
        return found

    monkeypatch.setattr(Session, "_look", slow_look)
    async with leading(database) as leader, asyncio.timeout(DEADLINE_S):
        for _ in range(5):
            await turns.acquire()
        assert not leader.task.done()
