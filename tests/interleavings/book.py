"""A feed as its owner edits it, in the sandbox's own thread: nothing comes between a look and the edit."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, TypeVar

from sandbox.office import Office
from sandbox.recorder import Exchange, Watch
from sandbox.server import Sandbox
from tests.interleavings.documents import Document, JsonDocument, Record, XmlDocument
from tests.interleavings.feed_actions import Format, Shape, Writing
from tests.interleavings.hook import Hook, hook_of
from tests.interleavings.ledger import Ledger
from tests.interleavings.sides import Sides
from tests.interleavings.unseen import Entries

_PAGE: Final = 3
_SELDOM_S: Final = 60
_DOCUMENTS: Final[dict[Format, Document]] = {Format.JSON: JsonDocument(), Format.XML: XmlDocument()}
T = TypeVar("T")


class Book:
    """The records of one feed. Implements `tests.interleavings.place.Place`. `hook` is there once it is connected."""

    def __init__(self, sandbox: Sandbox, name: str, ledger: Ledger, shape: Shape) -> None:
        self._sandbox = sandbox
        self._name = name
        self._ledger = ledger
        self._shape = shape
        self._document = _DOCUMENTS[shape.format]
        self._hook: Hook | None = None
        self._entries = Entries()
        self._watch: Watch | None = None

    def settings(self) -> dict[str, Any]:
        whole = f"{self._sandbox.url}/feeds/{self._name}"
        one = f"{whole}/{{id}}"
        write: dict[str, Any] = {
            "upsert": {"method": "PUT", "url": one},
            "delete": {"method": "DELETE", "url": one},
        }
        match self._shape.writing:
            case Writing.FIELDS:
                write["upsert"]["method"], write["insert"] = "PATCH", {"method": "POST", "url": whole}
            case Writing.BATCH:
                write = {name: {**request, "url": whole} for name, request in write.items()} | {"batchSize": 4}
        feed: dict[str, Any] = {"url": whole, "write": write}
        if self._shape.paged:
            feed |= {
                "url": f"{whole}?size={_PAGE}",
                "pagination": {"kind": "NEXT_URL", "next": self._document.following},
            }
        columns = [{"name": "city", "field": self._document.city}]
        # Who tells by a hook is not asked often.
        return {"feed": feed, "columns": columns, **({"pollSeconds": _SELDOM_S} if self._shape.hooked else {})}

    def fill(self, rows: int) -> None:
        records = [
            {"id": key, "name": f"n{key}", "city": f"c{key}", "qty": key, "note": f"m{key}"}
            for key in range(1, rows + 1)
        ]
        self._sandbox.do(lambda office: self._put(office, records))

    @property
    def hook(self) -> Hook:
        assert self._hook is not None
        return self._hook

    async def connect(self, sides: Sides) -> None:
        self._hook = Hook(**await hook_of(sides))
        self._watch = self._sandbox.do(lambda office: office.recorder.watch)

    def lines(self) -> list[dict[str, Any]]:
        return self._sandbox.do(self._records)

    def tidy(self) -> None:
        def work(office: Office) -> None:
            office.recorder.watch = self._watch

        self._sandbox.do(work)

    def is_unseen(self, value: str) -> bool:
        def work(office: Office) -> bool:
            here = f"/feeds/{self._name}"
            calls = [
                call
                for call in office.recorder.calls
                if call.path.startswith(f"{here}/")
                # A look begins with the first page.
                or (call.path == here and "offset" not in call.query)
            ]
            return self._entries.is_unseen(value, sorted(calls, key=attrgetter("at")))

        return self._sandbox.do(work)

    # ---- what the owner does

    def edit(self, row: int, column: str, value: str | int) -> bool:
        """Enters a value over that of a record; False where there are none."""
        return self._sandbox.do(lambda office: self._edit(office, row, column, value))

    def edit_between(self, row: int, column: str, value: str | int) -> None:
        """The same right after we have read the next time, before whatever we do then. Else it is not entered."""
        self._ledger.forget([value])

        def work(office: Office) -> None:
            others = office.recorder.watch

            def watch(exchange: Exchange) -> None:
                if exchange.method == "GET" and exchange.raw_path == f"/feeds/{self._name}":
                    office.recorder.watch = others
                    if self._edit(office, row, column, value):
                        self._ledger.entered[str(value)] = "feed edit between a look and a write"
                if others is not None:
                    others(exchange)

            office.recorder.watch = watch

        self._sandbox.do(work)

    def _edit(self, office: Office, row: int, column: str, value: str | int) -> bool:
        def work(records: list[Record]) -> bool:
            if not records:
                return False
            record = records[row % len(records)]
            self._ledger.forget([record[column]])
            record[column] = value
            return True

        return self._change_in(office, work, [str(value)])

    def add(self, at: int, key: int, name: str) -> None:
        """A record among the others, with fields left out."""
        self._change(lambda records: records.insert(at % (len(records) + 1), {"id": key, "name": name}), [name])

    def remove(self, row: int) -> None:
        def work(records: list[Record]) -> None:
            if records:
                self._ledger.forget(records.pop(row % len(records)).values())

        self._change(work)

    def clear(self) -> None:
        def work(records: list[Record]) -> None:
            for record in records:
                self._ledger.forget(record.values())
            records.clear()

        self._change(work)

    def reverse(self) -> None:
        self._change(lambda records: records.reverse())

    def _change(self, work: Callable[[list[Record]], T], entered: list[str] | None = None) -> T:
        return self._sandbox.do(lambda office: self._change_in(office, work, entered))

    def _change_in(self, office: Office, work: Callable[[list[Record]], T], entered: list[str] | None = None) -> T:
        records = self._records(office)
        self._entries.enter(entered or (), office.settings.clock())
        done = work(records)
        self._put(office, records)
        return done

    def _records(self, office: Office) -> list[Record]:
        feed = office.feeds.get(self._name)
        assert feed is not None
        return self._document.load(feed.body)

    def _put(self, office: Office, records: list[Record]) -> None:
        office.feeds.put(self._name, self._document.content_type, self._document.dump(records), "id")
