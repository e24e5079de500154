"""Real Postgres for tests: one server a session, a migrated template, a clone of it for each test."""

import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.embedded import EmbeddedPostgres
from db.embedded_home import remove
from db.migrate import upgrade

# Tests cut off processes, not the power: what the operating system holds is enough.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_wal_senders": "64",
    "max_replication_slots": "64",
}


@dataclass(frozen=True, slots=True)
class Server:
    """`admin` makes and drops databases; `role` is whom they belong to: REPLICATION, not a superuser.

    `copies_files`: a template is cloned file by file. Cheaper than through the WAL where nothing waits for the disk.
    """

    admin: str
    role: str
    copies_files: bool = False

    def create(self, template: str | None = None) -> str:
        """The DSN of a new database."""
        name = f"rowcast_test_{secrets.token_hex(6)}"
        statement = sql.SQL("CREATE DATABASE {} OWNER {}").format(
            sql.Identifier(name), sql.Identifier(str(conninfo_to_dict(self.role)["user"]))
        )
        if template is not None:
            strategy = sql.SQL(" STRATEGY file_copy" if self.copies_files else "")
            statement += sql.SQL(" TEMPLATE {}{}").format(sql.Identifier(_name(template)), strategy)
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(statement)
        return make_conninfo(self.role, dbname=name)

    def drop(self, dsn: str) -> None:
        """Drops the database with its replication slots, whoever is connected."""
        name = _name(dsn)
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
            _drop_slots(connection, name)
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


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
            # The walsender is on its way out.
            if time.monotonic() > until:
                raise
        else:
            return


@contextmanager
def embedded_folder() -> Iterator[Path]:
    """A folder that the server's user can reach: pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="rowcast-test-"))
    folder.chmod(0o755)
    try:
        yield folder / "postgres"
    finally:
        remove(folder / "postgres")
        shutil.rmtree(folder)


@contextmanager
def running_server(given: str | None) -> Iterator[Server]:
    """The server that `given` names, whose role needs CREATEDB and REPLICATION; without one an embedded server."""
    if given is not None:
        yield Server(admin=given, role=given)
        return
    with embedded_folder() as folder:
        embedded = EmbeddedPostgres(folder, settings=SETTINGS)
        role = embedded.start()
        try:
            yield Server(admin=embedded.superuser_dsn, role=role, copies_files=True)
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
