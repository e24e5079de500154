"""Hooks: somebody says that a source may differ. A hook carries no data into the sync; it only wakes a run.

For Apps Script triggers and their like. 202 accepted, 401 bad signature or time, 404 unknown source.
"""

import time
from collections.abc import Callable

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from api.hook_signature import objection
from api.limits import HOOK_LIMIT
from api.runtime import runtime
from db.notify import wake
from db.runs import RunTrigger
from db.secrets import hook_secrets
from db.sources import SourceKind, source_by_name
from db.sync_state import note_hook

_log = structlog.stdlib.get_logger(__name__)

_DATABASE_S = 5.0  # senders of hooks try again, and wait for no more than some seconds


def routes(clock: Callable[[], float] = time.time) -> list[BaseRoute]:
    """`POST /hooks/sheets/{name}`. `clock` gives Unix seconds."""

    async def sheet(request: Request) -> Response:
        return await _receive(request, SourceKind.SHEET, clock())

    return [Route("/hooks/sheets/{name}", sheet, methods=["POST"], max_body_size=HOOK_LIMIT)]


async def _receive(request: Request, kind: SourceKind, now: float) -> Response:
    name: str = request.path_params["name"]
    body = await request.body()
    context = runtime(request).context
    async with context.pool.connection(timeout=_DATABASE_S) as connection:
        source = await source_by_name(connection, name)
        if source is None or source.kind is not kind:
            return _refused(404, f"There is no {kind.lower()} source of the name {name!r}.")
        secrets = await hook_secrets(connection, context.keyring, source.id)
        wrong = objection(
            secrets, request.headers.get("x-rowcast-timestamp"), request.headers.get("x-rowcast-signature"), body, now
        )
        if wrong is not None:
            _log.warning("hook refused", source=name, reason=wrong)
            return _refused(401, wrong)
        await note_hook(connection, source.id)
        await wake(connection, source.id, RunTrigger.HOOK)
    return JSONResponse({"accepted": True}, status_code=202)


def _refused(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status)
