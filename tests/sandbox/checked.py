"""A sandbox whose every call and answer is held against Google's own description of its APIs."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType

from jsonschema_rs import Draft202012Validator

from sandbox import exchanges
from sandbox.recorder import Exchange
from sandbox.server import Sandbox
from sandbox.settings import system_clock
from tests.sandbox.checked_batches import calls_of_batch
from tests.sandbox.checked_uploads import check_token, check_upload
from tests.sandbox.discovery import check_call

ERROR = Draft202012Validator(
    {
        "type": "object",
        "required": ["error"],
        "additionalProperties": False,
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "additionalProperties": False,
                "properties": {
                    "code": {"type": "integer"},
                    "message": {"type": "string"},
                    "status": {"type": "string"},
                    "errors": {"type": "array", "items": {"type": "object"}},
                    "details": {"type": "array", "items": {"type": "object", "required": ["@type"]}},
                },
            }
        },
    }
)


class CheckedSandbox(Sandbox):
    """Fails, where it ends or `check` is called, if a call that was accepted or an answer has a field that Google
    doesn't know, or a value of another type."""

    def __init__(
        self,
        data_path: Path | None = None,
        clock: Callable[[], datetime] = system_clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.exchanges: list[Exchange] = []
        super().__init__(data_path, clock, sleep, self.exchanges.append)

    def check(self) -> None:
        """Checks what was exchanged since the last time."""
        taken = list(self.exchanges)
        del self.exchanges[: len(taken)]
        for exchange in taken:
            check_exchange(exchange)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if kind is None:
            self.check()


def unchecked(_exchange: Exchange) -> None:
    """The `watch` of a sandbox that is sent, on purpose, what Google takes beyond its own description."""


class Record:
    """The file in which the sandboxes of other processes, and those of this one that nothing else watches, write down
    what was exchanged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0

    def check(self) -> None:
        """Checks what was exchanged since the last time."""
        for exchange, position in exchanges.read(self._path, self._position):
            self._position = position
            check_exchange(exchange)


def check_exchange(exchange: Exchange) -> None:
    """Raises AssertionError or jsonschema_rs.ValidationError."""
    if exchange.raw_path.startswith("/batch/") and exchange.status < 400:
        for call in calls_of_batch(exchange):
            check_exchange(call)
        return
    if exchange.raw_path in ("/token", "/revoke"):
        check_token(exchange)
        return
    if not exchange.raw_path.startswith(("/v4/", "/drive/", "/upload/")):
        return
    if exchange.status >= 400:
        answer = json.loads(exchange.answer)
        ERROR.validate(answer)
        assert answer["error"]["code"] == exchange.status
        assert ("errors" if exchange.raw_path.startswith(("/drive/", "/upload/")) else "status") in answer["error"]
        return
    if exchange.raw_path.startswith("/upload/"):
        check_upload(exchange)
        return
    check_call(exchange.method, exchange.raw_path, exchange.query, exchange.body, exchange.answer)
