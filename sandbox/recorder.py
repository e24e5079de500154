"""The calls that were made, for tests to look at."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

KEPT = 5_000


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """`at` is when it was carried out, after whatever held it up. `status` is None where nobody got an answer,
    `account` empty where the call had no valid token."""

    at: datetime
    method: str
    path: str
    query: str
    account: str
    status: int | None
    body: bytes


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
    """The last calls, oldest first. `watch` is shown each exchange that was answered."""

    def __init__(self, watch: Watch | None = None) -> None:
        self.watch = watch
        self.calls: deque[RecordedCall] = deque(maxlen=KEPT)

    def add(self, call: RecordedCall) -> None:
        self.calls.append(call)

    def clear(self) -> None:
        self.calls.clear()
