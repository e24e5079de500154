"""`sandbox`: the local Google, until SIGINT or SIGTERM."""

import asyncio
import signal
import sys

from api.cli_listen import bound
from api.settings import Settings
from sandbox.server import serve

HOST = "127.0.0.1"


def run(settings: Settings) -> None:
    """CommandError where the port can't be had."""
    bound(HOST, settings.sandbox_port, "ROWCAST_SANDBOX_PORT").close()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    path = settings.data_dir / "sandbox.db"
    serving = asyncio.ensure_future(serve(HOST, settings.sandbox_port, path, _say))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    await asyncio.wait([serving])
    if not serving.cancelled():
        serving.result()


def _say(url: str) -> None:
    sys.stdout.write(f"The sandbox listens at {url}\n")
    sys.stdout.flush()
