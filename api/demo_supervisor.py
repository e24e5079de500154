"""Keeps the demo's children running: starts them in order, starts again what dies and says so, stops them in time."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from api.cli_error import CommandError
from api.demo_children import Child, pid_file
from api.settings import Settings
from db.embedded_home import EmbeddedPostgresError

_LOOK_EVERY_S: Final = 0.2
_SHORT_LIFE_S: Final = 10.0
_TRIES: Final = 5
_STOP_S: Final = 3.0
_TAIL_LINES: Final = 15


class Supervisor:
    """`say` prints a line for the person who watches."""

    def __init__(
        self,
        settings: Settings,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._say = say
        self._clock = clock
        self._sleep = sleep
        self._children: list[Child] = []
        self._started: dict[str, float] = {}
        self._short_lives: dict[str, int] = {}

    def start(self, child: Child) -> None:
        self._children.append(child)
        self._start(child)

    def adopt(self, child: Child) -> None:
        """Takes over a child that was started already."""
        self._children.append(child)
        self._note(child)

    def await_that(self, condition: Callable[[], bool], what: str, deadline_s: float = 60.0) -> None:
        """Returns once the condition holds. CommandError with the log's end where a child dies, or none of it comes."""
        until = self._clock() + deadline_s
        while not condition():
            for child in self._children:
                if not child.alive():
                    raise CommandError(f"The {child.name} ended while starting ({child.log}):\n{tail(child.log)}")
            if self._clock() > until:
                logs = ", ".join(str(child.log) for child in self._children)
                raise CommandError(f"{what} did not come within {deadline_s:.0f} s. The logs: {logs}")
            self._sleep(_LOOK_EVERY_S)

    def watch(self) -> None:
        """Never returns: until an exception, such as the KeyboardInterrupt of Ctrl-C, ends it."""
        while True:
            for child in self._children:
                if not child.alive():
                    self._start_again(child)
            self._sleep(_LOOK_EVERY_S)

    def stop(self) -> None:
        """Stops all within 5 s: the last started first, all but Postgres at once."""
        until = self._clock() + _STOP_S
        for child in self._children:
            child.ask_to_stop()
        for child in reversed(self._children):
            child.stop(max(until - self._clock(), 0.2))
            pid_file(self._settings, child.name).unlink(missing_ok=True)

    def _start_again(self, child: Child) -> None:
        lived = self._clock() - self._started[child.name]
        short = self._short_lives.get(child.name, 0) + 1 if lived < _SHORT_LIFE_S else 0
        self._short_lives[child.name] = short
        if short > _TRIES:
            raise CommandError(f"The {child.name} keeps ending ({child.log}):\n{tail(child.log)}")
        self._say(f"The {child.name} ended; starting it again.")
        if short > 1:
            self._sleep(0.25 * 2**short)
        try:
            self._start(child)
        except EmbeddedPostgresError as error:
            # Counted as a short life when it is looked at next.
            self._say(str(error))

    def _start(self, child: Child) -> None:
        self._started[child.name] = self._clock()
        child.start()
        self._note(child)

    def _note(self, child: Child) -> None:
        self._started.setdefault(child.name, self._clock())
        if child.pid is not None:
            pid_file(self._settings, child.name).write_text(f"{child.pid}\n")


def tail(log: Path) -> str:
    """The last lines of a log; empty where there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
    except FileNotFoundError:
        return ""
