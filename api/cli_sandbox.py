"""`sandbox`: the local Google, until SIGINT or SIGTERM."""

import asyncio
import signal

from api.cli_serve import bound
from api.settings import Settings
from sandbox.server import serve

HOST = "127.0.0.1"


def run(settings: Settings) -> None:
    """CommandError where the port can't be had."""
    bound(HOST, settings.sandbox_port, "ROWCAST_SANDBOX_PORT").close()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    serving = asyncio.ensure_future(serve(HOST, settings.sandbox_port, settings.data_dir / "sandbox.db"))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    await asyncio.wait([serving])
    if not serving.cancelled():
        serving.result()
