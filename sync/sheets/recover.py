"""Judges the writes whose sender ended, or lost Google, before it could look back: before their values are read as a
person's edits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from db.sources import SheetBinding, Source
from sync.sheets.calls import SheetCalls
from sync.sheets.ids import IdWrite
from sync.sheets.layout import misplaced_lines
from sync.sheets.locate import locate, refuse_keyless
from sync.sheets.mend import Mender
from sync.sheets.refreshed import refreshed
from sync.sheets.repair import displaced_cells, displaced_deletes
from sync.sheets.rows import Rows
from sync.sheets.sent import Sent, decoded, is_done
from sync.source import InDoubt

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WrittenIds:
    """Ids of rows that were written by the addresses of `before`, kept as `ids` of what is in doubt."""

    ids: Sequence[str]
    before: Rows
    written: Sequence[IdWrite]


@dataclass(frozen=True, slots=True)
class Late:
    """A write, in doubt as `id`, that may still be carried out by the addresses of `before`."""

    id: str
    before: Rows
    sent: Sent


@dataclass(frozen=True, slots=True)
class Recovered:
    """What is left in doubt: ids for the reading to judge, and writes that may still come."""

    ids: WrittenIds | None
    late: Sequence[Late]


async def recover(calls: SheetCalls, source: Source, binding: SheetBinding, in_doubt: InDoubt) -> Recovered:
    """Put back what the writes in doubt hit by accident.

    A write stays in doubt for as long as it may still be carried out, and the sheet doesn't show it.
    """
    ids: WrittenIds | None = None
    late: list[Late] = []
    mender = Mender(calls, source, binding, in_doubt)
    for request in await in_doubt.all():
        sent = await calls.session.compute(partial(decoded, request.request))
        if sent is None:
            # Kept for ever it would end each run of the source, and nobody could tell more of it then.
            log.error("a write in doubt can't be read; what it hit by accident is in the spreadsheet's version history")
            await in_doubt.forget([request.id])
            continue
        before = await calls.session.compute(partial(locate, source, binding, sent.grid))
        elsewhere = (sent.spreadsheet, sent.grid.sheet_id) != (binding.spreadsheet, binding.sheet_id)
        if elsewhere or before.bound.refusal is not None:
            # The source was bound anew since: nobody can tell any more what was hit there.
            await in_doubt.forget([request.id])
            continue
        if sent.ids and source.managed_key:
            ids = WrittenIds([*(ids.ids if ids is not None else ()), request.id], before, sent.ids)
            continue
        log.info("looking back at a write whose sender could not")
        if await _judge(mender, before, sent, calls) or not request.late_s:
            await in_doubt.forget([request.id])
        else:
            late.append(Late(request.id, before, sent))
    return Recovered(ids, late)


async def keep_what_was_entered(calls: SheetCalls, in_doubt: InDoubt, late: Sequence[Late], rows: Rows) -> None:
    """What people entered since a write was sent is put back too, if it is hit after this look."""
    for one in late:
        if not await calls.session.compute(partial(_has_hit, one, rows)):
            grid = await calls.session.compute(partial(refreshed, one.before, rows, one.sent.cells))
            if grid is not None:
                sent = replace(one.sent, grid=grid)
                await in_doubt.keep_instead(one.id, await calls.session.compute(sent.encoded))


def _has_hit(late: Late, after: Rows) -> bool:
    """Whether it arrived before this look, and where it should not have: the next run judges it."""
    sent, before = late.sent, late.before
    return bool(
        displaced_cells(before, after, sent.cells, later=True)
        or displaced_deletes(before, after, sent.deletes, later=True)
        or misplaced_lines(before, after, sent.inserts)
    )


async def _judge(mender: Mender, before: Rows, sent: Sent, calls: SheetCalls) -> bool:
    """Whether it was carried out: what it wrote shows, or what it hit did. SourceUnreachable where nobody can tell."""
    after = await mender.look()
    damages = await calls.session.compute(partial(displaced_cells, before, after, sent.cells, later=True))
    after = await mender.put_back_cells(before, after, damages)
    gone = displaced_deletes(before, after, sent.deletes, later=True)
    if gone:
        after = await mender.bring_back_rows(before, after, sent.deletes)
    misplaced = misplaced_lines(before, after, sent.inserts)
    if misplaced:
        after = await mender.take_out_rows(before, after, sent.inserts)
    await mender.judged()
    # Its rows are judged once their keys are there again.
    refuse_keyless(after)
    return bool(damages or gone or misplaced) or is_done(sent, after)
