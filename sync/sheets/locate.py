"""The worksheet now, with each row located: what a write goes by, and what it is judged by."""

from functools import partial

from db.errors import SourceUnreachable
from db.sources import SheetBinding, Source
from sync.sheets.binding import bind
from sync.sheets.calls import SheetCalls
from sync.sheets.grid import Grid
from sync.sheets.rows import Rows, read_rows


async def read_located(calls: SheetCalls, source: Source, binding: SheetBinding) -> Rows:
    """The worksheet now, each row located, to write to. Raises SourceUnreachable, also where a bound header is gone."""
    rows = await read_back(calls, source, binding)
    refuse_lost(rows)
    return rows


async def read_back(calls: SheetCalls, source: Source, binding: SheetBinding) -> Rows:
    """The worksheet right after a write, whatever became of its columns: what was hit has to be found first."""
    grid = await calls.grid()
    return await calls.session.compute(partial(locate, source, binding, grid))


def refuse_lost(rows: Rows) -> None:
    """SourceUnreachable where a bound column is gone, or can't be told from another."""
    if rows.bound.refusal is not None:
        raise SourceUnreachable(rows.bound.refusal)
    if rows.bound.lost:
        names = ", ".join(rows.bound.lost)
        raise SourceUnreachable(f"The headers of {names} went while the sheet was written: the next run looks again.")


def refuse_keyless(rows: Rows) -> None:
    """SourceUnreachable where a key column is gone: nobody can tell then which rows a call hit."""
    if not rows.bound.key:
        raise SourceUnreachable(rows.bound.refusal or "The key's header is gone.")


def locate(source: Source, binding: SheetBinding, grid: Grid) -> Rows:
    """The rows of a grid. Takes long, of a large one."""
    return read_rows(bind(source, binding, grid), grid)
