"""Tables that are dropped, replaced, or out of the publications for a while: where the log begins them anew."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import psycopg
import pytest

from db.changes import Change, Operation
from db.logged_tables import Logged, LoggedName
from db.session import connect
from db.sources import delete_source, insert_source, sources_of_relation, update_binding
from replication.hub import Hub
from replication.table_watch import to_log, told
from tests.replication.leader import bind, execute, hub_of, leading, source_of, until, value
from tests.replication.reading import logged_changes, settled
from tests.replication.test_recovery import replicating

COLUMNS = "id integer PRIMARY KEY"
MADE = (f"CREATE TABLE t ({COLUMNS})", "ALTER TABLE t REPLICA IDENTITY FULL")
PUBLISHED = "ALTER PUBLICATION rowcast_tables ADD TABLE t"
TAKEN_OUT = "ALTER PUBLICATION rowcast_tables DROP TABLE t"
A, B = Logged(1, frozenset({"a"})), Logged(2, frozenset({"b"}))


@pytest.mark.parametrize(
    ("was", "oid", "ways", "wanted"),
    [
        (A, 1, {"a"}, None),
        # Put into another publication, then taken out of the first.
        (A, 1, {"a", "b"}, None),
        (A, 1, {"b"}, Logged(1, frozenset("b"))),
        (A, 2, {"a"}, Logged(2, frozenset("a"))),
        (None, 1, {"a"}, A),
        (Logged(None, reason="gone"), 1, {"a"}, A),
    ],
)
def test_what_a_name_goes_on_to_stand_for(was: Logged | None, oid: int, ways: set[str], wanted: Logged | None) -> None:
    assert to_log(LoggedName("public.t", "public.t", was, oid, frozenset(ways))) == wanted


@pytest.mark.parametrize("oid", [None, 1])
def test_what_is_not_logged_says_why_once(oid: int | None) -> None:
    name = LoggedName("public.t", "public.t", A, oid, frozenset())
    logged = to_log(name)
    assert logged is not None
    assert logged.reason is not None
    assert told(name, logged) == logged.reason
    assert to_log(LoggedName("public.t", "public.t", logged, oid, frozenset())) is None


def anew(changes: list[Change]) -> int:
    return sum(change.anew for change in changes)


async def begun_anew(dsn: str, times: int = 1) -> None:
    async def there() -> bool:
        return anew(await logged_changes(dsn)) >= times

    await until(there)


def keys(changes: list[Change]) -> list[str | None]:
    """A place where the log begins anew is a None."""
    assert all(change.operation is Operation.TRUNCATE for change in changes if change.anew)
    return [change.key for change in changes]


async def drift(dsn: str) -> list[str]:
    found = await value(dsn, "SELECT json_agg(message ORDER BY id) FROM rowcast.events WHERE kind = 'DRIFT'")
    assert isinstance(found, list)
    return found


async def followed(dsn: str) -> None:
    """Wait until the table that has the name now is the one that is logged."""

    async def taken() -> bool:
        return await value(dsn, "SELECT rowcast.table_named('public.t')::bigint") == await value(
            dsn, "SELECT oid FROM rowcast.logged_tables ORDER BY from_lsn DESC LIMIT 1"
        )

    await until(taken)


@pytest.mark.parametrize(
    "statements",
    [
        ["; ".join(("DROP TABLE t", *MADE, PUBLISHED, "INSERT INTO t VALUES (2)"))],
        ["DROP TABLE t", *MADE, "INSERT INTO t VALUES (2)", PUBLISHED],
        ["DROP TABLE t", *MADE, PUBLISHED, "INSERT INTO t VALUES (2)"],
        ["ALTER TABLE t RENAME TO old", *MADE, PUBLISHED, "INSERT INTO t VALUES (2)"],
        ["CREATE SCHEMA s", "ALTER TABLE t SET SCHEMA s", *MADE, "INSERT INTO t VALUES (2)", PUBLISHED],
    ],
)
async def test_another_table_of_the_name_begins_anew(database: str, statements: list[str]) -> None:
    await bind(database, "t", COLUMNS)
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(database, "INSERT INTO t VALUES (1)", *statements)

        await followed(database)
        await execute(database, "INSERT INTO t VALUES (3)")
        await settled(database, hub)
        changes = await logged_changes(database)
        assert [key for key in keys(changes) if key is not None] == ['["1"]', '["3"]']
        assert 1 <= anew(changes) <= 2
        assert keys(changes)[-1] == '["3"]'
        assert len(await drift(database)) == anew(changes)
        assert await value(database, "SELECT count(*) FROM rowcast.changes") == 2, "nobody truncated it"


async def test_a_table_that_is_renamed_goes_on(database: str) -> None:
    await bind(database, "t", COLUMNS)
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(
            database,
            "INSERT INTO t VALUES (1)",
            "ALTER TABLE t RENAME TO u",
            "INSERT INTO u VALUES (2)",
            "CREATE SCHEMA s",
            "ALTER TABLE u SET SCHEMA s",
            "INSERT INTO s.u VALUES (3)",
        )
        await settled(database, hub)
        assert keys(await logged_changes(database)) == ['["1"]', '["2"]', '["3"]']


async def out_and_in(dsn: str, hub: Hub) -> None:
    await settled(dsn, hub)
    await execute(dsn, TAKEN_OUT, "INSERT INTO t VALUES (2)", PUBLISHED)


async def out_and_in_at_once(dsn: str, hub: Hub) -> None:
    await settled(dsn, hub)
    await execute(dsn, f"{TAKEN_OUT}; INSERT INTO t VALUES (2); {PUBLISHED}")


async def narrowed_for_a_while(dsn: str, hub: Hub) -> None:
    await settled(dsn, hub)
    await execute(
        dsn,
        "ALTER PUBLICATION rowcast_tables SET (publish = 'update')",
        "INSERT INTO t VALUES (2)",
        "ALTER PUBLICATION rowcast_tables SET (publish = 'insert, update, delete, truncate')",
    )


async def out_until_it_is_noticed(dsn: str, hub: Hub) -> None:
    await settled(dsn, hub)
    await execute(dsn, TAKEN_OUT, "INSERT INTO t VALUES (2)")
    await begun_anew(dsn)
    assert "ALTER PUBLICATION rowcast_tables ADD TABLE" in (await drift(dsn))[0]
    await execute(dsn, PUBLISHED)
    await begun_anew(dsn, 2)


@pytest.mark.parametrize("gap", [out_and_in, out_and_in_at_once, narrowed_for_a_while, out_until_it_is_noticed])
async def test_a_gap_in_what_is_published_is_noticed(database: str, gap: Callable[[str, Hub], Awaitable[None]]) -> None:
    await bind(database, "t", COLUMNS)
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(database, "INSERT INTO t VALUES (1)")
        await gap(database, hub)
        await begun_anew(database)
        await execute(database, "INSERT INTO t VALUES (3)")
        await settled(database, hub)
        found = keys(await logged_changes(database))
        assert [key for key in found if key is not None] == ['["1"]', '["3"]']
        assert found[0] is not None
        assert found[-1] is not None
        assert await drift(database)


async def test_another_publication_is_no_gap(database: str) -> None:
    await bind(database, "t", COLUMNS)
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(
            database,
            "INSERT INTO t VALUES (1)",
            "CREATE PUBLICATION rowcast_more FOR TABLE t WITH (publish_via_partition_root = true)",
        )

        async def known() -> bool:
            return await value(database, "SELECT max(cardinality(ways)) FROM rowcast.logged_tables") == 2

        await until(known)
        await execute(database, TAKEN_OUT, "INSERT INTO t VALUES (2)")
        await settled(database, hub)
        assert keys(await logged_changes(database)) == ['["1"]', '["2"]']


async def test_writers_that_do_not_make_way_are_waited_for(database: str) -> None:
    await bind(database, "t", COLUMNS)
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(
            database,
            "INSERT INTO t VALUES (1)",
            "; ".join(("DROP TABLE t", *MADE)),
        )
        async with await psycopg.AsyncConnection.connect(database) as writer:
            await writer.execute("INSERT INTO t VALUES (2)")
            await execute(database, PUBLISHED)
            await settled(database, hub)
            assert not any(change.key == '["2"]' for change in await logged_changes(database))
        await execute(database, "INSERT INTO t VALUES (3)")

        await followed(database)
        await execute(database, "INSERT INTO t VALUES (4)")
        await settled(database, hub)
        found = keys(await logged_changes(database))
        assert found[-1] == '["4"]'
        assert '["2"]' not in found


async def test_a_table_that_may_not_be_locked_says_so_until_it_may(database: str) -> None:
    await bind(database, "t", COLUMNS)
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(
            database,
            "INSERT INTO t VALUES (1)",
            "; ".join(("DROP TABLE t", *MADE, PUBLISHED, "REVOKE ALL ON t FROM CURRENT_USER")),
        )
        await begun_anew(database)
        [told_] = await drift(database)
        assert "may not lock" in told_
        await execute(database, "GRANT ALL ON t TO CURRENT_USER")
        await followed(database)
        await execute(database, "INSERT INTO t VALUES (2)")
        await settled(database, hub)
        assert keys(await logged_changes(database)) == ['["1"]', None, None, '["2"]']


async def test_what_no_leader_saw_is_noticed_by_the_next(database: str) -> None:
    await bind(database, "t", COLUMNS)
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await execute(database, "INSERT INTO t VALUES (1)")
        await settled(database, hub)
    await execute(database, "; ".join(("DROP TABLE t", *MADE, PUBLISHED, "INSERT INTO t VALUES (2)")))
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await begun_anew(database)
        await execute(database, "INSERT INTO t VALUES (3)")
        await settled(database, hub)
        assert keys(await logged_changes(database)) == ['["1"]', None, '["3"]']


async def test_leaders_killed_while_tables_are_replaced_begin_each_anew_once(database: str) -> None:
    await bind(database, "t", COLUMNS)
    async with leading(database):
        await execute(database, "INSERT INTO t VALUES (1)")
    for number in range(2, 5):
        async with replicating(database):
            await execute(database, "; ".join(("DROP TABLE t", *MADE, PUBLISHED)), f"INSERT INTO t VALUES ({number})")
        async with leading(database) as leader, hub_of(database, leader.bus) as hub:
            await begun_anew(database, number - 1)
            await execute(database, f"INSERT INTO t VALUES ({number * 10})")
            await settled(database, hub)
    changes = await logged_changes(database)
    assert anew(changes) == 3
    at = [index for index, change in enumerate(changes) if change.anew]
    for number, index in zip(range(2, 5), at, strict=True):
        assert changes[index + 1].key in (f'["{number}"]', f'["{number * 10}"]')


async def test_a_commit_is_logged_the_same_however_late(database: str) -> None:
    """Its entries stand where they stood, though a crash of Postgres took them back once they were published."""
    await bind(database, "t", COLUMNS)
    await bind(database, "u", COLUMNS)
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
    await execute(database, *(MADE[n].replace(" t", " v") for n in (0, 1)))
    await execute(database, "ALTER PUBLICATION rowcast_tables ADD TABLE v")
    both = "INSERT INTO u VALUES ({0}); INSERT INTO v VALUES ({0}); INSERT INTO t VALUES ({0})"
    await execute(database, both.format(1))
    async with await connect(database, "rowcast test", autocommit=False) as connection:
        await insert_source(connection, source_of("public.v"))
    await execute(database, both.format(2))
    async with await connect(database, "rowcast test", autocommit=False) as connection:
        [source] = await sources_of_relation(connection, "public.u")
        await delete_source(connection, source.id)
    await execute(database, both.format(3))
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        found = [await logged_changes(database, f"public.{name}") for name in "uvt"]
    assert [keys(changes) for changes in found] == [['["1"]', '["2"]'], ['["2"]', '["3"]'], ['["1"]', '["2"]', '["3"]']]
    assert [[change.position.index for change in changes] for changes in found] == [[1, 1], [2, 1], [2, 3, 2]]


async def test_a_key_that_was_renamed_is_known_by_its_names_of_then(database: str) -> None:
    await bind(database, "t", COLUMNS)
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
    await execute(database, "INSERT INTO t VALUES (1)", "ALTER TABLE t RENAME id TO code", "INSERT INTO t VALUES (2)")
    async with await connect(database, "rowcast test", autocommit=False) as connection:
        # As a run does that follows it, before the log has any of this.
        [source] = await sources_of_relation(connection, "public.t")
        await update_binding(connection, replace(source, key=("code",)))
    await execute(database, "INSERT INTO t VALUES (3)")
    async with leading(database) as leader, hub_of(database, leader.bus) as hub:
        await settled(database, hub)
        changes = await logged_changes(database)
    assert [(change.key, change.after) for change in changes] == [
        ('["1"]', {"id": 1}),
        ('["2"]', {"code": 2}),
        ('["3"]', {"code": 3}),
    ]
