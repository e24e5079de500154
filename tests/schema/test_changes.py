"""changes: snapshot, log and cursors joined with no gap and no repeat, against a real log."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from db.changes import Transaction
from db.cursor import Cursor
from db.position import Position
from db.session import connect
from db.sources import Column, insert_source, update_columns
from db.wire import ColumnType
from schema import subscriber as subscriber_module
from schema.snapshot_reads import SnapshotReads
from tests.e2e.mirror import Mirror
from tests.replication.leader import source_of, until, value
from tests.schema.ground import CUSTOMERS, CUSTOMERS_SQL, DEADLINE_S, GraphQLFailed, Ground, Json, standing

CHANGES = """subscription($where: RowFilter, $operations: [Operation!], $after: Cursor, $snapshot: Boolean! = false) {
  changes(source: "customers", where: $where, operations: $operations, after: $after, snapshot: $snapshot) {
    cursor transactionId committedAt cause actor snapshot reset last upToDate
    changes { operation moved key row before changed }
  }
}"""


def apply(client: dict[int, Json], batch: Json) -> None:
    """What every client does."""
    if batch["reset"]:
        client.clear()
    for change in batch["changes"]:
        match change["operation"]:
            case "TRUNCATE":
                client.clear()
            case "DELETE":
                assert client.pop(change["key"]["id"]) == change["before"]
            case "INSERT":
                assert change["key"]["id"] not in client
                client[change["key"]["id"]] = change["row"]
            case _:
                assert client[change["key"]["id"]] == change["before"]
                client[change["key"]["id"]] = change["row"]


async def rows(ground: Ground, where: Json = None) -> dict[int, Json]:
    found = await ground.run(
        'query($where: RowFilter) { rows(source: "customers", where: $where, first: 1000) { nodes { data } } }',
        {"where": where},
    )
    return {node["data"]["id"]: node["data"] for node in found["nodes"]}


async def test_a_subscription_says_that_it_is_up_to_date_then_sends_each_commit(ground: Ground) -> None:
    async with ground.subscribe(CHANGES) as stream:
        [first] = await stream.until_up_to_date()
        assert first["changes"] == []
        assert first["transactionId"] is None
        await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30)", "UPDATE customers SET age = 31")
        batch = await stream.next()
    assert [change["operation"] for change in batch["changes"]] == ["INSERT", "UPDATE"]
    assert batch["changes"][1] == {
        "operation": "UPDATE",
        "moved": False,
        "key": {"id": 1},
        "row": {"id": 1, "name": "Ada", "age": 31, "total": None},
        "before": {"id": 1, "name": "Ada", "age": 30, "total": None},
        "changed": ["age"],
    }
    assert batch["cause"] == "SQL"
    assert int(batch["transactionId"]) > 0
    assert batch["committedAt"].endswith("Z")
    assert (batch["snapshot"], batch["reset"], batch["last"]) == (False, False, True)


async def test_a_snapshot_comes_in_chunks_and_the_log_follows(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriber_module, "CHUNK", 4)
    await ground.sql("INSERT INTO customers SELECT n, 'n' || n, n FROM generate_series(1, 10) n")
    client: dict[int, Json] = {}
    where = {"column": "age", "gt": 2}
    async with ground.subscribe(CHANGES, {"snapshot": True, "where": where}) as stream:
        batches = await stream.until_up_to_date()
        snapshot = [batch for batch in batches if batch["snapshot"]]
        assert [len(batch["changes"]) for batch in snapshot] == [4, 4]
        assert [batch["last"] for batch in snapshot] == [False, True]
        assert [Cursor.decode(batch["cursor"]).partial for batch in snapshot] == [True, False]
        await ground.sql("UPDATE customers SET age = age - 1 WHERE id < 5", "DELETE FROM customers WHERE id = 9")
        for batch in [*batches, await stream.next()]:
            apply(client, batch)
    assert client == await rows(ground, where)


async def test_an_empty_snapshot_is_one_empty_chunk(ground: Ground) -> None:
    async with ground.subscribe(CHANGES, {"snapshot": True}) as stream:
        first, second = await stream.until_up_to_date()
    assert (first["snapshot"], first["last"], first["changes"]) == (True, True, [])
    assert not second["snapshot"]


async def test_rows_enter_leave_and_change_their_key(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 10), (2, 'Bob', 20)")
    async with ground.subscribe(CHANGES, {"where": {"column": "age", "gte": 18}}) as stream:
        await stream.until_up_to_date()
        await ground.sql(
            "UPDATE customers SET age = 18 WHERE id = 1",
            "UPDATE customers SET age = 17 WHERE id = 2",
            "UPDATE customers SET id = 9 WHERE id = 1",
            "UPDATE customers SET name = 'Bo' WHERE id = 2",
        )
        batch = await stream.next()
    seen = [(change["operation"], change["moved"], change["key"]["id"]) for change in batch["changes"]]
    assert seen == [("INSERT", True, 1), ("DELETE", True, 2), ("DELETE", True, 1), ("INSERT", True, 9)]


async def test_a_cursor_resumes_with_nothing_missed_or_repeated(ground: Ground) -> None:
    async with ground.subscribe(CHANGES) as stream:
        await stream.until_up_to_date()
        await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
        cursor = (await stream.next())["cursor"]
    await ground.sql("INSERT INTO customers VALUES (2, 'Bob')")
    await ground.sql("UPDATE customers SET age = 5")
    for snapshot in (False, True):
        async with ground.subscribe(CHANGES, {"after": cursor, "snapshot": snapshot}) as stream:
            batches = await stream.until_up_to_date()
        changes = [(c["operation"], c["key"]["id"]) for batch in batches for c in batch["changes"]]
        assert sorted(changes) == [("INSERT", 2), ("UPDATE", 1), ("UPDATE", 2)]
        assert not any(batch["snapshot"] or batch["reset"] for batch in batches)


async def test_as_of_hands_over_to_changes(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
    as_of = (await ground.run('{ rows(source: "customers") { asOf } }'))["asOf"]
    await ground.sql("INSERT INTO customers VALUES (2, 'Bob')")
    async with ground.subscribe(CHANGES, {"after": as_of}) as stream:
        batches = await stream.until_up_to_date()
    assert [c["key"]["id"] for batch in batches for c in batch["changes"]] == [2]


async def test_a_cursor_from_within_a_snapshot_begins_again(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriber_module, "CHUNK", 2)
    await ground.sql("INSERT INTO customers SELECT n, 'n' FROM generate_series(1, 5) n")
    async with ground.subscribe(CHANGES, {"snapshot": True}) as stream:
        chunk = await stream.next()
    async with ground.subscribe(CHANGES, {"snapshot": True, "after": chunk["cursor"]}) as stream:
        batches = await stream.until_up_to_date()
    assert (batches[0]["reset"], batches[0]["changes"], batches[0]["last"]) == (True, [], False)
    assert Cursor.decode(batches[0]["cursor"]).partial
    client: dict[int, Json] = {}
    for batch in batches:
        apply(client, batch)
    assert sorted(client) == [1, 2, 3, 4, 5]
    async with ground.subscribe(CHANGES, {"after": chunk["cursor"]}) as stream:
        with pytest.raises(AssertionError) as failed:
            await stream.next()
    assert getattr(failed.value, "code", None) == "CURSOR_EXPIRED"


async def test_an_expired_cursor_resets_or_ends(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
    expired = Cursor(Position(1, 1, 0)).encode()
    async with ground.subscribe(CHANGES, {"snapshot": True, "after": expired}) as stream:
        batches = await stream.until_up_to_date()
    assert batches[0]["reset"]
    assert [c["key"]["id"] for batch in batches for c in batch["changes"]] == [1]
    async with ground.subscribe(CHANGES, {"after": expired}) as stream:
        with pytest.raises(AssertionError) as failed:
            await stream.next()
    assert getattr(failed.value, "code", None) == "CURSOR_EXPIRED"


async def test_a_cursor_of_before_the_source_was_registered_again_is_expired(ground: Ground) -> None:
    async with ground.subscribe(CHANGES) as stream:
        [begun] = await stream.until_up_to_date()
        await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
        before = (await stream.next())["cursor"]
    assert begun["cursor"] != before
    # Nobody's table meanwhile, so this is in no log.
    await ground.sql("DELETE FROM rowcast.sources", "INSERT INTO customers VALUES (2, 'Bob')")
    async with await connect(ground.dsn, "rowcast test", autocommit=False) as connection:
        await insert_source(connection, replace(source_of("public.customers"), name="customers", columns=CUSTOMERS))
    async with ground.subscribe(CHANGES, {"after": before, "snapshot": True}) as stream:
        batches = await stream.until_up_to_date()
        await ground.sql("INSERT INTO customers VALUES (3, 'Cy')")
        after = (await stream.next())["cursor"]
    assert batches[0]["reset"]
    assert sorted(c["key"]["id"] for batch in batches for c in batch["changes"]) == [1, 2]
    with pytest.raises(GraphQLFailed) as failed:
        async with ground.subscribe(CHANGES, {"after": before}) as stream:
            await stream.next()
    assert failed.value.code == "CURSOR_EXPIRED"
    # Cursors of since then are good: of what was sent, and of rows, though the log is known less far than it goes.
    as_of = (await ground.run('{ rows(source: "customers") { asOf } }'))["asOf"]
    for cursor, missed in ((batches[-1]["cursor"], [3]), (after, []), (as_of, [])):
        async with ground.subscribe(CHANGES, {"after": cursor}) as stream:
            resumed = await stream.until_up_to_date()
        assert [c["key"]["id"] for batch in resumed for c in batch["changes"]] == missed


async def test_operations_are_the_filter_s(ground: Ground) -> None:
    where = {"column": "age", "gte": 18}
    async with ground.subscribe(CHANGES, {"where": where, "operations": ["DELETE"]}) as stream:
        await stream.until_up_to_date()
        await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 20)")
        await ground.sql("UPDATE customers SET age = 3")
        batch = await stream.next()
    assert [(c["operation"], c["moved"]) for c in batch["changes"]] == [("DELETE", True)]


async def test_truncate_is_sent(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 20)")
    async with ground.subscribe(CHANGES, {"snapshot": True, "where": {"column": "age", "gt": 1}}) as stream:
        await stream.until_up_to_date()
        await ground.sql("TRUNCATE customers")
        batch = await stream.next()
    assert [(c["operation"], c["key"], c["row"]) for c in batch["changes"]] == [("TRUNCATE", None, None)]


async def test_a_large_commit_arrives_in_slices_that_can_be_resumed(ground: Ground) -> None:
    async with ground.subscribe(CHANGES) as stream:
        await stream.until_up_to_date()
        await ground.sql("INSERT INTO customers SELECT n, 'n' FROM generate_series(1, 2500) n")
        first = await stream.next()
    assert not first["last"]
    async with ground.subscribe(CHANGES, {"after": first["cursor"]}) as stream:
        rest = await stream.until_up_to_date()
    slices = [first, *(batch for batch in rest if batch["changes"])]
    assert [batch["last"] for batch in slices][-1] is True
    assert {batch["transactionId"] for batch in slices} == {first["transactionId"]}
    assert [c["key"]["id"] for batch in slices for c in batch["changes"]] == list(range(1, 2501))


async def test_who_resumes_within_a_commit_is_told_its_end(ground: Ground) -> None:
    """Though nothing of its rest concerns it: what is applied by commits would take the next one for the same."""
    few = {"where": {"column": "id", "lte": 3}}
    async with ground.subscribe(CHANGES, few) as stream:
        await stream.until_up_to_date()
        await ground.sql("INSERT INTO customers SELECT n, 'n' FROM generate_series(1, 2500) n")
        first = await stream.next()
    assert not first["last"]
    await ground.sql("UPDATE customers SET name = 'm' WHERE id = 1")
    async with ground.subscribe(CHANGES, {**few, "after": first["cursor"]}) as stream:
        batches = await stream.until_up_to_date()
    assert all(batch["last"] for batch in batches)
    assert [(batch["transactionId"] == first["transactionId"], batch["changes"] == []) for batch in batches] == [
        (True, True),
        (False, False),
        (False, True),
    ]


class Halting:
    """Follows a table beside its subscribers, and keeps the log's next slices back once it has a part of a commit."""

    def __init__(self) -> None:
        self.at = Position(0, 0, 0)
        self.halted, self.go_on = asyncio.Event(), asyncio.Event()

    async def take(self, transaction: Transaction) -> None:
        if not transaction.last:
            self.halted.set()
            await self.go_on.wait()

    async def reached(self, position: Position) -> None:
        self.at = position

    def expire(self) -> None:
        raise AssertionError


