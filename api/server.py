"""How uvicorn serves the application."""

import resource
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette

from api.http_protocol import HttpProtocol
from api.limits import WEBSOCKET_LIMIT
from api.live.protocol import FrameProtocol
from api.settings import Settings

_GRACE_S: Final = 3
_OWN_FILES: Final = 200
"""Of the process itself: Postgres, the sources, the log."""


def server_config(app: Starlette, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves the application."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = settings.max_connections or max(files - _OWN_FILES, files // 2)
    http: Any = partial(HttpProtocol, most=most)
    websocket: Any = partial(FrameProtocol, messages_per_second=settings.client_messages_per_second)
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=http,
        ws=websocket,
        ws_max_size=WEBSOCKET_LIMIT,
        ws_ping_interval=settings.ping_seconds,
        ws_ping_timeout=settings.ping_seconds,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
