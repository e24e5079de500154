"""Puts back what writes by address hit by accident, whoever sent them: by looking, writing and looking again.

What is about to be written is in doubt from before it is sent until it was judged, so that an accident outlives neither
the process nor Google's absence.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import uuid4

import structlog

from db.errors import SourceUnreachable
from db.sources import SheetBinding, Source
from sync.google.errors import GoogleBusy
from sync.sheets.calls import SheetCalls
from sync.sheets.grid import Grid
from sync.sheets.layout import in_order_of, misplaced_lines
from sync.sheets.locate import read_back
from sync.sheets.plan import CellWrite, StructurePlan
from sync.sheets.repair import Damage, displaced_cells, displaced_deletes, moved_along, restores
from sync.sheets.requests import reinsert_requests, restore_requests, row_requests
from sync.sheets.rows import Rows
from sync.sheets.sent import Sent
from sync.source import Edit, InDoubt

log = structlog.get_logger(__name__)

_ROUNDS: Final = 8


class Mender:
    """Of one worksheet, for one read or write of it."""

    def __init__(self, calls: SheetCalls, source: Source, binding: SheetBinding, in_doubt: InDoubt) -> None:
        self._calls = calls
        self._source = source
        self._binding = binding
        self._in_doubt = in_doubt
        self._kept: list[str] = []

    async def look(self) -> Rows:
        """The worksheet as it is, whatever became of its columns."""
        return await read_back(self._calls, self._source, self._binding)

    async def sending(
        self,
        grid: Grid,
        *,
        cells: Sequence[CellWrite] = (),
        inserts: Sequence[Edit] = (),
        deletes: Mapping[str, int] | None = None,
    ) -> None:
        """This is about to be sent by the addresses of `grid`."""
        sent = Sent(self._binding.spreadsheet, grid, cells, inserts, deletes or {})
        self._kept.append(uuid4().hex)
        await self._in_doubt.keep(self._kept[-1], await self._calls.session.compute(sent.encoded))

    async def judged(self, error: GoogleBusy | None = None) -> None:
        """What it hit is put back. What may still be carried out after the `error` stays in doubt."""
        if error is None or error.over:
            await self._in_doubt.forget(self._kept)
        self._kept = []

    async def put_back_cells(self, before: Rows, after: Rows, damages: Sequence[Damage]) -> Rows:
        """The sheet as it is once these are as they were; `before` and `after` are the looks that show the damages."""
        failed = 0
        for _ in range(_ROUNDS):
            due = restores(after, damages)
            if not due:
                return after
            log.warning("rows moved while they were written; putting back what was hit", cells=len(due))
            # A row that moves again is hit by what is put back: look for that as for any write.
            sent = [
                CellWrite(damage.key, "", restore.index, restore.place, restore.entered.value)
                for damage, restore in due
                if damage.key is not None and restore.entered.formula is None
            ]
            await self.sending(after.grid, cells=sent)
            try:
                await self._calls.write_batch(restore_requests(after.grid, [restore for _, restore in due]))
            except GoogleBusy as error:
                failed += 1
                await self._calls.wait_after(error, failed)
            before, after = after, await self.look()
            damages = moved_along([damage for damage, _ in due], before, after) + displaced_cells(before, after, sent)
        raise SourceUnreachable(_restless(after))

    async def take_out_rows(self, before: Rows, after: Rows, inserts: Sequence[Edit]) -> Rows:
        """Delete rows that were inserted while columns moved; the next run inserts them as the columns are by then."""
        for failed in range(1, _ROUNDS):
            lines = misplaced_lines(before, after, inserts)
            if not lines:
                return after
            log.warning("columns moved while rows were inserted; taking the rows out", rows=len(lines))
            try:
                await self._calls.write_batch(row_requests(after, StructurePlan([], lines, ())))
            except GoogleBusy as error:
                await self._calls.wait_after(error, failed)
            after = await self.bring_back_rows(after, await self.look(), lines)
        raise SourceUnreachable(_restless(after))

    async def bring_back_rows(self, before: Rows, after: Rows, deletes: Mapping[str, int]) -> Rows:
        """Insert again what was deleted in place of a row that had moved away.

        Without keys nobody can tell which rows went: the lines were deleted as they stood.
        """
        if not after.bound.key:
            return after
        for failed in range(1, _ROUNDS):
            lines = displaced_deletes(before, after, deletes)
            if not lines:
                return after
            log.warning("rows moved while others were deleted; bringing back what was hit", rows=len(lines))
            try:
                await self._calls.write_batch(reinsert_requests(in_order_of(before, after).grid, lines))
            except GoogleBusy as error:
                await self._calls.wait_after(error, failed)
            after = await self.look()
        raise SourceUnreachable(_restless(after))


def _restless(rows: Rows) -> str:
    return (
        f"The rows of “{rows.grid.title}” move all the time, and what a write hit by accident could not be put back:"
        " the spreadsheet's version history has it."
    )