async def test_up_to_date_is_said_before_a_later_commit_of_which_a_part_is_handed_on(ground: Ground) -> None:
    as_of = (await ground.run('{ rows(source: "customers") { asOf } }'))["asOf"]
    await ground.sql("INSERT INTO customers VALUES (0, 'n')")
    halting = Halting()
    ground.context.hub.attach("public.customers", halting)
    async with ground.subscribe(CHANGES, {"after": as_of}) as stream:
        # Read from the log, and nothing is taken meanwhile of what is handed on.
        batches = [await stream.next()]
        written = await value(ground.dsn, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
        assert isinstance(written, int)
        await ground.context.hub.reach(written, DEADLINE_S)

        async def handed_on() -> bool:
            return halting.at.lsn >= written

        await until(handed_on)
        await ground.sql("INSERT INTO customers SELECT n, 'n' FROM generate_series(1, 2500) n")
        async with asyncio.timeout(DEADLINE_S):
            await halting.halted.wait()
        batches.append(await stream.next())
        halting.go_on.set()
        while len(batches) < 3 or not batches[-1]["last"]:
            batches.append(await stream.next())
    ground.context.hub.detach("public.customers")
    assert [c["key"]["id"] for batch in batches for c in batch["changes"]] == list(range(2501))
    assert [batch["upToDate"] for batch in batches] == [False, True, True, True, True]
    assert [batch["last"] for batch in batches] == [True, True, False, False, True]


async def test_a_quiet_filter_gets_newer_cursors(database: str) -> None:
    now = [0.0]
    async with standing(database, clock=lambda: now[0]) as ground:
        await ground.bind("customers", CUSTOMERS_SQL, CUSTOMERS)
        async with ground.subscribe(CHANGES, {"where": {"or": []}}) as stream:
            [first] = await stream.until_up_to_date()
            now[0] += subscriber_module.QUIET_S
            await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
            batch = await stream.next()
    assert batch["changes"] == []
    assert batch["transactionId"] is None
    assert batch["upToDate"]
    assert Cursor.decode(batch["cursor"]).position > Cursor.decode(first["cursor"]).position


async def test_a_column_that_the_source_gets_is_sent_from_then_on(database: str) -> None:
    now = [0.0]
    async with standing(database, clock=lambda: now[0]) as ground:
        source = await ground.bind("customers", CUSTOMERS_SQL, CUSTOMERS)
        await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
        async with ground.subscribe(CHANGES, {"snapshot": True}) as stream:
            await stream.until_up_to_date()
            await ground.sql("ALTER TABLE customers ADD phone text, ADD inner_note text")
            await ground.sql("UPDATE customers SET name = 'Ada L', inner_note = 'x'")
            [change] = (await stream.next())["changes"]
            assert set(change["row"]) == {"id", "name", "age", "total"}, "they are nobody's columns yet"
            async with await connect(ground.dsn, "rowcast test") as connection:
                await update_columns(
                    connection, source.id, [*source.columns, Column("phone", ColumnType.TEXT, "Phone")]
                )
            now[0] += subscriber_module.ASK_AGAIN_S
            await ground.sql("UPDATE customers SET phone = '7'")
            [change] = (await stream.next())["changes"]
            assert change["row"] == {"id": 1, "name": "Ada L", "age": None, "total": None, "phone": "7"}
            assert change["changed"] == ["phone"]


async def test_a_wrong_subscription_is_refused(ground: Ground) -> None:
    for variables in ({"after": "nonsense"}, {"where": {"column": "nope", "eq": 1}}):
        async with ground.subscribe(CHANGES, variables) as stream:
            with pytest.raises(GraphQLFailed) as failed:
                await stream.next()
        assert failed.value.code == "BAD_USER_INPUT", variables


async def test_subscriptions_are_counted_while_they_last(ground: Ground) -> None:
    query = "{ stats { subscriptions sources slotLagBytes slotLagSeconds openConflicts apiQuota { name } } }"
    async with ground.subscribe(CHANGES) as stream:
        await stream.until_up_to_date()
        stats: Any = await ground.run(query)
        assert (stats["subscriptions"], stats["sources"]) == (1, 1)
    assert (await ground.run(query))["subscriptions"] == 0


@pytest.mark.parametrize("clients_at_work", [3, pytest.param(10, marks=pytest.mark.soak)])
async def test_snapshots_under_a_writer_have_no_gap_and_no_repeat(ground: Ground, clients_at_work: int) -> None:
    stopped = asyncio.Event()

    async def write(lane: int) -> None:
        async with await connect(ground.dsn, "rowcast test writer") as connection:
            n = 0
            while not stopped.is_set():
                n += 1
                id_ = lane * 100 + n % 7
                await connection.execute(
                    "INSERT INTO customers VALUES (%s, 'n', %s) ON CONFLICT (id) DO UPDATE SET age = excluded.age",
                    (id_, n),
                )
                if n % 5 == 0:
                    await connection.execute("DELETE FROM customers WHERE id = %s", (id_,))

    async with asyncio.TaskGroup() as group:
        for lane in range(3):
            group.create_task(write(lane))
        clients = []
        for _ in range(clients_at_work):
            client: dict[int, Json] = {}
            async with ground.subscribe(CHANGES, {"snapshot": True}) as stream:
                cursor = None
                for _ in range(20):
                    batch = await stream.next()
                    apply(client, batch)
                    cursor = batch["cursor"]
            clients.append((client, cursor))
        stopped.set()
    final = await rows(ground)
    for client, cursor in clients:
        async with ground.subscribe(CHANGES, {"after": cursor}) as stream:
            for batch in await stream.until_up_to_date():
                apply(client, batch)
        assert client == final


@pytest.mark.parametrize("hand_overs", [15, pytest.param(200, marks=pytest.mark.soak)])
async def test_rows_hand_over_to_changes_under_writers_at_full_speed(ground: Ground, hand_overs: int) -> None:
    """The mirror knows each row's state, so that a commit that is missing or comes twice shows at once."""
    stopped = asyncio.Event()
    written = 0

    async def write(lane: int) -> None:
        nonlocal written
        async with await connect(ground.dsn, "rowcast test writer") as connection:
            n = 0
            while not stopped.is_set():
                n += 1
                id_ = lane * 100 + n % 5
                async with connection.transaction():
                    await connection.execute(
                        "INSERT INTO customers VALUES (%s, 'n', %s) ON CONFLICT (id) DO UPDATE SET age = excluded.age",
                        (id_, n),
                    )
                    # One that is longer under way than those that begin after it.
                    if n % 3 == lane:
                        await connection.execute("SELECT pg_sleep(0.005)")
                if n % 7 == 0:
                    await connection.execute("DELETE FROM customers WHERE id = %s", (id_,))
                written += 1

    mirror = Mirror()
    async with asyncio.TaskGroup() as group:
        for lane in range(3):
            group.create_task(write(lane))
        for _ in range(hand_overs):
            page = await ground.run('{ rows(source: "customers", first: 1000) { nodes { data } asOf } }')
            mirror = Mirror()
            mirror.rows = {node["data"]["id"]: node["data"] for node in page["nodes"]}
            async with ground.subscribe(CHANGES, {"after": page["asOf"]}) as stream:
                before = written
                while not mirror.up_to_date or written < before + 30:
                    mirror.apply(await stream.next())
        stopped.set()
        async with ground.subscribe(CHANGES, {"after": mirror.cursor}) as stream:
            for batch in await stream.until_up_to_date():
                mirror.apply(batch)
    # The last writes may have been on their way still.
    async with ground.subscribe(CHANGES, {"after": mirror.cursor}) as stream:
        for batch in await stream.until_up_to_date():
            mirror.apply(batch)
    assert mirror.rows == await rows(ground)


async def test_a_deleted_source_ends_its_subscriptions_at_once(ground: Ground) -> None:
    await ground.bind("others", CUSTOMERS_SQL, CUSTOMERS)
    others = 'subscription { changes(source: "others") { upToDate changes { key } } }'
    async with ground.subscribe(CHANGES, {"snapshot": True}) as stream, ground.subscribe(others) as other:
        await stream.until_up_to_date()
        await other.until_up_to_date()
        await ground.run('mutation { deleteSource(name: "customers") { id } }')
        with pytest.raises(GraphQLFailed) as failed:
            await stream.next()
        await ground.sql("INSERT INTO others VALUES (1, 'Ada')")
        assert (await other.next())["changes"] == [{"key": {"id": 1}}]
    assert failed.value.code == "NOT_FOUND"


async def test_a_deletion_that_nobody_heard_of_is_found_when_listening_begins_again(ground: Ground) -> None:
    listeners = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rowcast test listener'",
    )
    async with ground.subscribe(CHANGES) as stream:
        await stream.until_up_to_date()
        await ground.sql(*listeners)
        await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
        assert len((await stream.next())["changes"]) == 1
        await ground.sql("DELETE FROM rowcast.sources WHERE name = 'customers'", *listeners)
        with pytest.raises(GraphQLFailed) as failed:
            await stream.next()
    assert failed.value.code == "NOT_FOUND"


