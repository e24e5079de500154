"""The supervisor's decisions, on children that are as short-lived as the case wants."""

from pathlib import Path

import pytest

from api.cli_error import CommandError
from api.demo_supervisor import Supervisor, tail
from api.settings import Settings
from db.embedded_home import EmbeddedPostgresError


class Mortal:
    """A child that is dead whenever `lives` is used up."""

    def __init__(self, folder: Path, lives: list[bool]) -> None:
        self.name = "server"
        self.log = folder / "server.log"
        self.log.write_text("the last words\n")
        self.pid: int | None = 4242
        self.starts = 0
        self.stops: list[float] = []
        self._lives = lives

    def start(self) -> None:
        self.starts += 1

    def alive(self) -> bool:
        return self._lives.pop(0) if self._lives else False

    def ask_to_stop(self) -> None:
        self.stops.append(-1)

    def stop(self, grace_s: float) -> None:
        self.stops.append(grace_s)


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "run").mkdir()
    return Settings(data_dir=tmp_path)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(settings: Settings, said: list[str], time: Time) -> Supervisor:
    return Supervisor(settings, said.append, time.clock, time.sleep)


def test_a_child_that_keeps_dying_ends_it_with_the_logs_last_lines(
    supervisor: Supervisor, said: list[str], time: Time, tmp_path: Path
) -> None:
    child = Mortal(tmp_path, [])
    supervisor.start(child)
    with pytest.raises(CommandError, match=r"keeps ending(.|\n)*the last words"):
        supervisor.watch()
    assert child.starts == 6
    assert said == ["The server ended; starting it again."] * 5
    # The first time at once, then more and more slowly.
    assert [pause for pause in time.slept if pause > 0.2] == [1.0, 2.0, 4.0, 8.0]


def test_a_child_that_lived_long_is_started_again_however_often(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    child = Mortal(tmp_path, ([True] * 60 + [False]) * 8)
    supervisor.start(child)
    with pytest.raises(CommandError):
        supervisor.watch()
    assert child.starts > 8


def test_a_start_that_fails_is_said_and_tried_again(supervisor: Supervisor, said: list[str], tmp_path: Path) -> None:
    class Unstartable(Mortal):
        def start(self) -> None:
            super().start()
            if self.starts > 1:
                raise EmbeddedPostgresError("no room")

    supervisor.start(Unstartable(tmp_path, []))
    with pytest.raises(CommandError, match="keeps ending"):
        supervisor.watch()
    assert said.count("no room") == 5


def test_a_child_that_ends_while_it_is_awaited_is_told(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(Mortal(tmp_path, [True]))
    with pytest.raises(CommandError, match=r"ended while starting(.|\n)*the last words"):
        supervisor.await_that(lambda: False, "The server")


def test_what_never_comes_is_told_with_the_logs(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(Mortal(tmp_path, [True] * 1000))
    with pytest.raises(CommandError, match=r"The server did not come within 60 s.*server\.log"):
        supervisor.await_that(lambda: False, "The server")


def test_stopping_takes_the_pid_files_along(supervisor: Supervisor, settings: Settings, tmp_path: Path) -> None:
    child = Mortal(tmp_path, [])
    supervisor.adopt(child)
    file = settings.data_dir / "run" / "server.pid"
    assert file.read_text() == "4242\n"
    supervisor.stop()
    assert child.stops == [-1, 3.0]
    assert not file.exists()


def test_the_end_of_a_log_that_was_never_written(tmp_path: Path) -> None:
    assert tail(tmp_path / "none") == ""
