"""One complete, consistent read of a worksheet; lines that lack a managed key are given one on the way."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from db.errors import SourceUnreachable
from db.sources import ConflictPolicy, SheetBinding, Source, SourceState
from sync.google.drive_marks import DriveMark
from sync.google.errors import GoogleBusy, GoogleRefused, WorksheetMoved
from sync.seen_columns import SeenColumns
from sync.sheets.binding import bind
from sync.sheets.calls import SheetCalls
from sync.sheets.chunks import cell_chunks
from sync.sheets.grid import Grid
from sync.sheets.ids import IdWrite, misplaced_ids, missing_ids, new_row_id
from sync.sheets.new_columns import new_columns
from sync.sheets.plan import CellWrite
from sync.sheets.repair import Restore
from sync.sheets.requests import restore_requests, values_body
from sync.sheets.rows import Rows, read_rows
from sync.sheets.strays import strayed_ids
from sync.sheets.tags import Tagger
from sync.source import Cell, LastShown, Problem, Reading

log = structlog.get_logger(__name__)

NewId = Callable[[], str]

_ID_ROUNDS: Final = 3


def random_ids(unix_ms: Callable[[], int], random_bits: Callable[[int], int] = secrets.randbits) -> NewId:
    """Makes the ids of rows, of that clock and that randomness."""
    return lambda: new_row_id(unix_ms(), random_bits(74))


async def read_located(calls: SheetCalls, source: Source, binding: SheetBinding) -> Rows:
    """The worksheet now, each row located, to write to. Raises SourceUnreachable, also where a bound header is gone."""
    rows = await read_back(calls, source, binding)
    refuse_lost(rows)
    return rows


async def read_back(calls: SheetCalls, source: Source, binding: SheetBinding) -> Rows:
    """The worksheet right after a write, whatever became of its columns: what was hit has to be found first."""
    grid = await calls.grid()
    return await calls.session.compute(partial(_locate, source, binding, grid))


def refuse_lost(rows: Rows) -> None:
    """SourceUnreachable where a bound column is gone, or can't be told from another."""
    if rows.bound.refusal is not None:
        raise SourceUnreachable(rows.bound.refusal)
    if rows.bound.lost:
        names = ", ".join(rows.bound.lost)
        raise SourceUnreachable(f"The headers of {names} went while the sheet was written: the next run looks again.")


def _locate(source: Source, binding: SheetBinding, grid: Grid) -> Rows:
    return read_rows(bind(source, binding, grid), grid)


async def read_sheet(
    calls: SheetCalls,
    source: Source,
    binding: SheetBinding,
    new_id: NewId,
    tagger: Tagger,
    last_shown: LastShown,
) -> Reading:
    """The reading that a run works on. Drive's version is taken before the values: a later change is seen again."""
    refused: GoogleRefused | None = None
    before: Rows | None = None
    written: Sequence[IdWrite] = ()
    rounds = restores = 0
    looked = False
    while True:
        mark, modified_at = await _mark_before(calls, source, first=not looked)
        read = await calls.shared_grid(mark)
        rows = await calls.session.compute(partial(_locate, source, binding, read.grid))
        looked = True
        if before is not None and (strays := await calls.session.compute(partial(strayed_ids, before, written, rows))):
            if restores == _ID_ROUNDS:
                raise SourceUnreachable(_restless(rows))
            restores += 1
            await _put_back(calls, rows, strays)
            continue
        if rows.bound.refusal is not None:
            raise SourceUnreachable(rows.bound.refusal)
        images = await last_shown(list(rows.repeated)) if source.managed_key and rows.repeated else {}
        needed = _needed_ids(source, rows, before, written, new_id, images)
        lacks_ids = bool(needed) and refused is None and rounds < _ID_ROUNDS
        lacks_tags = tagger.wants(rows.bound)
        if not lacks_ids and not lacks_tags:
            break
        if lacks_tags:
            await tagger.tag(calls, rows)
        if lacks_ids:
            rounds += 1
            before, written = rows, needed
            refused = await _write_ids(calls, rows, needed)
    columns = SeenColumns(tagger.tagged(rows), frozenset(rows.bound.lost), await new_columns(calls, source, rows))
    return Reading(
        rows=[located.row for located in rows.by_key.values()],
        problems=[*rows.problems(), *_id_problems(rows, refused)],
        unsure=rows.unsure or bool(needed),
        mark={"version": read.mark.version},
        modified_at=modified_at,
        calls=calls.made,
        zone=rows.grid.zone,
        columns=columns,
    )


async def _mark_before(calls: SheetCalls, source: Source, *, first: bool) -> tuple[DriveMark, datetime | None]:
    """A mark from before the reading, and the time that no edit is later than.

    Which edit was the later one is told by the file's time as it is now; and what was just written moved the mark.
    """
    known = calls.known_mark() if first and source.conflict_policy is not ConflictPolicy.LATEST_WINS else None
    if known is not None:
        return known, None
    mark = await calls.mark()
    return mark, mark.modified_at


def _needed_ids(
    source: Source,
    rows: Rows,
    before: Rows | None,
    written: Sequence[IdWrite],
    new_id: NewId,
    images: Mapping[str, Mapping[str, Cell]],
) -> list[IdWrite]:
    if not source.managed_key or source.state is SourceState.HELD:
        return []
    repairs = misplaced_ids(before, written, rows) if before is not None else []
    if repairs:
        log.warning("ids were written while the sheet was sorted; putting them right", rows=len(repairs))
    return [*repairs, *missing_ids(rows, new_id, images)]


async def _write_ids(calls: SheetCalls, rows: Rows, needed: Sequence[IdWrite]) -> GoogleRefused | None:
    """What Google refused; anything else that goes wrong shows in the next look at the sheet."""
    place = rows.bound.key[0][1]
    cells = [CellWrite("", "", write.index, place, write.id) for write in needed]
    try:
        for chunk in await calls.session.compute(partial(cell_chunks, rows.grid.title, cells)):
            await calls.write_values(values_body(rows.grid.title, chunk))
    except GoogleRefused as error:
        return error
    except (GoogleBusy, WorksheetMoved) as error:
        log.info("ids may not have been written; looking again", reason=str(error))
    return None


async def _put_back(calls: SheetCalls, rows: Rows, strays: Sequence[Restore]) -> None:
    """What comes of it shows in the next look."""
    log.warning("columns moved while ids were written; putting back what was hit", cells=len(strays))
    try:
        await calls.write_batch(restore_requests(rows.grid, strays))
    except GoogleBusy as error:
        log.info("ids may still be where they went; looking again", reason=str(error))


def _restless(rows: Rows) -> str:
    return (
        f"The columns of “{rows.grid.title}” move all the time, and what ids of rows hit by accident could not be put"
        " back: the spreadsheet's version history has it."
    )


def _id_problems(rows: Rows, refused: GoogleRefused | None) -> list[Problem]:
    if refused is None:
        return []
    place = rows.bound.key[0][1]
    message = (
        f"rowcast can't write the ids of new rows into column {rows.bound.key[0][0].field}: {refused.reason} Allow the"
        " service account to edit that column."
    )
    return [Problem("KEY_REFUSED", message, address=rows.grid.address(rows.bound.header_row, place))]
