"""New headers of a worksheet as columns: their types, from all their values and how these are shown."""

from collections.abc import Sequence

from db.sources import Column, Source
from sync.seen_columns import NewColumn, takes_columns
from sync.sheets.answer import FORMATS_MASK
from sync.sheets.calls import SheetCalls
from sync.sheets.grid import Grid, column_letters
from sync.sheets.rows import Rows
from sync.values.infer import Sample, infer


async def new_columns(calls: SheetCalls, source: Source, rows: Rows) -> tuple[NewColumn, ...]:
    """The columns of headers that no column has. Asks how they are formatted, where that decides on a type."""
    new = rows.bound.new
    if not new:
        return ()
    columns: Sequence[Column] = [column for column, _ in new]
    if takes_columns(source):
        places = [place for _, place in new]
        span = f"{column_letters(min(places))}:{column_letters(max(places))}"
        grid = await calls.grid(FORMATS_MASK, span)
        columns = await calls.session.compute(lambda: [_typed(column, place, rows, grid) for column, place in new])
    return tuple(
        NewColumn(column, rows.grid.address(rows.bound.header_row, place))
        for column, (_, place) in zip(columns, new, strict=True)
    )


def _typed(column: Column, place: int, rows: Rows, shown: Grid) -> Column:
    lines = range(rows.bound.header_row + 1, len(shown.values))
    inferred = infer([sample(shown, index, place) for index in lines])
    return Column(column.name, inferred.type, column.field, inferred.formula)


def sample(grid: Grid, index: int, place: int) -> Sample:
    """A cell for inference."""
    return Sample(
        grid.value(index, place), grid.formats.get((index, place)) or None, formula=(index, place) in grid.computed
    )
