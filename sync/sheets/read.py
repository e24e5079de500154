"""One complete, consistent read of a worksheet; lines that lack a managed key are given one on the way."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import uuid4

import structlog

from db.errors import SourceUnreachable
from db.sources import ConflictPolicy, SheetBinding, Source, SourceState
from sync.google.drive_marks import DriveMark
from sync.google.errors import GoogleBusy, GoogleRefused, WorksheetMoved
from sync.seen_columns import SeenColumns
from sync.sheets.calls import SheetCalls
from sync.sheets.chunks import cell_chunks
from sync.sheets.ids import IdWrite, misplaced_ids, missing_ids, new_row_id
from sync.sheets.locate import locate
from sync.sheets.new_columns import new_columns
from sync.sheets.plan import CellWrite
from sync.sheets.recover import WrittenIds, keep_what_was_entered, recover
from sync.sheets.repair import Restore
from sync.sheets.requests import restore_requests, values_body
from sync.sheets.rows import Rows
from sync.sheets.sent import Sent
from sync.sheets.strays import strayed_ids
from sync.sheets.tags import Tagger
from sync.source import Cell, InDoubt, LastShown, Problem, Reading

log = structlog.get_logger(__name__)

NewId = Callable[[], str]

_ID_ROUNDS: Final = 3


def random_ids(unix_ms: Callable[[], int], random_bits: Callable[[int], int] = secrets.randbits) -> NewId:
    """Makes the ids of rows, of that clock and that randomness."""
    return lambda: new_row_id(unix_ms(), random_bits(74))


async def read_sheet(
    calls: SheetCalls,
    source: Source,
    binding: SheetBinding,
    new_id: NewId,
    tagger: Tagger,
    last_shown: LastShown,
    in_doubt: InDoubt,
) -> Reading:
    """The reading that a run works on. Drive's version is taken before the values: a later change is seen again."""
    refused: GoogleRefused | None = None
    calls_before = calls.made
    recovered = await recover(calls, source, binding, in_doubt)
    sent = recovered.ids
    rounds = restores = 0
    looked = calls.made > calls_before
    while True:
        mark, modified_at = await _mark_before(calls, source, first=not looked)
        read = await calls.shared_grid(mark)
        rows = await calls.session.compute(partial(locate, source, binding, read.grid))
        looked = True
        if sent is not None and (
            strays := await calls.session.compute(partial(strayed_ids, sent.before, sent.written, rows))
        ):
            if restores == _ID_ROUNDS:
                raise SourceUnreachable(_restless(rows))
            restores += 1
            await _put_back(calls, rows, strays)
            continue
        if rows.bound.refusal is not None:
            raise SourceUnreachable(rows.bound.refusal)
        images = await last_shown(list(rows.repeated)) if source.managed_key and rows.repeated else {}
        needed = _needed_ids(source, rows, sent, new_id, images)
        lacks_ids = bool(needed) and refused is None and rounds < _ID_ROUNDS
        lacks_tags = tagger.wants(rows.bound)
        if not lacks_ids and not lacks_tags:
            break
        if lacks_tags:
            await tagger.tag(calls, rows)
        if lacks_ids:
            rounds += 1
            sent = await _in_doubt_from_now(calls, binding, in_doubt, rows, needed, sent)
            refused = await _write_ids(calls, rows, needed)
    if sent is not None and (refused is not None or not needed):
        await in_doubt.forget(sent.ids)
    await keep_what_was_entered(calls, in_doubt, recovered.late, rows)
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
    sent: WrittenIds | None,
    new_id: NewId,
    images: Mapping[str, Mapping[str, Cell]],
) -> list[IdWrite]:
    if not source.managed_key or source.state is SourceState.HELD:
        return []
    repairs = misplaced_ids(sent.before, sent.written, rows) if sent is not None else []
    if repairs:
        log.warning("ids were written while the sheet was sorted; putting them right", rows=len(repairs))
    return [*repairs, *missing_ids(rows, new_id, images)]


async def _in_doubt_from_now(
    calls: SheetCalls,
    binding: SheetBinding,
    in_doubt: InDoubt,
    rows: Rows,
    needed: Sequence[IdWrite],
    before: WrittenIds | None,
) -> WrittenIds:
    """These ids are about to be written; what went wrong with those `before` is put right by them."""
    id_, sent = uuid4().hex, Sent(binding.spreadsheet, rows.grid, ids=needed)
    await in_doubt.keep(id_, await calls.session.compute(sent.encoded))
    if before is not None:
        await in_doubt.forget(before.ids)
    return WrittenIds([id_], rows, needed)


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
