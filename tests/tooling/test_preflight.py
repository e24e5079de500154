"""Every lack of a Postgres is one problem with a statement that mends it."""

from dataclasses import replace

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.embedded import EmbeddedPostgres
from db.preflight import State, judge, preflight
from tests.postgres import SETTINGS, embedded_folder

FIT = State(
    version=14,
    wal_level="logical",
    role="app",
    finds_own_schema=True,
    may_replicate=True,
    database="shop",
    encoding="UTF8",
    may_create_schema=True,
    may_create_tables=True,
    free_slots=1,
    has_slot=False,
    wal_senders=10,
)


def test_a_fit_server_has_no_problem() -> None:
    assert judge(FIT) == []


@pytest.mark.parametrize(
    ("state", "code", "mend"),
    [
        (replace(FIT, version=13), "too_old", "Upgrade"),
        (replace(FIT, wal_level="replica"), "wal_level", "ALTER SYSTEM SET wal_level"),
        (replace(FIT, may_replicate=False), "replication_role", 'ALTER ROLE "app" REPLICATION;'),
        (replace(FIT, may_create_schema=False), "create_schema", 'GRANT CREATE ON DATABASE "shop" TO "app";'),
        (replace(FIT, may_create_tables=False), "create_tables", 'GRANT CREATE ON SCHEMA public TO "app";'),
        (replace(FIT, role="rowcast"), "role_name", 'ALTER ROLE "rowcast" SET search_path = public;'),
        (replace(FIT, encoding="SQL_ASCII"), "encoding", "ENCODING 'UTF8'"),
        (replace(FIT, wal_senders=0), "wal_senders", "max_wal_senders"),
        (replace(FIT, free_slots=0), "slots", "max_replication_slots"),
    ],
)
def test_each_lack_is_one_problem(state: State, code: str, mend: str) -> None:
    [problem] = judge(state)
    assert problem.code == code
    assert mend in problem.mend


def test_our_schemas_name_is_a_fit_role_where_it_is_not_searched() -> None:
    assert judge(replace(FIT, role="rowcast", finds_own_schema=False)) == []


def test_a_full_server_serves_whoever_has_a_slot_already() -> None:
    assert judge(replace(FIT, free_slots=0, has_slot=True)) == []


async def test_the_tests_own_database_is_fit(database: str) -> None:
    assert await preflight(database) == []


async def test_nobody_listens() -> None:
    [problem] = await preflight("host=127.0.0.1 port=1 dbname=shop")
    assert problem.code == "unreachable"
    assert "127.0.0.1:1/shop" in problem.message


async def test_a_plain_role_on_a_plain_server() -> None:
    with embedded_folder() as folder:
        server = EmbeddedPostgres(folder, settings={**SETTINGS, "wal_level": "replica", "max_replication_slots": "10"})
        server.start()
        try:
            with psycopg.connect(server.superuser_dsn, autocommit=True) as connection:
                connection.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
            database = str(conninfo_to_dict(server.dsn)["dbname"])
            problems = await preflight(make_conninfo(server.dsn, user="plain", password="plain"))
            assert [problem.code for problem in problems] == [
                "wal_level",
                "replication_role",
                "create_schema",
                "create_tables",
            ]
            # Each statement, run as written, mends what it was given for.
            with psycopg.connect(server.superuser_dsn, dbname=database, autocommit=True) as connection:
                for problem in problems[1:]:
                    connection.execute(problem.mend.encode())
            left = await preflight(make_conninfo(server.dsn, user="plain", password="plain"))
            assert [problem.code for problem in left] == ["wal_level"]
        finally:
            server.stop()
