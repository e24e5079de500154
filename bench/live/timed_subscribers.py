"""Subscribers that tell how long each message took, from just before its commit.

Rows carry when they were written, by the clock of the machine, as `"note":"<seconds>"`: so whoever writes and whatever
delivers is timed alike. `python -m bench.live.timed_subscribers` reads a line of JSON, `Load`, then a line a phase: how
many seconds without a message end it. It answers with the microseconds that each took since the phase before, as a line
of JSON.
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
    took: list[int] = []
    heard_at = 0.0

    def heard(frame: bytes) -> None:
        nonlocal heard_at
        now = time.time()
        start = frame.find(_MARK) + len(_MARK)
        if start < len(_MARK):
            # A newer cursor, and no row.
            return
        heard_at = time.monotonic()
        took.append(round((now - float(frame[start : frame.index(b'"', start)])) * 1e6))

    await connected(load, heard)
    print("ready", flush=True)
    while line := await lines.readline():
        begun, quiet_s = time.monotonic(), float(line)
        while (left := max(begun, heard_at) + quiet_s - time.monotonic()) > 0:  # noqa: ASYNC110 - silence is no event
            await asyncio.sleep(left)
        print(json.dumps(took), flush=True)
        took.clear()


if __name__ == "__main__":
    uvloop.run(run(_time))
