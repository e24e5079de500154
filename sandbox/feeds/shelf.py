"""The feeds of one sandbox, and the answers to writes with an idempotency key. On disk before it is answered."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import orjson

from sandbox.feeds.records import Records, read_records
from sandbox.store import SqliteStore

_FEED = "feed"
_ANSWER = "feed answer"
_KEPT_ANSWERS = 2_000


@dataclass(frozen=True, slots=True)
class Feed:
    """A document that is served; `key` is the field that tells its records apart, None: guessed."""

    content_type: str
    body: bytes
    key: str | None
    modified_at: datetime

    @property
    def etag(self) -> str:
        """Strong: of the document's bytes."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'

    def records(self) -> Records:
        """The document as records. Unreadable if it is none."""
        return read_records(self.content_type, self.body, self.key)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a write was answered with; `request` is a digest of it."""

    request: str
    status: int
    body: bytes


class Shelf:
    """Feeds by name. Used from one thread."""

    def __init__(self, store: SqliteStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._answers = OrderedDict((name, _read_answer(record)) for name, record in store.load_items(_ANSWER).items())

    def names(self) -> list[str]:
        """Of all feeds, in order."""
        return list(self._store.load_items(_FEED))

    def get(self, name: str) -> Feed | None:
        """The feed of that name."""
        record = self._store.load_item(_FEED, name)
        if record is None:
            return None
        head, _, body = record.partition(b"\n")
        kept = orjson.loads(head)
        return Feed(kept["type"], body, kept["key"], datetime.fromisoformat(kept["modified"]))

    def put(self, name: str, content_type: str, body: bytes, key: str | None) -> None:
        """A new document."""
        head = orjson.dumps({"type": content_type, "key": key, "modified": self._clock().isoformat()})
        self._store.save_item(_FEED, name, head + b"\n" + body)

    def answered(self, name: str, idempotency_key: str) -> Answered | None:
        """The answer that the write with this key got."""
        return self._answers.get(f"{name} {idempotency_key}")

    def keep(self, name: str, idempotency_key: str, answered: Answered) -> None:
        """Remember an answer; the oldest are forgotten."""
        place = f"{name} {idempotency_key}"
        self._answers[place] = answered
        head = orjson.dumps({"request": answered.request, "status": answered.status})
        self._store.save_item(_ANSWER, place, head + b"\n" + answered.body)
        while len(self._answers) > _KEPT_ANSWERS:
            oldest, _ = self._answers.popitem(last=False)
            self._store.delete_item(_ANSWER, oldest)

    def clear(self) -> None:
        """No feeds, no answers."""
        self._store.delete_items(_FEED)
        self._store.delete_items(_ANSWER)
        self._answers.clear()


def _read_answer(record: bytes) -> Answered:
    head, _, body = record.partition(b"\n")
    kept = orjson.loads(head)
    return Answered(kept["request"], kept["status"], body)