async def test_a_client_that_takes_no_snapshot_keeps_nobody_waiting(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_module, "CHUNK", 1)
    async with standing(database, snapshots=SnapshotReads(at_once=1, stall_s=0.05)) as ground:
        await ground.bind("customers", CUSTOMERS_SQL, CUSTOMERS)
        await ground.sql("INSERT INTO customers SELECT n, 'n' || n FROM generate_series(1, 10) n")
        async with ground.subscribe(CHANGES, {"snapshot": True}) as stalled:
            assert not (await stalled.next())["last"]
            empty = {"snapshot": True, "where": {"or": []}}
            async with ground.subscribe(CHANGES, empty) as other:
                assert (await other.until_up_to_date())[-1]["upToDate"]

            async def given_up() -> bool:
                stats = ground.context.pool.get_stats()
                return stats["pool_available"] == stats["pool_size"]

            await until(given_up)
            with pytest.raises(GraphQLFailed) as failed:
                await stalled.until_up_to_date()
    assert failed.value.code == "UNAVAILABLE"


async def test_however_many_take_no_snapshot_the_others_get_theirs(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_module, "CHUNK", 1)
    reads = SnapshotReads(at_once=1, aside=2, stall_s=10 * DEADLINE_S, patience_s=1)
    async with standing(database, snapshots=reads) as ground, AsyncExitStack() as stack:
        await ground.bind("customers", CUSTOMERS_SQL, CUSTOMERS)
        await ground.sql("INSERT INTO customers SELECT n, 'n' || n FROM generate_series(1, 10) n")
        stalled = []
        for least in range(6):
            where = {"column": "id", "gt": least}
            stream = await stack.enter_async_context(ground.subscribe(CHANGES, {"snapshot": True, "where": where}))
            stalled.append((least, stream, [await stream.next()]))
        async with ground.subscribe(CHANGES, {"snapshot": True}) as other:
            assert len(await other.until_up_to_date()) == 11
        # Once they take it, all do get it: two where they were, four anew.
        for _, stream, batches in stalled:
            batches.extend(await stream.until_up_to_date())
        assert [sum(batch["reset"] for batch in batches) for _, _, batches in stalled] == [0, 0, 1, 1, 1, 1]
        for least, _, batches in stalled:
            client: dict[int, Json] = {}
            for batch in batches:
                apply(client, batch)
            assert client.keys() == set(range(least + 1, 11))


