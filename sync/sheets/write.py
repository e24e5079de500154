"""Writes edits into a worksheet that people change at the same moment.

There is no compare-and-set at Google. So: look where the rows are, write, look again; what isn't as it was meant is
left to the next run, what was hit by accident is put back: before anything else, also where a bound column went. Each
look after a write is the look before the next one, so a write whose answer was lost needs no special case: either its
values are there, or they are written again.
Rows that are inserted or deleted are the exception: sent twice they would be done twice, so where no answer came and
they don't show, the write ends.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Final

import structlog

from db.errors import SourceUnreachable
from db.sources import SheetBinding, Source
from sync.google.errors import GoogleBusy, GoogleRefused, WorksheetMoved
from sync.sheets.calls import SheetCalls
from sync.sheets.chunks import Block, blocks, cell_chunks, insert_chunks
from sync.sheets.grid import same_cell
from sync.sheets.locate import read_located, refuse_keyless, refuse_lost
from sync.sheets.mend import Mender
from sync.sheets.plan import CellWrite, StructurePlan, UpdatePlan, plan_rows, plan_updates, sheet_full
from sync.sheets.repair import displaced_cells
from sync.sheets.requests import row_requests, values_body
from sync.sheets.rows import Rows
from sync.source import Cell, Edit, InDoubt, Problem, RowCalls, WriteOutcome, Written

log = structlog.get_logger(__name__)

_MAX_REFUSALS: Final = 20
_MAX_DELETES: Final = 10_000
"""Rows that are deleted by one call: about a megabyte of JSON."""


class SheetWriter:
    """One write of one run; not used twice."""

    def __init__(
        self, calls: SheetCalls, source: Source, binding: SheetBinding, row_calls: RowCalls, in_doubt: InDoubt
    ) -> None:
        self._calls = calls
        self._row_calls = row_calls
        self._mender = Mender(calls, source, binding, in_doubt)
        self._source = source
        self._binding = binding
        self._written: dict[str, Written] = {}
        self._problems: dict[str, dict[str | None, Problem]] = defaultdict(dict)
        self._refusals = 0
        self._touched = False

    async def write(self, edits: Sequence[Edit]) -> WriteOutcome:
        """Carry out the edits: changed cells first, which moves nothing, then rows."""
        rows = await self._look()
        updates = [edit for edit in edits if edit.cells is not None and not edit.insert]
        others = [edit for edit in edits if edit.cells is None or edit.insert]
        if updates:
            rows = await self._update(rows, updates)
        if others:
            await self._insert_and_delete(rows, others)
        return WriteOutcome([self._written[edit.key] for edit in edits], self._calls.made)

    async def _look(self) -> Rows:
        return await read_located(self._calls, self._source, self._binding)

    def _settle(self, written: Sequence[Written]) -> None:
        for one in written:
            found = self._problems[one.key]
            found.update((problem.column, problem) for problem in one.problems)
            self._written[one.key] = Written(one.key, one.row, list(found.values()), one.moved_on)

    # Cells

    async def _update(self, rows: Rows, edits: Sequence[Edit]) -> Rows:
        failed = 0
        while True:
            left = [edit for edit in edits if edit.key not in self._written]
            plan = await self._calls.session.compute(partial(plan_updates, rows, left))
            self._settle(plan.settled)
            if not plan.writes:
                return rows
            await self._mender.sending(rows.grid, cells=plan.writes)
            busy = await self._send_cells(rows, plan.writes)
            if self._touched:
                rows = await self._put_back(rows, await self._mender.look(), plan.writes)
            await self._mender.judged(busy)
            refuse_lost(rows)
            if busy is None:
                self._settle(_outcome(rows, plan, self._problems))
            else:
                failed += 1
                await self._calls.wait_after(busy, failed)
                rows = await self._look()

    async def _put_back(self, before: Rows, after: Rows, writes: Sequence[CellWrite]) -> Rows:
        damages = await self._calls.session.compute(partial(displaced_cells, before, after, writes))
        return await self._mender.put_back_cells(before, after, damages)

    async def _send_cells(self, rows: Rows, writes: Sequence[CellWrite]) -> GoogleBusy | None:
        """Send all; what is refused becomes a problem of its cell. The error if an answer was lost or denied.

        `_touched` says then whether any cell may have been written.
        """
        self._touched = False
        try:
            for chunk in await self._calls.session.compute(partial(cell_chunks, rows.grid.title, writes)):
                await self._send_or_bisect(rows, chunk)
        except GoogleBusy as error:
            self._touched = self._touched or not error.unsent
            return error
        except WorksheetMoved as error:
            return GoogleBusy(str(error), unsent=True)
        return None

    async def _send_or_bisect(self, rows: Rows, chunk: Sequence[Block]) -> None:
        writes = [write for block in chunk for line in block.lines for write in line]
        try:
            updated = await self._calls.write_values(values_body(rows.grid.title, chunk))
            self._touched = True
            if updated != len(writes):
                # What is read back tells which; an unprotected sheet of Google's has no reason for it but a merge.
                log.warning("not as many cells were updated as asked", asked=len(writes), updated=updated)
        except GoogleRefused as error:
            if len(writes) == 1:
                self._refuse(rows, writes[0], error)
                return
            if self._refusals >= _MAX_REFUSALS:
                log.warning("many cells are refused; the others wait for the next run", cells=len(writes))
                return
            middle = len(writes) // 2
            await self._send_or_bisect(rows, blocks(writes[:middle]))
            await self._send_or_bisect(rows, blocks(writes[middle:]))

    def _refuse(self, rows: Rows, write: CellWrite, error: GoogleRefused) -> None:
        self._refusals += 1
        address = rows.grid.address(write.index, write.place)
        problem = _refusal(error, address, write.name, write.key, write.value)
        self._problems[write.key][write.name] = problem

    # Rows

    async def _insert_and_delete(self, rows: Rows, edits: Sequence[Edit]) -> Rows:
        failed = 0
        while True:
            left = [edit for edit in edits if edit.key not in self._written]
            plan = await self._calls.session.compute(partial(plan_rows, rows, left))
            self._settle(plan.settled)
            if not plan.inserts and not plan.deletes:
                return rows
            if len(insert_chunks(plan.inserts)) > 1:
                # Between several calls rows may move: the deletes go after another look.
                plan = replace(plan, deletes={})
            elif len(plan.deletes) > _MAX_DELETES:
                plan = replace(plan, deletes=dict(islice(plan.deletes.items(), _MAX_DELETES)))
            await self._mender.sending(rows.grid, inserts=plan.inserts, deletes=plan.deletes)
            try:
                plan = await self._send_rows(rows, plan)
            except GoogleRefused as error:
                await self._mender.judged()
                if plan.inserts and error.is_full:
                    self._settle([Written(edit.key, None, [sheet_full(edit.key, rows.grid)]) for edit in plan.inserts])
                    continue
                rows = await self._bisect_rows(rows, edits, plan, error)
                continue
            except WorksheetMoved as error:
                await self._mender.judged()
                failed += 1
                await self._calls.wait_after(GoogleBusy(str(error), unsent=True), failed)
                rows = await self._look()
                continue
            except GoogleBusy as error:
                failed += 1
                rows = await self._after_busy(rows, plan, error, failed)
                continue
            after = await self._mender.bring_back_rows(rows, await self._mender.look(), plan.deletes)
            after = await self._mender.take_out_rows(rows, after, plan.inserts)
            refuse_keyless(after)
            await self._mender.judged()
            refuse_lost(after)
            self._settle(_rows_outcome(after, plan))
            rows = after

    async def _after_busy(self, rows: Rows, plan: StructurePlan, error: GoogleBusy, failed: int) -> Rows:
        """The sheet to plan on. SourceUnreachable if what was sent may still be carried out."""
        if error.over:
            await self._calls.wait_after(error, failed)
        after = await self._mender.look()
        if not error.unsent:
            after = await self._mender.bring_back_rows(rows, after, plan.deletes)
            after = await self._mender.take_out_rows(rows, after, plan.inserts)
            refuse_keyless(after)
        await self._mender.judged(error)
        refuse_lost(after)
        if not error.over and any(edit.key not in after.by_key for edit in plan.inserts):
            raise SourceUnreachable(
                f"{error} Whether rows were inserted is not known yet: the next run looks, and goes on."
            ) from error
        if not error.over and any(key in after.by_key for key in plan.deletes):
            raise SourceUnreachable(
                f"{error} Whether rows were deleted is not known yet: the next run looks, and goes on."
            ) from error
        await self._row_calls.over()
        return after

    async def _send_rows(self, rows: Rows, plan: StructurePlan) -> StructurePlan:
        """What of the plan was carried out: all of it, or what went before a chunk that was refused."""
        inserted: list[Edit] = []
        # All chunks are inserted at the same place, so the last one goes first.
        for chunk in reversed(insert_chunks(plan.inserts) or [[]]):
            requests = await self._calls.session.compute(
                partial(row_requests, rows, StructurePlan(chunk, plan.deletes, ()))
            )
            await self._row_calls.sent()
            try:
                await self._calls.write_batch(requests)
            except GoogleBusy as error:
                # Without an answer it may be carried out from now on, too.
                await (self._row_calls.over() if error.over else self._row_calls.sent())
                raise
            except GoogleRefused:
                await self._row_calls.over()
                if inserted:
                    return StructurePlan(inserted, {}, ())
                raise
            except SourceUnreachable:
                await self._row_calls.over()
                raise
            await self._row_calls.over()
            inserted += chunk
        return plan

    async def _bisect_rows(self, rows: Rows, edits: Sequence[Edit], plan: StructurePlan, error: GoogleRefused) -> Rows:
        tried = {edit.key for edit in plan.inserts} | set(plan.deletes)
        open_edits = [edit for edit in edits if edit.key in tried]
        if len(open_edits) == 1:
            self._refusals += 1
            (edit,) = open_edits
            row = rows.by_key[edit.key].row if edit.key in rows.by_key else None
            problem = _refusal(error, row.address if row else None, None, edit.key, None)
            self._settle([Written(edit.key, row, [problem])])
            return rows
        if self._refusals >= _MAX_REFUSALS:
            log.warning("many rows are refused; the others wait for the next run", rows=len(open_edits))
            self._settle([Written(edit.key, None, moved_on=True) for edit in open_edits])
            return rows
        middle = len(open_edits) // 2
        rows = await self._insert_and_delete(await self._look(), open_edits[:middle])
        return await self._insert_and_delete(await self._look(), open_edits[middle:])


def _outcome(after: Rows, plan: UpdatePlan, refused: Mapping[str, Mapping[str | None, Problem]]) -> list[Written]:
    """What became of each edit whose cells were sent: as asked, refused in part, or overtaken by somebody."""
    wanted: dict[str, list[CellWrite]] = defaultdict(list)
    for write in plan.writes:
        wanted[write.key].append(write)
    written = []
    for key, cells in wanted.items():
        located = after.by_key.get(key)
        row = located.row if located else None
        overtaken = row is None or any(
            cell.name in row.errors or not same_cell(row.cells.get(cell.name), cell.value)
            for cell in cells
            if cell.name not in refused.get(key, {})
        )
        written.append(Written(key, row, plan.problems[key], moved_on=overtaken))
    return written


def _rows_outcome(after: Rows, plan: StructurePlan) -> list[Written]:
    written = []
    for edit in plan.inserts:
        located = after.by_key.get(edit.key)
        written.append(Written(edit.key, located.row if located else None, moved_on=located is None))
    for key in plan.deletes:
        located = after.by_key.get(key)
        written.append(Written(key, located.row if located else None, moved_on=located is not None))
    return written


def _refusal(error: GoogleRefused, address: str | None, column: str | None, key: str, value: Cell) -> Problem:
    place = address or "the new row"
    if "protected" in error.reason:
        message = f"{place} is protected: allow the service account to edit it. Google: {error.reason}"
        return Problem("PROTECTED_CELL", message, address, column, key, value)
    message = f"Google refused the value for {place}: {error.reason}"
    return Problem("REFUSED_CELL", message, address, column, key, value)
