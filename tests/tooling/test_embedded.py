"""The embedded server: one for a folder, private, back after a crash, and never in the way of strangers."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from db.embedded import EmbeddedPostgres, PortInUse
from db.embedded_home import EmbeddedPostgresError, remove
from tests.postgres import SETTINGS, embedded_folder

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    with embedded_folder() as path:
        yield path


def test_the_role_owns_its_database_and_is_no_superuser(own_postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(own_postgres.dsn) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolreplication, current_setting('wal_level'), current_setting('listen_addresses'), "
            "pg_encoding_to_char(encoding), datcollate FROM pg_roles, pg_database "
            "WHERE rolname = current_user AND datname = current_database() AND datdba = pg_roles.oid"
        ).fetchone()
    assert row == (False, True, "logical", "127.0.0.1", "UTF8", "C")


def test_nobody_comes_in_without_the_password(own_postgres: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(make_conninfo(own_postgres.dsn, password="guessed"))


def test_the_password_is_its_owners_alone(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings=SETTINGS)
    server.start()
    server.stop()
    assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
    assert not (folder / "password.handed").exists()


def test_data_outlives_a_stop_and_a_kill_on_the_same_address(own_postgres: EmbeddedPostgres) -> None:
    dsn = own_postgres.dsn
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    own_postgres.stop()
    assert not own_postgres.alive()
    own_postgres.stop()
    assert own_postgres.start() == dsn
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO kept VALUES (1)")
    own_postgres.kill()
    assert own_postgres.start() == dsn
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(1,)]


def test_who_comes_second_joins_and_does_not_stop_it(folder: Path) -> None:
    first, second = EmbeddedPostgres(folder, settings=SETTINGS), EmbeddedPostgres(folder)
    dsn = first.start()
    try:
        assert second.start() == dsn
        assert second.process is None
        assert (second.pid, second.alive()) == (first.pid, True)
        second.stop()
        second.kill()
        assert first.alive()
    finally:
        first.stop()
    assert not second.alive()


def test_an_old_pid_file_hurts_neither_us_nor_who_has_the_number_now(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.kill()
    cluster = own_postgres.log.parent / "cluster"
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines(keepends=True)
        (cluster / "postmaster.pid").write_text("".join([f"{stranger.pid}\n", *lines[1:]]))
        assert not own_postgres.alive()
        own_postgres.start()
        assert own_postgres.process is not None
        assert stranger.poll() is None
    finally:
        stranger.communicate(b"\n")


def test_a_taken_port_is_named(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            EmbeddedPostgres(folder, port).start()
        assert caught.value.port == port


def test_a_given_port_is_used(folder: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = EmbeddedPostgres(folder, port, SETTINGS)
    try:
        assert f"port={port}" in server.start()
    finally:
        server.stop()


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="shared_buffers"):
        EmbeddedPostgres(folder, settings={"shared_buffers": "nonsense"}).start()


def test_a_folder_of_another_version_is_left_alone(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.stop()
    version = own_postgres.log.parent / "cluster" / "PG_VERSION"
    version.write_text("11\n")
    with pytest.raises(EmbeddedPostgresError, match="made by Postgres 11"):
        own_postgres.start()


def test_an_initdb_that_was_cut_off_is_done_again(folder: Path) -> None:
    folder.mkdir()
    (folder / "cluster.unfinished").mkdir()
    (folder / "cluster.unfinished" / "half").write_text("written")
    (folder / "password.handed").write_text("old")
    server = EmbeddedPostgres(folder, settings=SETTINGS)
    try:
        assert server.start()
    finally:
        server.stop()


def test_a_lock_without_a_server_is_told(folder: Path) -> None:
    folder.mkdir()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()",
            str(folder / "lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(EmbeddedPostgresError, match="no server answers"):
            EmbeddedPostgres(folder).start(deadline_s=0.1)
    finally:
        holder.communicate(b"\n")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal at a parent's death is Linux's")
def test_the_server_ends_with_a_parent_that_is_killed(folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from db.embedded import EmbeddedPostgres; "
        "s = EmbeddedPostgres(Path(sys.argv[1])); s.start(); print(s.pid, flush=True); input()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    server = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    psutil.wait_procs([server], timeout=30)
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_what_the_servers_user_cannot_reach_moves_and_is_removed_with_the_folder(folder: Path) -> None:
    folder.parent.chmod(0o700)
    server = EmbeddedPostgres(folder, settings=SETTINGS)
    try:
        server.start()
        moved = Path((folder / "moved-to").read_text().strip())
        assert moved.parent == Path("/var/tmp")
        assert server.process is not None
        assert psutil.Process(server.process.pid).uids().real != 0
        # A second start finds the data where it went.
        server.stop()
        server.start()
        assert server.log.parent == moved
    finally:
        server.stop()
        remove(folder)
    assert not moved.exists()
    assert not folder.exists()
