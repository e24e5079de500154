"""The bodies of the calls that write: plans in, Google's JSON out. Pure.

Values go RAW, so that no text ever becomes a formula, a number or a date. New rows are inserted, never written over
blank ones: wherever somebody else's rows went meanwhile, an inserted row is nobody's.
Source: https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/request
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from db.sources import Column
from db.wire import ColumnType
from sync.sheets.arrays import is_array
from sync.sheets.chunks import Block, runs
from sync.sheets.grid import Grid, column_letters, quote_title
from sync.sheets.plan import CellWrite, StructurePlan
from sync.sheets.repair import Entered, Restore, entered
from sync.sheets.rows import Rows
from sync.source import Cell, Edit

Request = Mapping[str, Any]

_NUMBER_FORMATS: Final[Mapping[ColumnType, Mapping[str, str]]] = {
    ColumnType.DATE: {"type": "DATE", "pattern": "yyyy-mm-dd"},
    ColumnType.TIMESTAMP: {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm:ss"},
    ColumnType.TIMESTAMPTZ: {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm:ss"},
    ColumnType.TIME: {"type": "TIME", "pattern": "hh:mm:ss"},
}


def values_body(title: str, blocks: Sequence[Block]) -> Request:
    """Of `values:batchUpdate`."""
    return {
        "valueInputOption": "RAW",
        "data": [
            {
                "range": f"{quote_title(title)}!{_corner(block.first)}:{_corner(block.last)}",
                "values": [["" if write.value is None else write.value for write in line] for line in block.lines],
            }
            for block in blocks
        ],
    }


def _corner(write: CellWrite) -> str:
    return f"{column_letters(write.place)}{write.index + 1}"


def row_requests(rows: Rows, plan: StructurePlan) -> list[Request]:
    """Of `batchUpdate`: the inserts below the last row, then the deletes from below to above."""
    requests = list(_insert(rows, plan.inserts)) if plan.inserts else []
    grid = rows.grid
    if not plan.inserts and len(plan.deletes) >= grid.row_count - rows.bound.header_row - 1:
        # Google refuses to delete every row that isn't frozen.
        requests.append(_append_row(grid))
    requests.extend(
        {"deleteDimension": {"range": _lines(grid, lines[0], lines[-1] + 1)}}
        for lines in reversed(list(runs(sorted(plan.deletes.values()))))
    )
    return requests


def reinsert_requests(grid: Grid, lines: Sequence[int]) -> list[Request]:
    """Put lines of an earlier grid back, as they were entered, where they were."""
    requests: list[Request] = [_append_row(grid)]
    for index in sorted(lines):
        computed = (place + 1 for place in range(grid.column_count) if (index, place) in grid.computed)
        width = max([len(grid.row(index)), *computed])
        cells = [_cell_data(entered(grid, index, place)) for place in range(width)]
        requests.append(_insert_lines(grid, index, 1, inherit=index > 0))
        requests.append(_update_cells(grid, index, 0, [cells]))
    return requests


def restore_requests(grid: Grid, restores: Sequence[Restore]) -> list[Request]:
    """Put single cells back to what they held."""
    return [_update_cells(grid, restore.index, restore.place, [[_cell_data(restore.entered)]]) for restore in restores]


def key_column_requests(grid: Grid, header_row: int, header: str) -> list[Request]:
    """Append a column behind all others, put the header there, and hide it."""
    place = grid.column_count
    return [
        {"appendDimension": {"sheetId": grid.sheet_id, "dimension": "COLUMNS", "length": 1}},
        _update_cells(grid, header_row, place, [[_cell_data(Entered(header))]]),
        {
            "updateDimensionProperties": {
                "range": {
                    "sheetId": grid.sheet_id,
                    "dimension": "COLUMNS",
                    "startIndex": place,
                    "endIndex": place + 1,
                },
                "properties": {"hiddenByUser": True},
                "fields": "hiddenByUser",
            }
        },
    ]


def _insert(rows: Rows, inserts: Sequence[Edit]) -> Iterator[Request]:
    grid, template = rows.grid, rows.last
    at, count = template + 1, len(inserts)
    has_rows = template > rows.bound.header_row
    if at >= grid.row_count:
        yield _append_row(grid)
    yield _insert_lines(grid, at, count, inherit=has_rows)
    copied = _formula_places(rows, template, inserts) if has_rows else []
    left_alone = {*copied, *_filled_places(rows, template, at)}
    columns_at = {place: column for column, place in rows.bound.columns if place not in left_alone}
    for places in runs(sorted(columns_at)):
        written = [columns_at[place] for place in places]
        lines = [[_inserted(edit, column, formats=not has_rows) for column in written] for edit in inserts]
        yield _update_cells(grid, at, places[0], lines, formats=not has_rows)
    for places in runs(copied):
        columns = {"startColumnIndex": places[0], "endColumnIndex": places[-1] + 1, "sheetId": grid.sheet_id}
        yield {
            "copyPaste": {
                "source": {**columns, "startRowIndex": template, "endRowIndex": template + 1},
                "destination": {**columns, "startRowIndex": at, "endRowIndex": at + count},
                "pasteType": "PASTE_FORMULA",
            }
        }


def _formula_places(rows: Rows, template: int, inserts: Sequence[Edit]) -> list[int]:
    """The columns whose formula the new rows get; a cell that the table has a value for keeps the value."""
    bound = {place: column for column, place in rows.bound.columns}
    return sorted(
        place
        for place in range(rows.grid.column_count)
        if (formula := rows.grid.computed.get((template, place)))
        and not is_array(formula)
        and (place not in bound or _gives_way(bound[place], inserts))
    )


def _filled_places(rows: Rows, template: int, at: int) -> set[int]:
    """The bound columns that a formula elsewhere fills, or will fill, in the new rows: an entry would block it."""
    computed = rows.grid.computed
    return {
        place
        for _, place in rows.bound.columns
        if place in rows.arrays or computed.get((template, place)) == "" or computed.get((at, place)) == ""
    }


def _gives_way(column: Column, inserts: Sequence[Edit]) -> bool:
    return column.read_only or all(not edit.cells or edit.cells.get(column.name) is None for edit in inserts)


def _inserted(edit: Edit, column: Column, *, formats: bool) -> dict[str, Any]:
    assert edit.cells is not None
    cell = _cell_data(Entered(edit.cells.get(column.name)))
    if formats and column.type in _NUMBER_FORMATS:
        cell["userEnteredFormat"] = {"numberFormat": _NUMBER_FORMATS[column.type]}
    return cell


def _cell_data(content: Entered) -> dict[str, Any]:
    if content.formula is not None:
        return {"userEnteredValue": {"formulaValue": content.formula}}
    value: Cell = content.value
    if value is None or value == "":
        return {}
    if isinstance(value, bool):
        return {"userEnteredValue": {"boolValue": value}}
    return {"userEnteredValue": {"numberValue": value} if isinstance(value, float) else {"stringValue": value}}


def _update_cells(
    grid: Grid, index: int, place: int, lines: Sequence[Sequence[Request]], *, formats: bool = False
) -> Request:
    return {
        "updateCells": {
            "start": {"sheetId": grid.sheet_id, "rowIndex": index, "columnIndex": place},
            "rows": [{"values": line} for line in lines],
            "fields": "userEnteredValue,userEnteredFormat.numberFormat" if formats else "userEnteredValue",
        }
    }


def _insert_lines(grid: Grid, index: int, count: int, *, inherit: bool) -> Request:
    return {"insertDimension": {"range": _lines(grid, index, index + count), "inheritFromBefore": inherit}}


def _append_row(grid: Grid) -> Request:
    return {"appendDimension": {"sheetId": grid.sheet_id, "dimension": "ROWS", "length": 1}}


def _lines(grid: Grid, start: int, end: int) -> Mapping[str, Any]:
    return {"sheetId": grid.sheet_id, "dimension": "ROWS", "startIndex": start, "endIndex": end}
