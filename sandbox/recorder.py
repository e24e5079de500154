"""The calls that were made, for tests to look at."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime

KEPT = 5_000


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """`status` is None where the connection was dropped; `account` empty where the call had no valid token."""

    at: datetime
    method: str
    path: str
    query: str
    account: str
    status: int | None
    body: bytes


class Recorder:
    """The last calls, oldest first."""

    def __init__(self) -> None:
        self.calls: deque[RecordedCall] = deque(maxlen=KEPT)

    def add(self, call: RecordedCall) -> None:
        self.calls.append(call)

    def clear(self) -> None:
        self.calls.clear()
