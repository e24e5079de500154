"""What a sandbox is told when it starts."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sandbox.recorder import Watch


def system_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """`base_url` is what clients reach, without a slash at its end; `data_path` the database file, None for none.

    `clock` gives the moment, with an offset; `sleep` waits for seconds. `watch` is shown each call with its answer,
    which is else written where `SANDBOX_EXCHANGES` says.
    """

    base_url: str
    data_path: Path | None = None
    clock: Callable[[], datetime] = system_clock
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    watch: Watch | None = None
