"""Which tables the log's names stand for, and how they get into the stream."""

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.embedded import EmbeddedPostgres
from db.logged_tables import altered_names
from db.session import connect
from db.sources import insert_source
from tests.replication.leader import execute, source_of

WHOLE = "WITH (publish_via_partition_root = true)"


@pytest.mark.parametrize(
    ("publication", "whole"),
    [
        (f"FOR ALL TABLES {WHOLE}", True),
        (f"FOR TABLES IN SCHEMA public {WHOLE}", True),
        (f"FOR TABLE t {WHOLE}", True),
        (f"FOR TABLE parted {WHOLE}", True),
        (f"FOR TABLE other {WHOLE}", False),
        (f"FOR TABLE t WHERE (id > 1) {WHOLE}", False),
        (f"FOR TABLE t (id) {WHOLE}", False),
        ("FOR TABLE t WITH (publish_via_partition_root = true, publish = 'insert, update, delete')", False),
        ("FOR TABLE t", False),
    ],
)
async def test_how_a_table_gets_into_the_stream_whole(
    own_postgres: EmbeddedPostgres, publication: str, whole: bool
) -> None:
    dsn = own_postgres.dsn
    admin = make_conninfo(own_postgres.superuser_dsn, dbname=conninfo_to_dict(dsn)["dbname"])
    async with await connect(dsn, "rowcast test") as connection:
        await connection.execute("CREATE TABLE other (id integer)")
        await connection.execute("CREATE TABLE parted (id integer, n integer) PARTITION BY LIST (id)")
        await connection.execute("CREATE TABLE t PARTITION OF parted DEFAULT")
        await insert_source(connection, source_of("public.t"))
        [name] = await altered_names(connection, ["rowcast_one"])
        assert not name.ways
        await execute(admin, f"CREATE PUBLICATION rowcast_one {publication}")
        [name] = await altered_names(connection, ["rowcast_one"])
        assert len(name.ways) == whole
        [elsewhere] = await altered_names(connection, ["rowcast_two"])
        assert not elsewhere.ways
        # Another one of the name is another way.
        await execute(admin, "DROP PUBLICATION rowcast_one", f"CREATE PUBLICATION rowcast_one {publication}")
        [again] = await altered_names(connection, ["rowcast_one"])
        assert len(again.ways) == whole
        assert not again.ways & name.ways


async def test_all_tables_are_looked_at_at_once(database: str) -> None:
    """Each second: what is published is read once, not once for each table."""
    tables = 50
    async with await connect(database, "rowcast test", autocommit=False) as connection:
        for number in range(tables):
            await connection.execute(f"CREATE TABLE t{number} (id integer PRIMARY KEY)".encode())
            await connection.execute(f"ALTER PUBLICATION rowcast_tables ADD TABLE t{number}".encode())
            await insert_source(connection, source_of(f"public.t{number}"))
    # They are registered before the log is open, and so are in no publication yet that is streamed.
    async with await connect(database, "rowcast test", autocommit=False) as connection:
        names = await altered_names(connection, ["rowcast_tables"])
        assert [len(name.ways) for name in names] == [1] * tables
        cursor = await connection.execute(
            """SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_sys_tables
               WHERE relname IN ('pg_publication', 'pg_publication_rel')"""
        )
        assert await cursor.fetchone() == (1 + tables,)
