"""Subscribers that tell how long each message took, from just before its commit.

Rows carry when they were written, by the clock of the machine, as `"note":"<seconds>"`: so whoever writes and whatever
delivers is timed alike. `python -m bench.live.timed_subscribers` reads a line of JSON, `Load`, then a line a phase: how
many seconds without a message end it, and how many messages do. It answers with what came since the phase before, as a
line of JSON: the microseconds that each took, the bytes of all, and the seconds of CPU that the process had used by
then. They are only told apart when a phase ends, to leave the machine to the server meanwhile.
"""

import asyncio
import json
import time
from typing import Final

import uvloop

from bench.live.subscribers import Load, connected, run

_MARK: Final = b'"note":"'


async def _time(lines: asyncio.StreamReader) -> None:
    load = Load(**json.loads(await lines.readline()))
    arrived: list[tuple[float, bytes]] = []
    wanted, complete = 0, asyncio.Event()

    def heard(frame: bytes) -> None:
        # Without it there is a newer cursor, and no row.
        if _MARK in frame:
            arrived.append((time.time(), frame))
            if len(arrived) == wanted:
                complete.set()

    await connected(load, heard)
    print("ready", flush=True)
    while line := await lines.readline():
        begun, (quiet_s, wanted) = time.time(), json.loads(line)
        complete.clear()
        while len(arrived) < wanted:
            left = max(begun, arrived[-1][0] if arrived else 0.0) + quiet_s - time.time()
            try:
                await asyncio.wait_for(complete.wait(), left)
            except TimeoutError:
                if left <= 0:
                    break
        cpu_s = time.process_time()
        took = [round((at - _written(frame)) * 1e6) for at, frame in arrived]
        print(json.dumps({"took": took, "size": sum(len(frame) for _, frame in arrived), "cpu_s": cpu_s}), flush=True)
        arrived.clear()


def _written(frame: bytes) -> float:
    start = frame.index(_MARK) + len(_MARK)
    return float(frame[start : frame.index(b'"', start)])


if __name__ == "__main__":
    uvloop.run(run(_time))