async def test_one_that_is_too_slow_for_the_others_begins_again_alone(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_module, "CHUNK", 1)
    # Longer than the fast one ever takes for a chunk.
    async with standing(database, snapshots=SnapshotReads(at_once=1, patience_s=2)) as ground:
        await ground.bind("customers", CUSTOMERS_SQL, CUSTOMERS)
        await ground.sql("INSERT INTO customers SELECT n, 'n' || n FROM generate_series(1, 10) n")
        client: dict[int, Json] = {}
        async with (
            ground.subscribe(CHANGES, {"snapshot": True}) as slow,
            ground.subscribe(CHANGES, {"snapshot": True}) as fast,
        ):
            first, fasts = await asyncio.gather(slow.next(), fast.until_up_to_date())
            assert ground.context.snapshots.begun == 1
            assert [change["key"]["id"] for batch in fasts for change in batch["changes"]] == list(range(1, 11))
            batches = [first, *await slow.until_up_to_date()]
            assert [batch["reset"] for batch in batches].count(True) == 1
            for batch in batches:
                apply(client, batch)
            assert client == await rows(ground, None)
            assert ground.context.snapshots.begun == 2
            await ground.sql("INSERT INTO customers VALUES (11, 'n11')")
            for stream in (slow, fast):
                assert [change["key"]["id"] for change in (await stream.next())["changes"]] == [11]
