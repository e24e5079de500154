"""What formulas give, computed by formualizer.

The engine is a mirror that is brought up to date by comparison when somebody reads: it sees which rows are not the
ones of last time. So edits, failed batches and undone copies need not tell it anything. Only columns that a formula
reads are mirrored: a large sheet costs what its formulas touch.
"""

import math
import re
from collections.abc import Callable
from datetime import datetime

import formualizer

from sandbox.workbook.cells import Cell, CellError, Effective
from sandbox.workbook.formulas import Malformed, Reference, pieces, references
from sandbox.workbook.sheet import BLANK, Row, Sheet
from sandbox.workbook.spreadsheet import Spreadsheet

PARSE_ERROR = CellError("ERROR", "#ERROR!", "Formula parse error.")
_ERRORS = {
    "Div": CellError("DIVIDE_BY_ZERO", "#DIV/0!", "Function DIVIDE parameter 2 cannot be zero."),
    "Ref": CellError("REF", "#REF!", "Reference does not exist."),
    "Circ": CellError(
        "REF", "#REF!", "Circular dependency detected. To resolve with iterative calculation, see File > Settings."
    ),
    "Name": CellError("NAME", "#NAME?", "Unknown range name or function."),
    "Value": CellError("VALUE", "#VALUE!", "A value used in the formula is of the wrong data type."),
    "Na": CellError("N_A", "#N/A", "Did not find a value in the evaluation."),
    "Num": CellError("NUM", "#NUM!", "The result of the formula is not a number that can be shown."),
    "Null": CellError("NULL_VALUE", "#NULL!", ""),
}
_COMPUTED = re.compile(r"\b(INDIRECT|OFFSET)\(", re.IGNORECASE)
_VOLATILE = re.compile(r"\b(TODAY|NOW|RAND|RANDBETWEEN)\(", re.IGNORECASE)


