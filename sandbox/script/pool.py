"""The processes that scripts run in: few, started when they are needed, used again, and replaced when they die."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.google.json_value import Json, JsonObject

LIMIT_S = 60
"""What an execution may take, waiting included. Google allows six minutes; nobody here waits for so long."""

_PROCESSES = 4
_LONGEST_LINE = 64 * 2**20
_WORKER = Path(__file__).with_name("worker.py")

Service = Callable[[str, list[Json]], Awaitable[Json]]
"""Answers a call of a service by its name; raises ServiceRefused with what the script is told."""


class ServiceRefused(Exception):
    """The script gets an Error of this message."""


class ScriptFailed(Exception):
    """The script threw, could not be read, or was ended. The message is the script's own; `stack` says where."""

    def __init__(self, message: str, stack: str = "") -> None:
        super().__init__(message)
        self.stack = stack


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a script, and what `services.js` makes its surroundings from."""

    script: str
    function: str
    context: JsonObject


class ScriptPool:
    """`run` any number of calls at once: those beyond the processes wait. Close it at the end."""

    def __init__(self, limit_s: int = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._places = asyncio.Semaphore(_PROCESSES)
        self._idle: list[asyncio.subprocess.Process] = []

    async def run(self, call: Call, service: Service) -> Json:
        """What the function returned. Raises ScriptFailed."""
        async with self._places:
            process = self._living() or await _start()
            try:
                outcome = await self._execute(process, call, service)
            except BaseException:
                await _end(process)
                raise
            self._idle.append(process)
        if "error" in outcome:
            raise ScriptFailed(str(outcome["error"]), str(outcome.get("stack", "")))
        return outcome["value"]

    async def close(self) -> None:
        """Ends the processes that are idle: one that runs is ended with the task that runs it."""
        while self._idle:
            await _end(self._idle.pop())

    def _living(self) -> asyncio.subprocess.Process | None:
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
        return None

    async def _execute(self, process: asyncio.subprocess.Process, call: Call, service: Service) -> JsonObject:
        await _tell(
            process,
            {
                "script": call.script,
                "function": call.function,
                "context": call.context,
                "seconds": self._limit_s,
            },
        )
        while True:
            said = await _hear(process)
            if "call" not in said:
                return said
            name, arguments = said["call"], said["arguments"]
            assert isinstance(name, str)
            assert isinstance(arguments, list)
            try:
                answer: JsonObject = {"value": await service(name, arguments)}
            except ServiceRefused as refused:
                answer = {"error": str(refused)}
            await _tell(process, answer)


async def _start() -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(_WORKER), stdin=pipe, stdout=pipe, limit=_LONGEST_LINE
    )


async def _tell(process: asyncio.subprocess.Process, message: Mapping[str, Json]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message).encode() + b"\n")
    try:
        await process.stdin.drain()
    except ConnectionError as error:
        raise _ended() from error


async def _hear(process: asyncio.subprocess.Process) -> JsonObject:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise _ended()
    message: JsonObject = json.loads(line)
    return message


def _ended() -> ScriptFailed:
    return ScriptFailed("Exceeded maximum execution time")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
