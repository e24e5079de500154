"""The fixtures that other tests rest on."""

import fcntl
import os
from pathlib import Path

import psycopg
import pytest

from tests.postgres import HELD, PREFIX, Server, remove_left


def test_a_clone_is_migrated_and_belongs_to_a_plain_role(database: str) -> None:
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolreplication, to_regclass('rowcast.changes') IS NOT NULL FROM pg_roles "
            "WHERE rolname = current_user"
        ).fetchone()
    assert row is not None
    assert row[1:] == (True, True)


def test_dropping_takes_sessions_and_slots_along(postgres_server: Server, empty_database: str) -> None:
    dsn = postgres_server.create()
    connection = psycopg.connect(dsn, autocommit=True)
    connection.execute("SELECT pg_create_logical_replication_slot('left_behind', 'pgoutput')")
    postgres_server.drop(dsn)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()
    with psycopg.connect(empty_database) as other:
        assert other.execute("SELECT FROM pg_replication_slots WHERE slot_name = 'left_behind'").fetchone() is None


def test_what_a_killed_run_left_is_removed_and_nothing_that_is_in_use(tmp_path: Path) -> None:
    left, used, young = (tmp_path / f"{PREFIX}{name}" for name in ("left", "used", "young"))
    for folder in (left, used, young):
        (folder / "postgres").mkdir(parents=True)
        (folder / HELD).touch()
    for folder in (left, used):
        os.utime(folder / HELD, (0, 0))
    with (used / HELD).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        remove_left(tmp_path)
    assert sorted(tmp_path.iterdir()) == [used, young]
