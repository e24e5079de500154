"""Real Postgres for tests: one server a session, a migrated template, a clone of it for each test."""

import fcntl
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.embedded import EmbeddedPostgres
from db.embedded_home import locate, remove
from db.migrate import upgrade

# Tests cut off processes, not the power: what the operating system holds is enough.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_wal_senders": "64",
    "max_replication_slots": "64",
    # It is kept in memory where that is possible.
    "max_wal_size": "256MB",
    # A template is cloned without a copy where the file system can, and by the kernel alone elsewhere.
    "file_copy_method": "clone",
}


@dataclass(frozen=True, slots=True)
class Server:
    """`admin` makes and drops databases; `role` is the DSN of whom they belong to: REPLICATION, not a superuser.

    `copies_files`: a template is cloned file by file. Cheaper than through the WAL where nothing waits for the disk.
    """

    admin: psycopg.Connection
    role: str
    copies_files: bool = False

    def create(self, template: str | None = None, *, read_only: bool = False) -> str:
        """The DSN of a new database."""
        name = f"rowcast_test_{secrets.token_hex(6)}"
        statement = sql.SQL("CREATE DATABASE {} OWNER {}").format(
            sql.Identifier(name), sql.Identifier(str(conninfo_to_dict(self.role)["user"]))
        )
        if template is not None:
            strategy = sql.SQL(" STRATEGY file_copy" if self.copies_files else "")
            statement += sql.SQL(" TEMPLATE {}{}").format(sql.Identifier(_name(template)), strategy)
        self.admin.execute(statement)
        if read_only:
            self.admin.execute(
                sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(sql.Identifier(name))
            )
        return make_conninfo(self.role, dbname=name)

    def drop(self, dsn: str) -> None:
        """Drops the database with its replication slots, whoever is connected."""
        name = _name(dsn)
        self.admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        _drop_slots(self.admin, name)
        self.admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _name(dsn: str) -> str:
    return str(conninfo_to_dict(dsn)["dbname"])


# Not the server's own: an autovacuum worker is nobody's to end but a superuser's.
_END_SESSIONS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = %s AND backend_type IN ('client backend', 'walsender')"""


def _drop_slots(connection: psycopg.Connection, database: str, deadline_s: float = 30.0) -> None:
    until = time.monotonic() + deadline_s
    while True:
        connection.execute(_END_SESSIONS, (database,))
        try:
            connection.execute(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = %s", (database,)
            )
        except psycopg.errors.ObjectInUse:
            # The walsender is on its way out, and needs the processor for that.
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


# Databases come and go by the hundred, each some 300 files, and on ext4 a new file first passes over all that were
# deleted in the last seconds: there the kernel needs more time for a test's database than the test for its work.
_MEMORY = Path("/dev/shm")
_MEMORY_NEEDED = 4 * 2**30

PREFIX = "rowcast-test-"
HELD = "held"


def _quick_folder() -> Path | None:
    """A file system in memory, where the machine has one with room to spare."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED
    return _MEMORY if roomy and psutil.virtual_memory().available > 2 * _MEMORY_NEEDED else None


@contextmanager
def embedded_folder() -> Iterator[Path]:
    """A folder that the server's user can reach: pytest's own are closed to others."""
    parent = _quick_folder() or Path(tempfile.gettempdir())
    remove_left(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    folder.chmod(0o755)
    with (folder / HELD).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            yield folder / "postgres"
        finally:
            remove(folder / "postgres")
            shutil.rmtree(folder)


def remove_left(parent: Path) -> None:
    """Removes what runs that were killed left: nobody holds it, and it isn't just being made."""
    for held in parent.glob(f"{PREFIX}*/{HELD}"):
        try:
            with held.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - held.stat().st_mtime > 60:
                    remove(held.parent / "postgres")
                    shutil.rmtree(held.parent, ignore_errors=True)
        except (BlockingIOError, FileNotFoundError, PermissionError):
            # In use, gone by now, or another user's.
            continue


@contextmanager
def initialised_cluster() -> Iterator[Path]:
    """What a server keeps, stopped, with its database migrated: to be copied, in a fifth of the time that it took."""
    with embedded_folder() as folder:
        server = EmbeddedPostgres(folder, settings=SETTINGS)
        upgrade(server.start())
        server.stop()
        yield server.log.parent


@contextmanager
def copied_server(cluster: Path, **settings: str) -> Iterator[EmbeddedPostgres]:
    """A server, running, on a copy of what `initialised_cluster` gave. `settings` are added to SETTINGS."""
    with embedded_folder() as folder:
        kept = [cluster / "cluster", cluster / "password"]
        subprocess.run(["/bin/cp", "-a", *kept, locate(folder).root], check=True)
        server = EmbeddedPostgres(folder, settings={**SETTINGS, **settings})
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def running_server(given: str | None) -> Iterator[Server]:
    """The server that `given` names, whose role needs CREATEDB and REPLICATION; without one an embedded server."""
    if given is not None:
        with psycopg.connect(given, autocommit=True) as admin:
            yield Server(admin, role=given)
        return
    with embedded_folder() as folder:
        embedded = EmbeddedPostgres(folder, settings=SETTINGS)
        role = embedded.start()
        try:
            with psycopg.connect(embedded.superuser_dsn, autocommit=True) as admin:
                yield Server(admin, role, copies_files=True)
        finally:
            embedded.stop()


@contextmanager
def migrated_template(server: Server) -> Iterator[str]:
    dsn = server.create()
    try:
        upgrade(dsn)
        yield dsn
    finally:
        server.drop(dsn)
