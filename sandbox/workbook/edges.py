"""Where a jump with Ctrl and an arrow ends, as in any spreadsheet: at the border between filled and empty cells."""

from sandbox.workbook.sheet import Sheet


def edge(sheet: Sheet, row: int, column: int, down: int, right: int) -> tuple[int, int]:
    """From a cell, one step (`down`, `right`) a time, one of them 0 and the other 1 or -1.

    Within filled cells the last of them; else the next filled cell; else the last cell of the grid.
    """

    def filled(row: int, column: int) -> bool:
        return sheet.rows[row].cell(column).has_content

    def inside(row: int, column: int) -> bool:
        return 0 <= row < sheet.row_count and 0 <= column < sheet.column_count

    def runs_on(row: int, column: int) -> bool:
        return inside(row, column) and filled(row, column)

    if runs_on(row, column) and runs_on(row + down, column + right):
        while runs_on(row + down, column + right):
            row, column = row + down, column + right
        return row, column
    while inside(row + down, column + right):
        row, column = row + down, column + right
        if filled(row, column):
            break
    return row, column
