"""What Google's `spreadsheets.get` answers, decoded: bytes in, a grid a worksheet out. Pure.

A large sheet is a hundred megabytes of JSON. Each row is decoded by itself, into structs that are gone when its cells
are in the grid, so that no more is held than the answer and the grid.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from sync.sheets.grid import Grid, Place
from sync.source import Cell

VALUES_MASK: Final = "userEnteredValue,effectiveValue"
FORMATS_MASK: Final = f"{VALUES_MASK},effectiveFormat/numberFormat/type"

TAG_KEY: Final = "rowcast"
"""The key of our developer metadata."""

_SHEET_MASK: Final = "sheetId,title,gridProperties(rowCount,columnCount)"
_TAGS_MASK: Final = "columnMetadata(developerMetadata(metadataId,metadataKey))"

_ERRORS: Final[Mapping[str, str]] = {
    "DIVIDE_BY_ZERO": "#DIV/0!",
    "N_A": "#N/A",
    "NAME": "#NAME?",
    "NULL_VALUE": "#NULL!",
    "NUM": "#NUM!",
    "REF": "#REF!",
    "VALUE": "#VALUE!",
    "LOADING": "Loading...",
}


class _Error(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    message: str = ""


class _Value(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    number_value: float | None = None
    string_value: str | None = None
    bool_value: bool | None = None
    formula_value: str | None = None
    error_value: _Error | None = None


class _NumberFormat(msgspec.Struct, frozen=True, gc=False):
    type: str = ""


class _Format(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    number_format: _NumberFormat = _NumberFormat()


class _Cell(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    user_entered_value: _Value | None = None
    effective_value: _Value | None = None
    effective_format: _Format | None = None


class _Row(msgspec.Struct, frozen=True, gc=False):
    values: list[_Cell] = []


class _Metadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    metadata_id: int
    metadata_key: str = ""


class _Column(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    developer_metadata: list[_Metadata] = []


class _Block(msgspec.Struct, frozen=True, rename="camel"):
    start_row: int = 0
    start_column: int = 0
    row_data: list[msgspec.Raw] = []
    column_metadata: list[_Column] = []


class _Size(msgspec.Struct, frozen=True, rename="camel"):
    row_count: int = 0
    column_count: int = 0


class _SheetProperties(msgspec.Struct, frozen=True, rename="camel"):
    title: str
    sheet_id: int = 0
    grid_properties: _Size = _Size()


class _GridRange(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    start_row_index: int = 0
    start_column_index: int = 0
    end_row_index: int = 0
    end_column_index: int = 0


class _Sheet(msgspec.Struct, frozen=True):
    properties: _SheetProperties
    data: list[_Block] = []
    merges: list[_GridRange] = []


class _Properties(msgspec.Struct, frozen=True, rename="camel"):
    time_zone: str = "UTC"


class _Spreadsheet(msgspec.Struct, frozen=True):
    properties: _Properties = _Properties()
    sheets: list[_Sheet] = []


_spreadsheet: Final = msgspec.json.Decoder(_Spreadsheet)
_row: Final = msgspec.json.Decoder(_Row)


def fields(cell_mask: str) -> str:
    """The field mask of an answer that `parse_grids` reads, with these fields of each cell."""
    return (
        f"properties(timeZone),sheets(properties({_SHEET_MASK}),merges,"
        f"data(startRow,startColumn,{_TAGS_MASK},rowData(values({cell_mask}))))"
    )


def parse_grids(answer: bytes) -> Mapping[int, Grid]:
    """The worksheets in an answer, by their ids. msgspec.DecodeError where it is no such answer."""
    spreadsheet = _spreadsheet.decode(answer)
    zone = spreadsheet.properties.time_zone
    return {sheet.properties.sheet_id: _parse_sheet(sheet, zone) for sheet in spreadsheet.sheets}


def _parse_sheet(sheet: _Sheet, zone: str) -> Grid:
    properties = sheet.properties
    cells = _Cells()
    tags: dict[int, int] = {}
    for block in sheet.data:
        for column, about in enumerate(block.column_metadata, block.start_column):
            tags.update((one.metadata_id, column) for one in about.developer_metadata if one.metadata_key == TAG_KEY)
        for row, data in enumerate(block.row_data, block.start_row):
            cells.take(row, block.start_column, _row.decode(data).values)
    return Grid(
        title=properties.title,
        sheet_id=properties.sheet_id,
        row_count=properties.grid_properties.row_count,
        column_count=properties.grid_properties.column_count,
        zone=zone,
        values=cells.values,
        computed=cells.computed,
        errors=cells.errors,
        formats=cells.formats,
        tags=tags,
        covered=_covered(sheet.merges),
    )


def _covered(merges: Sequence[_GridRange]) -> Mapping[int, Sequence[tuple[int, int]]]:
    spans: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for merge in merges:
        for row in range(merge.start_row_index, merge.end_row_index):
            # The first cell of the first row is the one that the value belongs to.
            start = merge.start_column_index + (row == merge.start_row_index)
            spans[row].append((start, merge.end_column_index))
    return spans


class _Cells:
    """The cells of one worksheet, as they are read."""

    def __init__(self) -> None:
        self.values: list[list[Cell]] = []
        self.computed: dict[Place, str] = {}
        self.errors: dict[Place, str] = {}
        self.formats: dict[Place, str] = {}

    def take(self, row: int, first_column: int, cells: Sequence[_Cell]) -> None:
        """The next row that has something."""
        taken: list[Cell] = [None] * first_column
        taken.extend(self._take_cell(row, column, cell) for column, cell in enumerate(cells, first_column))
        while taken and taken[-1] is None:
            taken.pop()
        self.values.extend([] for _ in range(row - len(self.values)))
        self.values.append(taken)

    def _take_cell(self, row: int, column: int, cell: _Cell) -> Cell:
        entered, shown = cell.user_entered_value, cell.effective_value
        if cell.effective_format is not None:
            self.formats[row, column] = cell.effective_format.number_format.type
        if entered is None:
            if shown is None:
                return None
            self.computed[row, column] = ""
        elif entered.formula_value is not None:
            self.computed[row, column] = entered.formula_value
        if shown is None:
            return None
        if shown.error_value is not None:
            error = shown.error_value
            sign = _ERRORS.get(error.type, "#ERROR!")
            self.errors[row, column] = f"{sign} {error.message}" if error.message else sign
            return None
        if shown.number_value is not None:
            return shown.number_value
        return shown.bool_value if shown.string_value is None else shown.string_value
