"""The demo's processes: pid files that name them, leftovers of a demo that was cut off, and programs as children.

For the supervisor and `doctor`. A process is never ended for its number alone: it must be of this data folder.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import psutil

from api.cli_error import CommandError
from api.settings import Settings, variable
from db.embedded import EmbeddedPostgres, serves
from db.embedded_home import locate
from db.embedded_launch import launch

CHECKOUT: Final = Path(__file__).parent.parent
PROGRAMS: Final = {"sandbox": "sandbox", "server": "serve"}
"""The pid file's name and the command of each child that is ours."""
_SUPERVISOR: Final = "demo"
_LEFTOVER_GRACE_S: Final = 3.0
_LOOK_EVERY_S: Final = 0.05
_LARGEST_LOG: Final = 10_000_000


class Child(Protocol):
    """What the supervisor keeps running."""

    @property
    def name(self) -> str: ...
    @property
    def log(self) -> Path: ...
    @property
    def pid(self) -> int | None: ...
    def start(self) -> None: ...
    def alive(self) -> bool: ...
    def ask_to_stop(self) -> None: ...
    def stop(self, grace_s: float) -> None: ...


class Program:
    """`python -m api <command>` as a child, its output in `run/<name>.log`."""

    def __init__(self, settings: Settings, name: str, environment: dict[str, str]) -> None:
        self.name = name
        self.log = settings.data_dir / "run" / f"{name}.log"
        self._environment = {**os.environ, **environment, variable("data_dir"): str(settings.data_dir)}
        self._process: subprocess.Popen[bytes] | None = None
        keep_within(self.log, _LARGEST_LOG)

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._process = launch(
                [sys.executable, "-m", "api", PROGRAMS[self.name]],
                output=output,
                env=self._environment,
                cwd=str(CHECKOUT),
                death_signal=signal.SIGTERM,
            )

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ask_to_stop(self) -> None:
        if self._process is not None:
            self._process.terminate()

    def stop(self, grace_s: float) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(grace_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Database:
    """The embedded Postgres as a child."""

    name = "postgres"

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server

    @property
    def log(self) -> Path:
        return self._server.log

    @property
    def pid(self) -> int | None:
        return self._server.pid

    def start(self) -> None:
        self._server.start()

    def alive(self) -> bool:
        return self._server.alive()

    def ask_to_stop(self) -> None:
        """Nothing yet: the others need it to their end."""

    def stop(self, grace_s: float) -> None:
        self._server.stop(grace_s)


def keep_within(log: Path, size: int) -> None:
    """A log goes on where the last demo ended; one of more bytes than `size` becomes `….log.1`, whatever that was."""
    if log.exists() and log.stat().st_size > size:
        log.replace(log.with_name(f"{log.name}.1"))


def pid_file(settings: Settings, name: str) -> Path:
    return settings.data_dir / "run" / f"{name}.pid"


@contextmanager
def sole_demo(settings: Settings) -> Iterator[None]:
    """Holds the demo's lock; CommandError where another demo of this data folder runs."""
    path = pid_file(settings, _SUPERVISOR)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = _locked(path)
    except BlockingIOError as error:
        raise CommandError(
            f"The demo runs already, as process {running_demo(settings)}: {settings.local_url}\n"
            "Stop it there with Ctrl-C, or start another with its own ROWCAST_DATA_DIR, ROWCAST_PORT, "
            "ROWCAST_SANDBOX_PORT and ROWCAST_PG_PORT."
        ) from error
    try:
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(file)


def _locked(path: Path) -> int:
    """The file, locked. BlockingIOError where another process has the lock."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # One that ended meanwhile took its file away: a lock on that keeps nobody out.
            if path.exists() and os.path.samestat(os.fstat(file), path.stat()):
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def running_demo(settings: Settings) -> int | None:
    """The pid of the demo that runs on this data folder, if one does."""
    path = pid_file(settings, _SUPERVISOR)
    try:
        file = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.read(file, 32))
    else:
        return None
    finally:
        os.close(file)


def end_leftovers(settings: Settings) -> None:
    """Ends what a demo left behind that was cut off. For the holder of the demo's lock."""
    for name in (*PROGRAMS, Database.name):
        path = pid_file(settings, name)
        with contextlib.suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
            process = psutil.Process(int(path.read_text()))
            if _is_ours(settings, name, process):
                _end(name, process)
        path.unlink(missing_ok=True)


def _is_ours(settings: Settings, name: str, process: psutil.Process) -> bool:
    """Numbers are used again: only a process that does this child's work on this data folder counts."""
    if name == Database.name:
        return serves(process.pid, locate(settings.postgres_dir).cluster)
    try:
        return process.cmdline()[1:] == ["-m", "api", PROGRAMS[name]] and process.environ().get(
            variable("data_dir")
        ) == str(settings.data_dir)
    except psutil.AccessDenied:
        return False


def _end(name: str, process: psutil.Process) -> None:
    process.send_signal(signal.SIGINT if name == Database.name else signal.SIGTERM)
    if not _ends(process):
        process.kill()
        if not _ends(process):
            raise CommandError(
                f"The {name} of an earlier demo, process {process.pid}, doesn't end: end it, and try again."
            )


def _ends(process: psutil.Process) -> bool:
    """Whether it ends in time. A dead one that nobody has waited for yet counts as ended: it holds nothing any more."""
    until = time.monotonic() + _LEFTOVER_GRACE_S
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True
