"""A worksheet in a real sandbox, a source bound to it, and its adapter: what the tests of the sheet source need."""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any
from uuid import uuid4

import httpx

from db.sources import (
    Column,
    ConflictPolicy,
    DeletePolicy,
    Direction,
    DriftPolicy,
    Initial,
    SheetBinding,
    Source,
    SourceKind,
    SourceState,
)
from db.wire import ColumnType
from sandbox.server import Sandbox
from sync.adapters import Adapters
from sync.google.credentials import ServiceAccount
from sync.google.quota import CallKind, QuotaLimits
from sync.google.session import GoogleSession
from sync.source import Cell, Edit, SourceAdapter, SourceRow
from tests.loopback import LOOPBACK
from tests.shared_sandbox import emptied_sandbox

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def no_sleep(seconds: float) -> None:
    """Waits are counted elsewhere; tests don't sit through them."""


def allow() -> None:
    """No leadership to lose."""


def make_session(sandbox: Sandbox, *, email: str | None = None, **settings: Any) -> GoogleSession:
    info = sandbox.service_account_info(email) if email else sandbox.service_account_info()
    given: dict[str, Any] = {
        "api_url": sandbox.url,
        "limits": QuotaLimits(100_000, 100_000),
        "sleep": no_sleep,
        "rng": random.Random(7),
        **settings,
    }
    return GoogleSession(_account(json.dumps(info)), **given)


@cache
def _account(key_file: str) -> ServiceAccount:
    """A key is read once: that takes longer than a whole test."""
    return ServiceAccount.parse(key_file)


def make_source(book: str, columns: Sequence[Column], key: Sequence[str] = ("id",), **changes: Any) -> Source:
    source = Source(
        id=uuid4(),
        name="people",
        description=None,
        kind=SourceKind.SHEET,
        state=SourceState.ACTIVE,
        state_reason=None,
        direction=Direction.TWO_WAY,
        relation="public.people",
        adopted=False,
        managed_key=False,
        key=tuple(key),
        columns=tuple(columns),
        sheet=SheetBinding(book, "Sheet1", 0, 1, None),
        poll_seconds=30,
        conflict_policy=ConflictPolicy.DATABASE_WINS,
        delete_policy=DeletePolicy.PROPAGATE,
        drift_policy=DriftPolicy.ADD_COLUMNS,
        max_delete_share=0.5,
        initial=Initial.MERGE,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(source, **changes)


COLUMNS = (
    Column("id", ColumnType.INTEGER, "ID"),
    Column("name", ColumnType.TEXT, "Name"),
    Column("city", ColumnType.TEXT, "City"),
    Column("total", ColumnType.FLOAT, "Total", read_only=True),
)
LINES: Sequence[Sequence[str]] = (
    ("ID", "Name", "City", "Total"),
    ("1", "Ada", "London", "=A2*10"),
    ("2", "Grace", "Arlington", "=A3*10"),
    ("3", "Alan", "Wilmslow", "=A4*10"),
)
MANAGED_COLUMNS = (
    Column("name", ColumnType.TEXT, "Name"),
    Column("city", ColumnType.TEXT, "City"),
    Column("rowcast_id", ColumnType.TEXT, "rowcast_id"),
)


@dataclass
class Bench:
    """Names are as in `sandbox/`: `type` is what a person does, `fault` what goes wrong."""

    sandbox: Sandbox
    session: GoogleSession
    book: str
    source: Source
    adapters: Adapters = field(init=False)
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.adapters = Adapters({"default": self.session}, lambda: f"id-{next(self.ids)}")
        # Nobody stores what a reading says of the columns: they would be tagged by each anew.
        self.adapters.untaggable.add(self.source.id)

    def adapter(self, check: Callable[[], None] = allow) -> SourceAdapter:
        return self.adapters.adapter_for(self.source, check)

    def control(self, method: str, path: str, body: object = None) -> Any:
        answer = httpx.request(method, f"{self.sandbox.url}/_sandbox/{path}", json=body, **LOOPBACK, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def type(self, range_: str, values: Sequence[Sequence[str | None]], worksheet: str = "Sheet1") -> None:
        self.control("POST", "edit", self._edit(range_, values, worksheet))

    def fault(self, match: str, **how: Any) -> None:
        self.control("POST", "faults", {"match": match, **how})

    def type_after(self, match: str, range_: str, values: Sequence[Sequence[str | None]]) -> None:
        """A person types right after the call that matches was answered."""
        self.fault(match, edit=self._edit(range_, values, "Sheet1"))

    def _edit(self, range_: str, values: Sequence[Sequence[str | None]], worksheet: str) -> Mapping[str, Any]:
        return {"spreadsheet": self.book, "worksheet": worksheet, "range": range_, "values": [list(v) for v in values]}

    def calls(self) -> list[str]:
        """Method and end of the path of each call to Google's API since the last look."""
        seen = self.control("GET", "requests")
        self.control("DELETE", "requests")
        return [f"{call['method']} {call['path'].rsplit('/', 1)[-1]}" for call in seen if call["path"] != "/token"]

    async def batch(self, *requests: Mapping[str, Any]) -> None:
        """What another program does through the API."""
        body = {"requests": list(requests)}
        await self.session.attempt(CallKind.WRITE, lambda client: client.batch_update(self.book, body), allow)

    async def shown(self, range_: str = "Sheet1", render: str = "FORMULA") -> list[list[Any]]:
        """Values as entered: formulas as formulas, unless they are to be rendered otherwise."""
        answer, _ = await self.session.read(
            CallKind.READ,
            lambda client: client.values_get(self.book, range_, {"valueRenderOption": render}),
            allow,
        )
        values: list[list[Any]] = answer.get("values", [])
        return values

    async def looks(self, book: str, fields: str) -> Any:
        """The fields of a spreadsheet."""
        answer, _ = await self.session.read(
            CallKind.READ, lambda client: client.spreadsheets_get(book, {"fields": fields}), allow
        )
        return answer

    async def rows(self) -> dict[str, SourceRow]:
        return {row.key: row for row in (await self.adapter().read()).rows}


@contextmanager
def bench(
    columns: Sequence[Column] = COLUMNS,
    key: Sequence[str] = ("id",),
    lines: Sequence[Sequence[str]] = LINES,
    managed: bool = False,
    **settings: Any,
) -> Iterator[Bench]:
    """A sandbox with a workbook whose first worksheet, Sheet1, has the lines as a person typed them."""
    with emptied_sandbox() as sandbox:
        session = make_session(sandbox, **settings)
        book = sandbox.workbook_id("People")
        made = Bench(sandbox, session, book, make_source(book, columns, key, managed_key=managed))
        if lines:
            made.type("A1", lines)
        yield made
        session.close()


def update(key: str, expected: Mapping[str, Cell] | None = None, **cells: Cell) -> Edit:
    return Edit(key, cells, expected=expected or {})


def insert(key: str, **cells: Cell) -> Edit:
    return Edit(key, cells, insert=True)


def delete(key: str, **expected: Cell) -> Edit:
    return Edit(key, None, expected=expected)
