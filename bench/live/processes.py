"""The processes of a measurement: servers whose CPU time and memory are read from Linux, and subscribers."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Final

import psutil

from bench.live.subscribers import Load
from bench.live.unmeasured import Unmeasured
from db.embedded_launch import ending_with_parent

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_LINE: Final = 10_000_000
_END_S: Final = 30.0


def cpu_s(pid: int) -> float:
    """The seconds of CPU that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def family_cpu_s(pid: int) -> float:
    """The same of a process and its children, with those that have ended and were waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / _TICKS
    return cpu_s(pid) + ended + sum(cpu_s(child.pid) for child in psutil.Process(pid).children())


def memory_kb(pid: int) -> int:
    """The memory of a process that is no other's (its unique set), in kB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def peak_kb(pid: int) -> int:
    """The most memory that a process had since `forget_peak`, in kB, shared parts included."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def forget_peak(pid: int) -> None:
    """The peak of a process is what it has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@asynccontextmanager
async def started(
    *command: str, environment: dict[str, str] | None = None, output: int | IO[str] = asyncio.subprocess.PIPE
) -> AsyncIterator[Process]:
    """A process of ours, ended with the block, and killed with us where we are. Who doesn't read what it prints gives
    another output than a pipe, which would fill up.
    """
    process = await asyncio.create_subprocess_exec(
        *ending_with_parent(command, signal.SIGKILL),
        stdin=asyncio.subprocess.PIPE,
        stdout=output,
        env={**os.environ, **(environment or {})},
        limit=_LINE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _END_S)
            except TimeoutError:
                process.kill()
                await process.wait()


class Subscribers:
    """Several processes of subscribers that move in step."""

    def __init__(self, processes: Sequence[Process], shares: Sequence[int]) -> None:
        """`shares`: how many subscriptions each has."""
        self._processes = processes
        self.shares = shares

    @property
    def pids(self) -> Sequence[int]:
        """Of its processes."""
        return [process.pid for process in self._processes]

    async def ready(self) -> None:
        """Until all are subscribed."""
        for process in self._processes:
            assert await self._line(process) == "ready"

    def expect(self, messages: int) -> None:
        """Every subscription gets so many messages next."""
        self._expect([share * messages for share in self.shares])

    def expect_of_one(self, messages: int) -> None:
        """One subscription of the first process gets so many messages next, all others none."""
        self._expect([messages, *(0 for _ in self.shares[1:])])

    def _expect(self, messages: Sequence[int]) -> None:
        self.tell([str(count) for count in messages])

    def tell(self, lines: Sequence[str]) -> None:
        """Give each process a line."""
        for process, line in zip(self._processes, lines, strict=True):
            assert process.stdin is not None
            process.stdin.write(f"{line}\n".encode())

    async def received(self) -> int:
        """Until all have what was expected: the bytes of it."""
        return sum(map(int, await self.lines()))

    async def lines(self) -> list[str]:
        """The next line of each process."""
        return [await self._line(process) for process in self._processes]

    async def _line(self, process: Process) -> str:
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            raise Unmeasured("a process of its subscribers ended")
        return line.decode().strip()


@asynccontextmanager
async def subscribed(
    load: Load, processes: int = 2, module: str = "bench.live.subscribers"
) -> AsyncIterator[Subscribers]:
    """The load spread over processes of the module, all begun."""
    share = load.count // processes
    async with AsyncExitStack() as stack:
        begun = []
        for number in range(processes):
            process = await stack.enter_async_context(started(sys.executable, "-m", module))
            own = replace(load, first=load.first + number * share, count=share)
            assert process.stdin is not None
            process.stdin.write(f"{json.dumps(asdict(own))}\n".encode())
            begun.append(process)
        yield Subscribers(begun, [share] * processes)
