"""A worksheet as a source: the adapter that the engine reads and writes through."""

from collections.abc import MutableMapping, MutableSet, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from db.sources import Source
from sync.google.drive_marks import DriveMarks
from sync.google.session import GoogleSession
from sync.sheets.calls import SheetCalls, Worksheet
from sync.sheets.read import NewId, read_sheet
from sync.sheets.shared_reads import Place, SharedReads
from sync.sheets.tags import Tagger
from sync.sheets.write import SheetWriter
from sync.source import (
    NOTHING_IN_DOUBT,
    UNKEPT,
    Edit,
    InDoubt,
    LastShown,
    Mark,
    Reading,
    RowCalls,
    TermCheck,
    WriteOutcome,
    nothing_shown,
)


@dataclass(frozen=True, slots=True)
class Shared:
    """What the sources of one credential have in common: Drive's marks, reads, and the titles of worksheets as last
    seen, by spreadsheet and worksheet id, so that a renamed one is looked up once."""

    marks: DriveMarks = field(default_factory=DriveMarks)
    reads: SharedReads = field(default_factory=SharedReads)
    titles: MutableMapping[Place, str] = field(default_factory=dict)


class SheetSource:
    """One source's worksheet, for one run. `check` is asked right before every call, and may raise.

    `untaggable` are the sources whose sheet takes no tags, as far as this process knows.
    """

    def __init__(
        self,
        session: GoogleSession,
        source: Source,
        check: TermCheck,
        new_id: NewId,
        shared: Shared,
        untaggable: MutableSet[UUID],
    ) -> None:
        assert source.sheet is not None
        self._session = session
        self._source = source
        self._binding: Final = source.sheet
        self._check = check
        self._new_id = new_id
        self._shared = shared
        self._place = source.sheet.spreadsheet, source.sheet.sheet_id
        self._untaggable = untaggable

    async def mark(self) -> Mark:
        """Drive's version of the file: it rises with every change of the spreadsheet. Asks unless it is known."""
        calls = self._calls()
        mark = calls.known_mark() or await calls.mark()
        return {"version": mark.version}

    async def read(self, last_shown: LastShown = nothing_shown, in_doubt: InDoubt = NOTHING_IN_DOUBT) -> Reading:
        """The whole worksheet, consistent in itself."""
        calls = self._calls()
        tagger = Tagger(self._source, self._untaggable)
        reading = await read_sheet(calls, self._source, self._binding, self._new_id, tagger, last_shown, in_doubt)
        self._remember(calls)
        return reading

    async def write(
        self, edits: Sequence[Edit], row_calls: RowCalls = UNKEPT, in_doubt: InDoubt = NOTHING_IN_DOUBT
    ) -> WriteOutcome:
        """Carry out the edits. What came of each is read back."""
        calls = self._calls()
        try:
            outcome = await SheetWriter(calls, self._source, self._binding, row_calls, in_doubt).write(edits)
        finally:
            self._shared.reads.forget(self._place)
        self._remember(calls)
        return outcome

    def _calls(self) -> SheetCalls:
        spreadsheet, sheet_id = self._place
        title = self._shared.titles.get(self._place, self._binding.worksheet)
        return SheetCalls(
            self._session,
            spreadsheet,
            Worksheet(sheet_id, title),
            self._check,
            self._shared.marks,
            self._shared.reads,
        )

    def _remember(self, calls: SheetCalls) -> None:
        self._shared.titles[self._place] = calls.title
