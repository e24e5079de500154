"""Creating, describing and adopting tables, on a real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from db.errors import BadUserInput, Conflict
from db.session import Connection, connect
from db.sources import Column
from db.tables import (
    PUBLICATION,
    Relation,
    Table,
    adoption_problems,
    alter_column,
    create_table,
    describe,
    drop_table,
    publish,
    set_default_key,
    unpublish,
)
from db.wire import ColumnType


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    async with await connect(database, "test") as connection:
        yield connection


async def described(connection: Connection, name: str) -> Table:
    table = await describe(connection, Relation.parse(name))
    assert table is not None
    return table


async def scalar(connection: Connection, query: str) -> object:
    row = await (await connection.execute(query.encode())).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("text", "schema", "table"),
    [("customers", "public", "customers"), ("sales.Orders 2", "sales", "Orders 2")],
)
def test_a_relation_is_parsed(text: str, schema: str, table: str) -> None:
    assert Relation.parse(text) == Relation(schema, table)


@pytest.mark.parametrize(
    "text", ["", ".", "a.", ".b", "a.b.c", "rowcast.changes", "pg_catalog.pg_class", "x" * 64, "a\0"]
)
def test_what_names_no_table_is_refused(text: str) -> None:
    with pytest.raises(BadUserInput):
        Relation.parse(text)


def test_a_quoted_name_can_be_typed() -> None:
    assert Relation("public", 'we"ird').quoted == '"public"."we""ird"'


CUSTOMERS = (
    Column("id", ColumnType.INTEGER, "id"),
    Column("name", ColumnType.TEXT, "Name"),
)


async def test_a_table_of_ours_logs_whole_rows_and_is_published(connection: Connection) -> None:
    relation = Relation.parse("customers")
    async with connection.transaction():
        await create_table(connection, relation, CUSTOMERS, ["id"])
    table = await described(connection, "customers")
    assert [(column.name, column.type, column.not_null) for column in table.columns] == [
        ("id", ColumnType.INTEGER, True),
        ("name", ColumnType.TEXT, False),
    ]
    assert table.primary_key == ("id",)
    assert table.publications == (PUBLICATION,)
    assert adoption_problems(table, ["id"]) == []
    async with connection.transaction():
        await unpublish(connection, relation)
        await unpublish(connection, relation)
    assert (await described(connection, "customers")).publications == ()


async def test_a_managed_key_is_made_by_the_table(connection: Connection) -> None:
    relation = Relation.parse("notes")
    columns = (Column("rowcast_id", ColumnType.UUID, "rowcast_id"), Column("text", ColumnType.TEXT, "text"))
    async with connection.transaction():
        await create_table(connection, relation, columns, ["rowcast_id"])
        await set_default_key(connection, relation, "rowcast_id")
    await connection.execute("INSERT INTO notes (text) VALUES ('a'), ('b')")
    assert await scalar(connection, "SELECT count(DISTINCT rowcast_id) FROM notes") == 2


async def test_truncate_of_a_table_of_ours_deletes_first(connection: Connection) -> None:
    async with connection.transaction():
        await create_table(connection, Relation.parse("customers"), CUSTOMERS, ["id"])
    await connection.execute("CREATE TABLE gone (id integer)")
    await connection.execute(
        """CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN INSERT INTO gone VALUES (OLD.id); RETURN OLD; END $$"""
    )
    await connection.execute("CREATE TRIGGER note BEFORE DELETE ON customers FOR EACH ROW EXECUTE FUNCTION note()")
    await connection.execute("INSERT INTO customers VALUES (1), (2)")
    await connection.execute("TRUNCATE customers")
    assert await scalar(connection, "SELECT array_agg(id ORDER BY id) FROM gone") == [1, 2]


async def test_a_missing_schema_is_named(connection: Connection) -> None:
    with pytest.raises(BadUserInput, match='CREATE SCHEMA "nowhere"'):
        await create_table(connection, Relation.parse("nowhere.t"), CUSTOMERS, ["id"])


async def test_nothing_of_that_name(connection: Connection) -> None:
    assert await describe(connection, Relation.parse("nothing")) is None


REFUSED = [
    ("CREATE TABLE t (id int PRIMARY KEY)", ["id"], 'ALTER TABLE "public"."t" REPLICA IDENTITY FULL;'),
    ("CREATE TABLE t (id int UNIQUE); ALTER TABLE t REPLICA IDENTITY FULL", ["id"], 'ALTER "id" SET NOT NULL;'),
    ("CREATE TABLE t (id int NOT NULL); ALTER TABLE t REPLICA IDENTITY FULL", ["id"], 'ADD UNIQUE ("id");'),
    (
        (
            "CREATE TABLE t (id int NOT NULL, b int); CREATE UNIQUE INDEX ON t (id) WHERE b > 0;"
            "ALTER TABLE t REPLICA IDENTITY FULL"
        ),
        ["id"],
        'ADD UNIQUE ("id");',
    ),
    (
        "CREATE TABLE t (id int PRIMARY KEY DEFERRABLE); ALTER TABLE t REPLICA IDENTITY FULL",
        ["id"],
        "is deferrable",
    ),
    ("CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t REPLICA IDENTITY FULL", ["nope"], "has no column nope"),
    ("CREATE VIEW t AS SELECT 1 AS id", ["id"], "is a view"),
    ("CREATE MATERIALIZED VIEW t AS SELECT 1 AS id", ["id"], "is a materialized view"),
    (
        (
            "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id);"
            "CREATE TABLE leaf PARTITION OF t FOR VALUES FROM (0) TO (10); ALTER TABLE t REPLICA IDENTITY FULL"
        ),
        ["id"],
        'ALTER TABLE "public"."leaf" REPLICA IDENTITY FULL;',
    ),
]


@pytest.mark.parametrize(("statements", "key", "mend"), REFUSED)
async def test_a_table_is_refused_with_what_mends_it(
    connection: Connection, statements: str, key: list[str], mend: str
) -> None:
    await connection.execute(statements.encode())
    assert mend in " ".join(adoption_problems(await described(connection, "t"), key))


async def test_a_partitioned_table_is_adopted_whole(connection: Connection) -> None:
    await connection.execute(
        b"""CREATE TABLE t (a int, b int, PRIMARY KEY (b, a)) PARTITION BY RANGE (a);
            CREATE TABLE leaf PARTITION OF t FOR VALUES FROM (0) TO (10);
            ALTER TABLE leaf REPLICA IDENTITY FULL"""
    )
    table = await described(connection, "t")
    assert adoption_problems(table, ["a", "b"]) == []
    async with connection.transaction():
        await publish(connection, table.relation)
    assert (await described(connection, "t")).publications == (PUBLICATION,)


async def test_a_strangers_table_needs_a_publication_of_its_owner(connection: Connection) -> None:
    await connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    table = await described(connection, "t")
    stranger = Table(table.relation, "r", False, table.columns, table.keys, (), (), ())
    assert "CREATE PUBLICATION rowcast_t FOR TABLE" in adoption_problems(stranger, ["id"])[0]


async def test_publications_that_hold_back_something_do_not_count(connection: Connection) -> None:
    await connection.execute(
        b"""CREATE TABLE t (id int PRIMARY KEY, v int);
            CREATE PUBLICATION rowcast_inserts FOR TABLE t
                WITH (publish = 'insert', publish_via_partition_root = true);
            CREATE PUBLICATION other FOR TABLE t WITH (publish_via_partition_root = true)"""
    )
    assert (await described(connection, "t")).publications == ()
    await connection.execute("CREATE PUBLICATION rowcast_own FOR TABLE t WITH (publish_via_partition_root = true)")
    assert (await described(connection, "t")).publications == ("rowcast_own",)
    async with connection.transaction():
        await publish(connection, Relation.parse("t"))
    assert (await described(connection, "t")).publications == ("rowcast_own",)


async def test_publishing_waits_for_transactions_in_flight(connection: Connection, database: str) -> None:
    await connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    async with await connect(database, "writer", autocommit=False) as writer:
        await writer.execute("INSERT INTO t VALUES (1)")

        async def join() -> None:
            async with connection.transaction():
                await publish(connection, Relation.parse("t"))

        joining = asyncio.create_task(join())
        blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't'::regclass"
        while await scalar(writer, blocked) == 0:
            assert not joining.done()
        await writer.commit()
        await joining


async def test_publishing_gives_up_with_the_reason(
    connection: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.tables._LOCK_TIMEOUT", "50ms")
    await connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    async with await connect(database, "writer", autocommit=False) as writer:
        await writer.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(Conflict, match="has not ended"):
            async with connection.transaction():
                await publish(connection, Relation.parse("t"))
        await writer.rollback()


async def test_a_column_changes_its_type_or_says_why_not(connection: Connection) -> None:
    await connection.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    await connection.execute("INSERT INTO t VALUES (1, '12345678901')")
    await alter_column(connection, Relation.parse("t"), "v", ColumnType.BIGINT)
    assert await scalar(connection, "SELECT v FROM t") == 12345678901
    with pytest.raises(BadUserInput, match="don't all fit INTEGER"):
        await alter_column(connection, Relation.parse("t"), "v", ColumnType.INTEGER)


async def test_a_table_in_use_by_a_view_is_not_dropped(connection: Connection) -> None:
    await connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    await connection.execute("CREATE VIEW shown AS SELECT * FROM t")
    with pytest.raises(Conflict, match="view shown"):
        await drop_table(connection, Relation.parse("t"))
    await connection.execute("DROP VIEW shown")
    await drop_table(connection, Relation.parse("t"))
    assert await describe(connection, Relation.parse("t")) is None


async def test_a_published_table_with_a_generated_column_is_still_its_users(connection: Connection) -> None:
    await connection.execute(
        b"""CREATE TABLE t (id int PRIMARY KEY, v int, w int GENERATED ALWAYS AS (v * 2) STORED);
            ALTER TABLE t REPLICA IDENTITY FULL; INSERT INTO t VALUES (1, 1)"""
    )
    table = await described(connection, "t")
    assert adoption_problems(table, ["id"]) == []
    async with connection.transaction():
        await publish(connection, table.relation)
    assert (await described(connection, "t")).publications == (PUBLICATION,)
    await connection.execute("UPDATE t SET v = 2")
    assert await scalar(connection, "SELECT w FROM t") == 4


async def test_what_a_generated_column_asks_of_a_table(connection: Connection) -> None:
    if connection.info.server_version < 180000:
        pytest.skip("Postgres before 18 neither publishes generated columns nor has virtual ones")
    await connection.execute(
        b"""CREATE TABLE stored (id int PRIMARY KEY, w int GENERATED ALWAYS AS (id * 2) STORED);
            CREATE PUBLICATION rowcast_stored FOR TABLE stored WITH (publish_via_partition_root = true);
            CREATE TABLE virtual (id int PRIMARY KEY, w int GENERATED ALWAYS AS (id * 2) VIRTUAL);
            ALTER TABLE stored REPLICA IDENTITY FULL; ALTER TABLE virtual REPLICA IDENTITY FULL"""
    )
    stored = await described(connection, "stored")
    assert stored.publications == (), "its updates would be refused"
    [problem] = adoption_problems(replace(stored, owned=False), ["id"])
    assert "publish_generated_columns = stored" in problem
    [problem] = adoption_problems(await described(connection, "virtual"), ["id"])
    assert 'ALTER TABLE "public"."virtual" DROP "w"; or generate it STORED.' in problem
