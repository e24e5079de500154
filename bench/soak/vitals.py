"""What a server's process holds, sampled: it may breathe, and not grow."""

import asyncio
import statistics
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench.live.processes import memory_kb
from tests.server import ProcessServer

_FREE: Final = {"memory_mb": 12.0, "descriptors": 12.0, "threads": 2.0, "tasks": 60.0}
"""By how much the last quarter's median may be above the second's, besides a tenth."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """Of one moment."""

    memory_mb: float
    descriptors: float
    threads: float
    tasks: float

    def __str__(self) -> str:
        return (
            f"{self.memory_mb:.0f} MB, {self.descriptors:.0f} files, {self.threads:.0f} threads, {self.tasks:.0f} tasks"
        )


async def vitals(server: ProcessServer) -> Vitals:
    """Of now. OSError or httpx.HTTPError where it is away."""
    folder = Path(f"/proc/{server.process.pid}")
    families = text_string_to_metric_families((await server.get("/metrics")).text)
    [tasks] = [s.value for family in families for s in family.samples if s.name == "rowcast_event_loop_tasks"]
    return Vitals(
        memory_kb(server.process.pid) / 1024,
        len(list((folder / "fd").iterdir())),
        len(list((folder / "task").iterdir())),
        tasks,
    )


async def sample(server: ProcessServer, taken: list[Vitals], every_s: float = 2.0) -> None:
    """Until cancelled."""
    while True:
        with suppress(OSError, httpx.HTTPError):
            taken.append(await vitals(server))
        await asyncio.sleep(every_s)


def middle(taken: Sequence[Vitals]) -> Vitals:
    """The medians."""
    return Vitals(*(statistics.median(getattr(each, name) for each in taken) for name in _FREE))


def growth(taken: Sequence[Vitals]) -> tuple[Vitals, Vitals, list[str]]:
    """The second quarter's medians, the last one's, and what grew."""
    quarter = max(1, len(taken) // 4)
    before, after = middle(taken[quarter : 2 * quarter]), middle(taken[-quarter:])
    return before, after, beyond(before, after)


def beyond(before: Vitals, after: Vitals) -> list[str]:
    """What `after` has more of than it may."""
    grown = []
    for name, free in _FREE.items():
        was, is_ = getattr(before, name), getattr(after, name)
        if is_ > was * 1.1 + free:
            grown.append(f"{name} grew from {was:.0f} to {is_:.0f}")
    return grown
