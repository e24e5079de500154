"""A bench that is ended by a signal leaves nothing running."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

CHECKOUT = Path(__file__).parents[2]
_BENCH = """
import asyncio
import signal
from bench.live.processes import started

async def bench():
    async with started("sleep", "3600") as child:
        print(child.pid, flush=True)
        await asyncio.Event().wait()

# Who is started in the background may have inherited that it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
asyncio.run(bench())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal at a parent's death is Linux's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_a_bench_started_ends_with_it(number: signal.Signals) -> None:
    bench = subprocess.Popen(
        [sys.executable, "-c", _BENCH], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert bench.stdout is not None
    child = psutil.Process(int(bench.stdout.readline()))
    bench.send_signal(number)
    bench.communicate()
    psutil.wait_procs([child], timeout=30)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