class Calculation:
    """The results of one spreadsheet's formulas. `clock` gives the moment that TODAY and NOW see, with an offset."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._clear()

    def _clear(self) -> None:
        self._engine: formualizer.Workbook | None = None
        self._seen: dict[str, list[Row]] = {}
        self._watched: set[tuple[str, int]] = set()
        self._formulas: dict[tuple[str, int, int], str] = {}
        self._refused: dict[tuple[str, int, int], CellError] = {}

    def bring_up_to_date(self, spreadsheet: Spreadsheet) -> None:
        """Makes `value` speak of this state of the spreadsheet."""
        titles = {sheet.title for sheet in spreadsheet.sheets}
        changed = {sheet.title: self._changes(sheet) for sheet in spreadsheet.sheets}
        new = {
            (title, index, column): row.cells[column].formula or ""
            for title, rows in changed.items()
            for index, (_, row) in rows.items()
            for column in row.formulas
        }
        if not new and not self._formulas:
            return
        watched = {key for (title, _, _), text in new.items() for key in _columns_read(title, text, spreadsheet)}
        if titles != set(self._seen) or not watched <= self._watched:
            self._rebuild(spreadsheet)
        elif any(changed.values()):
            self._apply(changed)
            self._seen = {sheet.title: list(sheet.rows) for sheet in spreadsheet.sheets}
        elif not self.is_volatile:
            return
        if self._engine is not None:
            self._engine.set_deterministic_clock(self._clock())
            self._engine.evaluate_all()

    @property
    def is_volatile(self) -> bool:
        """Whether results change with time alone."""
        return any(_VOLATILE.search(text) for text in self._formulas.values())

    def value(self, sheet: Sheet, row: int, column: int, cell: Cell) -> Effective:
        """The cell's effective value: what was entered, or what its formula gives."""
        if cell.formula is None:
            return cell.value
        refused = self._refused.get((sheet.title, row, column))
        if self._engine is None or refused is not None:
            return refused
        result = _effective(self._engine.get_value(sheet.title, row + 1, column + 1))
        # The engine reads an empty cell as 0; a formula that is nothing but a reference to one shows nothing.
        return None if result == 0 and self._reads_nothing(sheet.title, cell.formula) else result

    def _reads_nothing(self, home: str, formula: str) -> bool:
        parts = pieces(formula)
        if len(parts) != 3 or parts[0] != "=" or not isinstance(parts[1], Reference) or parts[2]:
            return False
        title, corner = parts[1].title or home, parts[1].first
        if parts[1].last is not None or corner.row is None or corner.column is None:
            return False
        rows = next((rows for name, rows in self._seen.items() if name.lower() == title.lower()), [])
        return corner.row >= len(rows) or not rows[corner.row].cell(corner.column).has_content

    def _changes(self, sheet: Sheet) -> dict[int, tuple[Row, Row]]:
        """Old and new row by index, where they are not the same."""
        old, new = self._seen.get(sheet.title, []), sheet.rows
        found = {index: (a, b) for index, (a, b) in enumerate(zip(old, new, strict=False)) if a is not b}
        found.update((index, (BLANK, new[index])) for index in range(len(old), len(new)) if new[index].cells)
        found.update((index, (old[index], BLANK)) for index in range(len(new), len(old)) if old[index].cells)
        return found

    def _rebuild(self, spreadsheet: Spreadsheet) -> None:
        self._clear()
        formulas = {
            (sheet.title, row, column): text
            for sheet in spreadsheet.sheets
            for row, column, text in sheet.formula_cells()
        }
        self._seen = {sheet.title: list(sheet.rows) for sheet in spreadsheet.sheets}
        if not formulas:
            return
        for (title, _, _), text in formulas.items():
            self._watched.update(_columns_read(title, text, spreadsheet))
        self._engine = formualizer.Workbook(mode=formualizer.WorkbookMode.Ephemeral)
        self._engine.set_temporal_egress("serial")
        for sheet in spreadsheet.sheets:
            self._engine.add_sheet(sheet.title)
        for title, column in self._watched:
            sheet = next(sheet for sheet in spreadsheet.sheets if sheet.title == title)
            values = [[row.cells[column].value if column in row.cells else None] for row in sheet.rows]
            while values and values[-1][0] is None:
                values.pop()
            if values:
                self._engine.set_values_batch(title, 1, column + 1, values)
        for key, text in formulas.items():
            self._set_formula(key, text)

    def _apply(self, changed: dict[str, dict[int, tuple[Row, Row]]]) -> None:
        assert self._engine is not None
        for title, rows in changed.items():
            for index, (old, new) in rows.items():
                for column in old.cells.keys() | new.cells.keys():
                    before, after = old.cell(column), new.cell(column)
                    if (before.value, before.formula) == (after.value, after.formula) and type(before.value) is type(
                        after.value
                    ):
                        continue
                    key = (title, index, column)
                    self._formulas.pop(key, None)
                    self._refused.pop(key, None)
                    if after.formula is not None:
                        self._set_formula(key, after.formula)
                    elif (title, column) in self._watched or before.formula is not None:
                        self._engine.set_value(title, index + 1, column + 1, after.value)

    def _set_formula(self, key: tuple[str, int, int], text: str) -> None:
        assert self._engine is not None
        self._formulas[key] = text
        title, row, column = key
        try:
            pieces(text)
            formualizer.parse(text)
        except (Malformed, formualizer.ParserError, formualizer.TokenizerError):
            self._refuse(key, PARSE_ERROR)
            return
        try:
            self._engine.set_formula(title, row + 1, column + 1, text)
        except RuntimeError as error:
            # A formula that reads its own cell is refused at once; longer circles show when they are evaluated.
            if "#CIRC!" not in str(error):
                raise
            self._refuse(key, _ERRORS["Circ"])

    def _refuse(self, key: tuple[str, int, int], error: CellError) -> None:
        assert self._engine is not None
        title, row, column = key
        self._refused[key] = error
        self._engine.set_value(title, row + 1, column + 1, error.text)


def _columns_read(home: str, formula: str, spreadsheet: Spreadsheet) -> set[tuple[str, int]]:
    """Title and column of all that the formula names; everything where it computes what it reads."""
    if _COMPUTED.search(formula):
        return {(sheet.title, column) for sheet in spreadsheet.sheets for column in range(sheet.column_count)}
    found: set[tuple[str, int]] = set()
    for reference in references(formula):
        sheet = spreadsheet.titled(reference.title or home)
        if sheet is not None:
            found.update((sheet.title, column) for column in _columns(reference, sheet.column_count))
    return found


def _columns(reference: Reference, column_count: int) -> range:
    first, last = reference.first.column, (reference.last or reference.first).column
    if first is None and last is None:
        return range(column_count)
    start = first if first is not None else 0
    end = last if last is not None else column_count - 1
    return range(min(start, end), min(max(start, end) + 1, column_count))


def _effective(result: object) -> Effective:
    if isinstance(result, dict):
        return _ERRORS.get(str(result.get("kind")), PARSE_ERROR)
    if isinstance(result, list):
        # A formula that gives a block shows its first value.
        return _effective(result[0]) if result else None
    if result is None or isinstance(result, bool | str):
        return result
    if isinstance(result, int | float):
        number = float(result)
        return number if math.isfinite(number) else _ERRORS["Num"]
    return str(result)
