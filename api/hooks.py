"""Hooks: somebody says that a source may differ. A hook carries no data into the sync; it only wakes a run.

For Apps Script triggers and their like, and for Google Drive's push channels. 202 accepted, 401 bad signature, time or
token, 404 unknown source or channel. One that comes twice, or again within the time that its signature is good for,
does no more than wake.
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from api.hook_debounce import Debounce
from api.hook_refusals import RefusalLog
from api.hook_signature import objection
from api.limits import HOOK_LIMIT
from api.runtime import runtime
from db.drive_channels import heard_channel, note_resource
from db.notify import look, wake
from db.runs import RunTrigger
from db.secrets import hook_secrets
from db.session import Pool
from db.sources import SourceKind, source_by_name
from db.sync_state import note_hook
from schema.context import Context

_DATABASE_S = 5.0  # senders of hooks try again, and wait for no more than some seconds
_LONGEST_RESOURCE = 255


def routes(clock: Callable[[], float] = time.time) -> list[BaseRoute]:
    """`POST /hooks/sheets/{name}`, `/hooks/feeds/{name}` and `/hooks/drive`. `clock` gives Unix seconds."""
    hooks = _Hooks(clock)
    return [
        Route("/hooks/sheets/{name}", hooks.sheet, methods=["POST"], max_body_size=HOOK_LIMIT),
        Route("/hooks/feeds/{name}", hooks.feed, methods=["POST"], max_body_size=HOOK_LIMIT),
        Route("/hooks/drive", hooks.drive, methods=["POST"], max_body_size=HOOK_LIMIT),
    ]


class _Hooks:
    """The endpoints, and what keeps a flood of hooks from being a flood of wakes and of log lines."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._debounce = Debounce()
        self._refusals = RefusalLog()

    async def sheet(self, request: Request) -> Response:
        return await self._signed(request, SourceKind.SHEET)

    async def feed(self, request: Request) -> Response:
        return await self._signed(request, SourceKind.FEED)

    async def _signed(self, request: Request, kind: SourceKind) -> Response:
        name: str = request.path_params["name"]
        body = await request.body()
        context = runtime(request).context
        async with context.pool.connection(timeout=_DATABASE_S) as connection:
            source = await source_by_name(connection, name)
            if source is None or source.kind is not kind:
                return self._refused(context, 404, name, f"There is no {kind.lower()} source of the name {name!r}.")
            secrets = await hook_secrets(connection, context.keyring, source.id)
        timestamp, signature = (request.headers.get(f"x-rowcast-{part}") for part in ("timestamp", "signature"))
        wrong = objection(secrets, timestamp, signature, body, self._clock())
        if wrong is not None:
            return self._refused(context, 401, name, wrong)
        await self._debounce(source.id, lambda age_s: _wake(context.pool, source.id, age_s))
        return _accepted()

    async def drive(self, request: Request) -> Response:
        """https://developers.google.com/workspace/drive/api/guides/push#understanding-drive-api-notification-events"""
        headers = request.headers
        name = headers.get("x-goog-channel-id", "")
        context = runtime(request).context
        channel_id = _uuid(name)
        async with context.pool.connection(timeout=_DATABASE_S) as connection:
            channel = None if channel_id is None else await heard_channel(connection, channel_id)
            if channel_id is None or channel is None:
                return self._refused(context, 404, "drive", f"There is no channel {name[:64]!r}.")
            digest = hashlib.sha256(headers.get("x-goog-channel-token", "").encode()).digest()
            if not hmac.compare_digest(digest, channel.token_digest):
                return self._refused(context, 401, "drive", "X-Goog-Channel-Token is not the channel's.")
            resource = headers.get("x-goog-resource-id", "")
            if channel.resource_id is None and 0 < len(resource) <= _LONGEST_RESOURCE:
                await note_resource(connection, channel_id, resource)
        # The first message only says that the channel is open.
        if headers.get("x-goog-resource-state") != "sync":
            credential = channel.credential
            await self._debounce(credential, lambda _: _look(context.pool, credential))
        return _accepted()

    def _refused(self, context: Context, status: int, hook: str, message: str) -> Response:
        context.activity.refused_hooks[status] += 1
        self._refusals.say(hook, message)
        return JSONResponse({"error": message}, status_code=status)


async def _wake(pool: Pool, source_id: UUID, age_s: float) -> None:
    async with pool.connection(timeout=_DATABASE_S) as connection:
        await note_hook(connection, source_id, age_s)
        await wake(connection, source_id, RunTrigger.HOOK)


async def _look(pool: Pool, credential: str) -> None:
    async with pool.connection(timeout=_DATABASE_S) as connection:
        await look(connection, credential)


def _accepted() -> Response:
    return JSONResponse({"accepted": True}, status_code=202)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
