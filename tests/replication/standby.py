"""A standby of an embedded server, made with pg_basebackup, to be promoted."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from db.embedded import EmbeddedPostgres, _environment
from db.embedded_home import Home, locate
from db.embedded_launch import launch
from tests.ports import free_port
from tests.postgres import SETTINGS

_DEADLINE_S = 30.0


def promoted(primary: EmbeddedPostgres, folder: Path) -> EmbeddedPostgres:
    """The server that a standby of the primary becomes once the primary was killed; it has all that was committed."""
    home = locate(folder)
    shutil.copy(primary._placed().root / "password", home.root / "password")
    home.cluster.mkdir(mode=0o700)
    home.give(home.cluster)
    copy = ["-D", str(home.cluster), "-d", primary.superuser_dsn, "--write-recovery-conf", "--checkpoint=fast"]
    assert _run(home, "pg_basebackup", *copy).wait(_DEADLINE_S) == 0, (home.root / "pg_basebackup.log").read_text()
    port = free_port()
    dsn = make_conninfo(primary.superuser_dsn, port=port)
    with _running(home, port), psycopg.connect(primary.superuser_dsn, autocommit=True) as connection:
        row = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        assert row is not None
        _until(dsn, f"SELECT pg_last_wal_replay_lsn() >= '{row[0]}'", home.root / "postgres.log")
        primary.kill()
        with psycopg.connect(dsn, autocommit=True) as standby:
            standby.execute("SELECT pg_promote()")
            standby.execute("CHECKPOINT")
    return EmbeddedPostgres(folder, settings=SETTINGS)


@contextmanager
def _running(home: Home, port: int) -> Iterator[None]:
    settings = {
        **SETTINGS,
        "wal_level": "logical",
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    process = _run(home, "postgres", "-D", str(home.cluster), *options)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(_DEADLINE_S)


def _run(home: Home, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
    with (home.root / f"{program}.log").open("wb") as output:
        return launch(
            [str(home.binaries / program), *arguments],
            output=output,
            env=_environment(),
            cwd="/",
            death_signal=signal.SIGKILL,
            identity=home.identity,
        )


def _until(dsn: str, question: str, log: Path) -> None:
    until = time.monotonic() + _DEADLINE_S
    while not _is_true(dsn, question):
        assert time.monotonic() < until, log.read_text()[-2000:]
        time.sleep(0.05)


def _is_true(dsn: str, question: str) -> bool:
    try:
        with psycopg.connect(dsn, connect_timeout=2, autocommit=True) as connection:
            return connection.execute(question.encode()).fetchone() == (True,)
    except psycopg.OperationalError:
        return False  # not started yet
