"""The peers: graphql-ws on Node, and PostGraphile 4 and 5, which deliver out of a database, too, each with what it
needs of Postgres and of Node.

Their packages are not ours: the benches' targets of `make` install them below `bench/peers`. What can't run here raises
`Missing`, which says why.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bench.live.ground import CREATE, START_S, MeasuredServer, serving_command
from bench.live.unmeasured import Unmeasured
from db.embedded_launch import Identity, launch
from tests.postgres import SETTINGS
from tests.server import eventually, free_port

PEERS: Final = Path(__file__).parent.parent / "peers"
_DEBIAN: Final = Path("/usr/lib/postgresql")
_NOTIFY: Final = """
CREATE FUNCTION notify_customer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_notify('customer:' || NEW.id, json_build_object('id', NEW.id, 'note', NEW.note)::text); RETURN NULL;
END $$;
CREATE TRIGGER notify_customer AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION notify_customer()
"""


class Missing(Unmeasured):
    """What a peer needs and this machine does not have."""


def node(least: int) -> str:
    """A Node of at least that version: the machine's, or the one beside Python."""
    for path in (shutil.which("node"), str(Path(sys.executable).with_name("node"))):
        if path is not None and Path(path).exists():
            # What is beside Python only starts the program, as a child.
            script = "process.versions.node.split('.')[0] + ' ' + process.execPath"
            said = subprocess.run([path, "-p", script], capture_output=True, text=True, check=True).stdout  # noqa: S603
            version, _, program = said.strip().partition(" ")
            if int(version) >= least:
                return program
    raise Missing(f"there is no Node {least} or newer")


def installed(peer: str) -> Path:
    """The folder of a peer that was installed."""
    if not (PEERS / peer / "node_modules").is_dir():
        raise Missing(f"it is not installed: npm --prefix bench/peers/{peer} ci")
    return PEERS / peer


def python_of(peer: str) -> str:
    """The Python of the environment of a peer that was installed from PyPI."""
    python = PEERS / peer / ".venv/bin/python"
    if not (PEERS / peer / ".installed").exists():
        version = ".".join(map(str, sys.version_info[:2]))
        raise Missing(f"pip has none for Python {version} here, as make said: it is published for 3.12 and newer")
    return str(python)


@asynccontextmanager
async def _serving(peer: str, node_: str, port: int, *arguments: str) -> AsyncIterator[MeasuredServer]:
    command = (node_, str(installed(peer) / "server.cjs"), str(port), *arguments)
    async with serving_command(port, "/healthz", *command, environment={"NODE_ENV": "production"}) as server:
        yield server


@asynccontextmanager
async def serving_graphql_ws(port: int) -> AsyncIterator[MeasuredServer]:
    """npm's graphql-ws on ws, which sends what is posted to it."""
    async with _serving("graphql_ws", node(20), port) as server:
        yield server


@asynccontextmanager
async def serving_v5(dsn: str) -> AsyncIterator[MeasuredServer]:
    """On an empty database."""
    node_ = node(22)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(CREATE.encode())
        connection.execute(_NOTIFY.encode())
    async with _serving("postgraphile5", node_, free_port(), url(dsn)) as server:
        yield server


@asynccontextmanager
async def serving_v4(dsn: str) -> AsyncIterator[MeasuredServer]:
    """On an empty database of a server with wal2json."""
    await eventually(lambda: _answers(dsn), START_S)
    with psycopg.connect(dsn, autocommit=True) as connection:
        # Its row subscriptions never fire with another replica identity.
        connection.execute(CREATE.encode())
    async with _serving("postgraphile4", node(18), free_port(), url(dsn)) as server:
        yield server


def url(dsn: str) -> str:
    """The DSN as Node's client reads it."""
    parts = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    name = quote(parts["user"]) + (f":{quote(parts['password'])}" if "password" in parts else "")
    if parts["host"].startswith("/"):
        return f"postgres://{name}@/{parts['dbname']}?{urlencode({'host': parts['host'], 'port': parts['port']})}"
    return f"postgres://{name}@{parts['host']}:{parts['port']}/{parts['dbname']}"


@contextmanager
def postgres_with_wal2json() -> Iterator[str]:
    """The DSN of a database on a server of our own, of Debian's packages, which may still be starting."""
    found = sorted(_DEBIAN.glob("*/lib/wal2json.so"))
    if not found:
        raise Missing("no Postgres here has wal2json (Debian: postgresql-15-wal2json)")
    binaries = found[-1].parent.parent / "bin"
    with tempfile.TemporaryDirectory(prefix="rowcast-bench-") as folder, (Path(folder) / "log").open("wb") as log:
        cluster = Path(folder) / "cluster"
        cluster.mkdir()
        identity = None
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            identity = Identity(user.pw_name, user.pw_uid, user.pw_gid)
            for path in (folder, cluster):
                os.chown(path, user.pw_uid, user.pw_gid)

        def begin(program: str, *options: str) -> subprocess.Popen[bytes]:
            command = [str(binaries / program), "-D", str(cluster), *options]
            signal_ = signal.SIGQUIT
            return launch(command, output=log, env=os.environ, cwd="/", death_signal=signal_, identity=identity)

        assert begin("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale").wait() == 0
        settings = {name: value for name, value in SETTINGS.items() if name != "file_copy_method"}
        # Nobody else gets through the folder to the socket.
        settings |= {"wal_level": "logical", "listen_addresses": "", "unix_socket_directories": folder}
        server = begin("postgres", *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")))
        try:
            yield make_conninfo("", host=folder, port=5432, user="postgres", dbname="postgres")
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()


async def _answers(dsn: str) -> bool:
    try:
        async with await psycopg.AsyncConnection.connect(dsn):
            return True
    except psycopg.OperationalError:
        return False
