"""Between the network and Google's interface: records each call and carries out the faults that are waiting for it.

Pure ASGI, since a fault must be able to drop the connection or hold a finished answer back.
"""

from collections.abc import Callable
from datetime import datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.bodies import read_body, replay
from sandbox.faults import Fault, Faults, PersonEdit
from sandbox.google.errors import answer, of_status
from sandbox.recorder import Exchange, RecordedCall, Recorder
from sandbox.settings import SandboxSettings

WATCHED = ("/v4/", "/drive/", "/upload/", "/batch/", "/token", "/revoke", "/feeds/", "/_sandbox/feeds/")
# Where uvicorn's connection is found in the scope: only by it can an answer be withheld for good.
TRANSPORT = "sandbox.transport"


class Wire:
    """Middleware around everything that Google or a feed's server would answer."""

    def __init__(
        self,
        app: ASGIApp,
        settings: SandboxSettings,
        faults: Faults,
        recorder: Recorder,
        person_edits: Callable[[PersonEdit], None],
    ) -> None:
        self._app = app
        self._settings = settings
        self._faults = faults
        self._recorder = recorder
        self._person_edits = person_edits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(WATCHED):
            await self._app(scope, receive, send)
            return
        answered = _Answer(self._settings.clock(), keep_body=self._recorder.watch is not None)
        body = await read_body(receive)
        fault = self._faults.take(f"{scope['method']} {scope['path']}")
        try:
            if fault is None:
                await self._app(scope, replay(body, receive), answered.passing(send))
            else:
                await self._carry_out(fault, scope, replay(body, receive), send, answered)
        finally:
            self._record(scope, body, answered)
        if fault is not None and fault.edit is not None:
            self._person_edits(fault.edit)

    async def _carry_out(self, fault: Fault, scope: Scope, receive: Receive, send: Send, answered: "_Answer") -> None:
        held: list[Message] = []
        if fault.after_apply:
            await self._app(scope, receive, answered.passing(_keep(held)))
        if fault.delay_seconds is not None:
            await self._settings.sleep(fault.delay_seconds)
            if not fault.after_apply:
                answered.at = self._settings.clock()
        gave_up = fault.delay_seconds is not None and scope[TRANSPORT].is_closing()
        if fault.drop:
            await _drop(scope, receive)
        elif fault.status is not None:
            response = answer(of_status(fault.status), scope["path"])
            await response(scope, receive, answered.passing(send))
        elif fault.after_apply:
            for message in held:
                await send(message)
        else:
            await self._app(scope, receive, answered.passing(send))
        if fault.drop or gave_up:
            answered.status = None

    def _record(self, scope: Scope, body: bytes, answered: "_Answer") -> None:
        query = scope["query_string"].decode("utf-8", "replace")
        account = scope.get("sandbox.account", "")
        self._recorder.add(
            RecordedCall(
                answered.at, scope["method"], scope["path"], query, account, answered.status, body, answered.came
            )
        )
        if self._recorder.watch is not None and answered.status is not None:
            raw = scope["raw_path"].decode("utf-8", "replace")
            self._recorder.watch(Exchange(scope["method"], raw, query, body, answered.status, b"".join(answered.parts)))


class _Answer:
    """Notes when the call came and was carried out, the status that goes out, and the body where it is to be kept."""

    def __init__(self, at: datetime, keep_body: bool) -> None:
        self.came = self.at = at
        self.status: int | None = None
        self.parts: list[bytes] = []
        self._keep_body = keep_body

    def passing(self, send: Send) -> Send:
        async def passing(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.parts.clear()
            elif self._keep_body:
                self.parts.append(message.get("body", b""))
            await send(message)

        return passing


def _keep(held: list[Message]) -> Send:
    async def keep(message: Message) -> None:
        held.append(message)

    return keep


async def _drop(scope: Scope, receive: Receive) -> None:
    """Closes the connection, and returns once the server has seen that, so that it doesn't answer for us."""
    scope[TRANSPORT].close()
    while (await receive())["type"] != "http.disconnect":
        continue
