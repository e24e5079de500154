"""From a source to what reads and writes it: one Google session for each credential, shared by all of its sources."""

import time
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from db.errors import SourceUnreachable
from db.sources import SheetBinding, Source
from sync.google_quota import CallKind, QuotaUse
from sync.google_session import Check, GoogleSession
from sync.inspection import SheetInspection
from sync.registration_input import WantedSheet
from sync.sheet import SheetSource
from sync.sheet_inspect import add_managed_key, inspect_sheet
from sync.sheet_read import NewId, random_ids
from sync.source import SourceAdapter

DEFAULT_CREDENTIAL: Final = "default"
"""The name of the credential that is used where a source names none."""


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000


def _anybody() -> None:
    """A look at a source needs no leadership."""


class Adapters:
    """The sessions of this process by credential name, and what is made of them.

    Serves as registration's access to sheets, too. `untaggable` are sources whose columns are found by headers alone.
    """

    def __init__(self, sessions: Mapping[str, GoogleSession], new_id: NewId | None = None) -> None:
        self._sessions = dict(sessions)
        self._new_id = new_id or random_ids(_unix_ms)
        self._titles: dict[tuple[str, int], str] = {}
        self.untaggable: Final[set[UUID]] = set()

    def adapter_for(self, source: Source, check: Check) -> SourceAdapter:
        """The source's adapter; `check` is asked before each call. SourceUnreachable without its credential."""
        assert source.sheet is not None
        session = self._session(source.sheet.credential)
        return SheetSource(session, source, check, self._new_id, self._titles, self.untaggable)

    def leading(self, check: Check) -> Callable[[Source], SourceAdapter]:
        """`adapter_for` for one leadership, whose term `check` looks at."""
        return lambda source: self.adapter_for(source, check)

    def reading(self) -> Callable[[Source], SourceAdapter]:
        """`adapter_for` for whoever leads nothing, and so may only read."""
        return lambda source: self.adapter_for(source, _anybody)

    async def inspect(self, sheet: WantedSheet) -> SheetInspection:
        """The worksheet as it stands, for registration."""
        return await inspect_sheet(self._session(sheet.credential), sheet)

    async def add_managed_key(self, binding: SheetBinding) -> None:
        """Make sure that the worksheet has the hidden key column."""
        await add_managed_key(self._session(binding.credential), binding)

    def quota(self) -> Mapping[str, Mapping[CallKind, QuotaUse]]:
        """What is used of Google's quotas now, by credential."""
        return {name: session.quota() for name, session in self._sessions.items()}

    def close(self) -> None:
        """No more calls; those under way end by their time-outs."""
        for session in self._sessions.values():
            session.close()

    def _session(self, credential: str | None) -> GoogleSession:
        name = credential or DEFAULT_CREDENTIAL
        session = self._sessions.get(name)
        if session is not None:
            return session
        if not self._sessions:
            raise SourceUnreachable(
                "There are no Google credentials: set ROWCAST_GOOGLE_CREDENTIALS to a service account's JSON key and"
                " start again."
            )
        raise SourceUnreachable(f"There is no credential “{name}”: there are {', '.join(sorted(self._sessions))}.")
