"""The peer: pgoutput-decoder. Prints the seconds that so many changes took it, and the seconds of CPU.

`python read.py URL SLOT CHANGES`, in the environment that make made for it.
"""

import asyncio
import sys
import time
from urllib.parse import parse_qs, unquote, urlsplit

from pgoutput_decoder import LogicalReplicationReader


async def _read(url: str, slot: str, changes: int) -> None:
    parts = urlsplit(url)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    reader = LogicalReplicationReader(
        publication_name="rowcast_tables",
        slot_name=slot,
        host=parts.hostname or options["host"],
        port=parts.port or int(options["port"]),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=parts.path[1:],
        auto_acknowledge=False,
    )
    begun, cpu = time.perf_counter(), time.process_time()
    left = changes
    async for message in reader:
        row = message.after
        assert row
        left -= 1
        if not left:
            break
    print(time.perf_counter() - begun, time.process_time() - cpu, flush=True)
    await reader.stop()


if __name__ == "__main__":
    asyncio.run(_read(sys.argv[1], sys.argv[2], int(sys.argv[3])))
