"""The calls that were made, for tests to look at."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

KEPT = 5_000
_KEPT_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """`at` is when it was carried out, `came` when it came in, before that. `status` is None where nobody
    got an answer, `account` empty where the call had no valid token."""

    at: datetime
    method: str
    path: str
    query: str
    account: str
    status: int | None
    body: bytes
    came: datetime


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call with its answer, as they went over the wire; `raw_path` is still escaped."""

    method: str
    raw_path: str
    query: str
    body: bytes
    status: int
    answer: bytes


Watch = Callable[[Exchange], None]


class Recorder:
    """The last calls, oldest first, fewer where their bodies are large. `watch` is shown each exchange that was
    answered."""

    def __init__(self, watch: Watch | None = None) -> None:
        self.watch = watch
        self.calls: deque[RecordedCall] = deque()
        self._bytes = 0

    def add(self, call: RecordedCall) -> None:
        self.calls.append(call)
        self._bytes += len(call.body)
        while len(self.calls) > KEPT or (self._bytes > _KEPT_BYTES and len(self.calls) > 1):
            self._bytes -= len(self.calls.popleft().body)

    def clear(self) -> None:
        self.calls.clear()
        self._bytes = 0
