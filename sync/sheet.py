"""A worksheet as a source: the adapter that the engine reads and writes through."""

from collections.abc import MutableMapping, MutableSet, Sequence
from typing import Final
from uuid import UUID

from db.sources import Source
from sync.google_session import Check, GoogleSession
from sync.sheet_calls import SheetCalls, Worksheet
from sync.sheet_read import NewId, read_sheet
from sync.sheet_tags import Tagger
from sync.sheet_write import SheetWriter
from sync.source import Edit, Mark, Reading, WriteOutcome

Titles = MutableMapping[tuple[str, int], str]
"""The titles of worksheets as last seen, by spreadsheet and worksheet id: a renamed one is looked up once."""


class SheetSource:
    """One source's worksheet, for one run. `check` is asked right before every call, and may raise.

    `untaggable` are the sources whose sheet takes no tags, as far as this process knows.
    """

    def __init__(
        self,
        session: GoogleSession,
        source: Source,
        check: Check,
        new_id: NewId,
        titles: Titles,
        untaggable: MutableSet[UUID],
    ) -> None:
        assert source.sheet is not None
        self._session = session
        self._source = source
        self._binding: Final = source.sheet
        self._check = check
        self._new_id = new_id
        self._titles = titles
        self._untaggable = untaggable

    async def mark(self) -> Mark:
        """Drive's version of the file: it rises with every change of the spreadsheet."""
        return {"version": (await self._calls().mark()).version}

    async def read(self) -> Reading:
        """The whole worksheet, consistent in itself."""
        calls = self._calls()
        reading = await read_sheet(
            calls, self._source, self._binding, self._new_id, Tagger(self._source, self._untaggable)
        )
        self._remember(calls)
        return reading

    async def write(self, edits: Sequence[Edit]) -> WriteOutcome:
        """Carry out the edits. What came of each is read back."""
        calls = self._calls()
        outcome = await SheetWriter(calls, self._source, self._binding).write(edits)
        self._remember(calls)
        return outcome

    def _calls(self) -> SheetCalls:
        place = self._binding.spreadsheet, self._binding.sheet_id
        title = self._titles.get(place, self._binding.worksheet)
        return SheetCalls(self._session, place[0], Worksheet(place[1], title), self._check)

    def _remember(self, calls: SheetCalls) -> None:
        self._titles[self._binding.spreadsheet, self._binding.sheet_id] = calls.title
