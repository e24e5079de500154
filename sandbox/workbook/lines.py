"""What rows and columns are besides their cells: sized, hidden, frozen."""

from dataclasses import replace

from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension


def set_lines(
    sheet: Sheet, dimension: Dimension, start: int, end: int, hidden: bool | None = None, pixels: int | None = None
) -> None:
    """Hides, shows and sizes rows or columns, from `start` to `end - 1` as far as there are any; what is None stays."""
    if dimension is Dimension.ROWS:
        for index in range(start, min(end, sheet.row_count)):
            row = sheet.rows[index]
            if hidden not in (None, row.hidden) or pixels not in (None, row.pixels):
                sheet.replace_row(index, hidden=hidden, pixels=pixels)
        return
    for index in range(start, min(end, sheet.column_count)):
        column = sheet.columns[index]
        sheet.columns[index] = replace(
            column,
            hidden=column.hidden if hidden is None else hidden,
            pixels=column.pixels if pixels is None else pixels,
        )


def freeze(sheet: Sheet, rows: int, columns: int) -> None:
    """The first rows and columns stay in sight.

    Raises:
        InvalidArgument: that would be all of them.
    """
    if rows < 0 or columns < 0:
        raise InvalidArgument("Frozen rows and columns count from 0.")
    if rows >= sheet.row_count or columns >= sheet.column_count:
        raise InvalidArgument("You can't freeze all the rows or columns on the sheet.")
    sheet.frozen_rows, sheet.frozen_columns = rows, columns
