"""What formulas give, computed by formualizer.

The engine is a mirror that is brought up to date by comparison when somebody reads: it sees which rows are not the
ones of last time. So edits, failed batches and undone copies need not tell it anything. Only columns that a formula
reads are mirrored: a large sheet costs what its formulas touch.

An ARRAYFORMULA is computed on a sheet of the engine's own, where nothing is in its way, and laid out here: cells that
hold an entry block it.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import formualizer

from sandbox.workbook import arrays, dialect, lambdas
from sandbox.workbook.a1 import absolute_name, cell_name
from sandbox.workbook.cells import Cell, CellError, Effective
from sandbox.workbook.formulas import Malformed, Reference, pieces, references, resolved
from sandbox.workbook.sheet import BLANK, Row, Sheet
from sandbox.workbook.spreadsheet import Spreadsheet
from sandbox.workbook.zones import zone

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
    "Calc": CellError("N_A", "#N/A", "No matches are found in FILTER evaluation."),
}
_COMPUTED = re.compile(r"\b(INDIRECT|OFFSET)\(", re.IGNORECASE)
_VOLATILE = re.compile(r"\b(TODAY|NOW|RAND|RANDBETWEEN|RANDARRAY)\(", re.IGNORECASE)
_ARRAY_SHEET = "\u2060array {}"  # no title that a person could type
_ROUNDS = 8  # of array formulas that read each other's results
_NOTHING: Mapping[int, Effective] = {}

_Place = tuple[str, int, int]


class Calculation:
    """The results of one spreadsheet's formulas. `clock` gives the moment that TODAY and NOW see, with an offset;
    they show it in the spreadsheet's time zone."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._clear()

    def _clear(self) -> None:
        self._engine: formualizer.Workbook | None = None
        self._seen: dict[str, list[Row]] = {}
        self._widths: dict[str, int] = {}
        self._watched: set[tuple[str, int]] = set()
        self._formulas: dict[_Place, str] = {}
        self._volatile: set[_Place] = set()
        self._refused: dict[_Place, CellError] = {}
        self._arrays: dict[_Place, str] = {}
        self._spilled: dict[tuple[str, int], dict[int, Effective]] = {}
        self._names: dict[str, str] = {}

    def apart(self) -> "Calculation":
        """Another one, which knows nothing yet, by the same clock."""
        return Calculation(self._clock)

    def bring_up_to_date(self, spreadsheet: Spreadsheet) -> None:
        """Makes `value` speak of this state of the spreadsheet."""
        widths = {sheet.title: sheet.column_count for sheet in spreadsheet.sheets}
        changed = {sheet.title: self._changes(sheet) for sheet in spreadsheet.sheets}
        new = {
            (title, index, column): row.cells[column].formula or ""
            for title, rows in changed.items()
            for index, (_, row) in rows.items()
            for column in row.formulas
        }
        if not new and not self._formulas:
            return
        names = _names(spreadsheet)
        new = {key: resolved(text, names) for key, text in new.items()}
        watched = {key for (title, _, _), text in new.items() for key in _columns_read(title, text, spreadsheet)}
        has_arrays = bool(self._arrays) or any(arrays.is_array(text) for text in new.values())
        if has_arrays or widths != self._widths or names != self._names or not watched <= self._watched:
            self._rebuild(spreadsheet)
        elif any(changed.values()):
            self._apply(changed)
            self._seen = {sheet.title: list(sheet.rows) for sheet in spreadsheet.sheets}
        elif not self.is_volatile:
            return
        if self._engine is not None:
            # The engine knows no zones: it takes what the clocks show there for the time.
            there = self._clock().astimezone(zone(spreadsheet.time_zone))
            self._engine.set_deterministic_clock(there.replace(tzinfo=UTC))
            self._engine.evaluate_all()
            self._spill(spreadsheet)

    @property
    def is_volatile(self) -> bool:
        """Whether results change with time alone."""
        return bool(self._volatile)

    def value(self, sheet: Sheet, row: int, column: int, cell: Cell) -> Effective:
        """The cell's effective value: what was entered, or what its formula gives, or one that spills into it."""
        if not cell.has_content:
            return self.spilled(sheet, row).get(column)
        if cell.formula is None:
            return cell.value
        refused = self._refused.get((sheet.title, row, column))
        if self._engine is None or refused is not None:
            return refused
        result = _effective(self._engine.get_value(sheet.title, row + 1, column + 1))
        # The engine reads an empty cell as 0; a formula that is nothing but a reference to one shows nothing.
        text = resolved(cell.formula, self._names)
        return None if result == 0 and self._reads_nothing(sheet.title, text) else result

    def spills(self, sheet: Sheet) -> bool:
        """Whether array formulas put anything into cells of the sheet."""
        return any(title == sheet.title for title, _ in self._spilled)

    def spilled(self, sheet: Sheet, row: int) -> Mapping[int, Effective]:
        """What array formulas elsewhere put into cells of a row, by column."""
        return self._spilled.get((sheet.title, row), _NOTHING)

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
        self._names = _names(spreadsheet)
        formulas = {
            (sheet.title, row, column): resolved(text, self._names)
            for sheet in spreadsheet.sheets
            for row, column, text in sheet.formula_cells()
        }
        self._seen = {sheet.title: list(sheet.rows) for sheet in spreadsheet.sheets}
        self._widths = {sheet.title: sheet.column_count for sheet in spreadsheet.sheets}
        if not formulas:
            return
        for (title, _, _), text in formulas.items():
            self._watched.update(_columns_read(title, text, spreadsheet))
        self._engine = formualizer.Workbook(mode=formualizer.WorkbookMode.Ephemeral)
        self._engine.set_temporal_egress("serial")
        lambdas.register(self._engine)
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
        for number, (key, text) in enumerate(self._arrays.items()):
            self._engine.add_sheet(_ARRAY_SHEET.format(number))
            self._engine.set_formula(_ARRAY_SHEET.format(number), 1, 1, arrays.plain(text, key[0], _sizes(spreadsheet)))

    def _spill(self, spreadsheet: Spreadsheet) -> None:
        """Lays out what array formulas give, until those that read each other's results stay as they are."""
        engine, before = self._engine, dict[_Place, Effective]()
        assert engine is not None
        for _ in range(_ROUNDS if self._arrays else 0):
            found: dict[_Place, Effective] = {}
            for number, key in enumerate(self._arrays):
                self._lay_out(spreadsheet, number, key, found)
            if found == before:
                return
            for title, row, column in {**before, **found}:
                value = found.get((title, row, column))
                shown = value.text if isinstance(value, CellError) else value
                engine.set_value(title, row + 1, column + 1, shown)
            before = found
            self._spilled = {}
            for (title, row, column), value in found.items():
                if (title, row, column) not in self._arrays:
                    self._spilled.setdefault((title, row), {})[column] = value
            engine.evaluate_all()

    def _lay_out(self, spreadsheet: Spreadsheet, number: int, key: _Place, found: dict[_Place, Effective]) -> None:
        """Adds one formula's results to `found`, by cell; only its error where something is in their way."""
        title, top, left = key
        sheet = next(sheet for sheet in spreadsheet.sheets if sheet.title == title)
        rows, columns = arrays.extent(self._arrays[key], title, _sizes(spreadsheet)) or self._filled(number, sheet, key)
        block: dict[_Place, Effective] = {}
        self._refused.pop(key, None)
        beyond = self._beyond(number, sheet, key)
        if beyond:
            message = f"Result was not automatically expanded, please insert more {beyond}."
            found[key] = self._refused[key] = CellError("REF", "#REF!", message)
            return
        for row in range(top, min(top + rows, sheet.row_count)):
            for column in range(left, min(left + columns, sheet.column_count)):
                value = self._result(number, row - top, column - left)
                if value is None and (row, column) != (top, left):
                    continue
                if (row, column) != (top, left) and (
                    sheet.cell(row, column).has_content or (title, row, column) in found
                ):
                    where = cell_name(row, column)
                    message = f"Array result was not expanded because it would overwrite data in {where}."
                    self._refused[key] = CellError("REF", "#REF!", message)
                    found[key] = self._refused[key]
                    return
                block[title, row, column] = value
        found.update(block)

    def _beyond(self, number: int, sheet: Sheet, key: _Place) -> str:
        """What the grid lacks for the result: `rows`, `columns` or nothing."""
        _, top, left = key
        for kind, row, column in (("rows", sheet.row_count - top, 0), ("columns", 0, sheet.column_count - left)):
            value = self._result(number, row, column)
            if value is not None and not isinstance(value, CellError):
                return kind
        return ""

    def _filled(self, number: int, sheet: Sheet, key: _Place) -> tuple[int, int]:
        """Rows and columns of a result without a bound: up to the first row, and in the first one column, that is
        empty."""
        _, top, left = key
        columns = range(sheet.column_count - left)
        width = next((column for column in columns if self._result(number, 0, column) is None), len(columns))
        rows = range(sheet.row_count - top)
        empty = (row for row in rows if all(self._result(number, row, column) is None for column in range(width or 1)))
        return max(next(empty, len(rows)), 1), max(width, 1)

    def _result(self, number: int, row: int, column: int) -> Effective:
        assert self._engine is not None
        return _effective(self._engine.get_value(_ARRAY_SHEET.format(number), row + 1, column + 1))

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
                    self._volatile.discard(key)
                    self._refused.pop(key, None)
                    if after.formula is not None:
                        self._set_formula(key, resolved(after.formula, self._names))
                    elif (title, column) in self._watched or before.formula is not None:
                        self._engine.set_value(title, index + 1, column + 1, after.value)

    def _set_formula(self, key: _Place, text: str) -> None:
        assert self._engine is not None
        self._formulas[key] = text
        if _VOLATILE.search(text):
            self._volatile.add(key)
        title, row, column = key
        try:
            pieces(text)
            text = dialect.for_engine(text)
            formualizer.parse(text)
        except (Malformed, formualizer.ParserError, formualizer.TokenizerError):
            self._refuse(key, PARSE_ERROR)
            return
        if arrays.is_array(text):
            self._arrays[key] = text
            return
        try:
            self._engine.set_formula(title, row + 1, column + 1, text)
        except RuntimeError as error:
            # A formula that reads its own cell is refused at once; longer circles show when they are evaluated.
            if "#CIRC!" not in str(error):
                raise
            self._refuse(key, _ERRORS["Circ"])

    def _refuse(self, key: _Place, error: CellError) -> None:
        assert self._engine is not None
        title, row, column = key
        self._refused[key] = error
        self._engine.set_value(title, row + 1, column + 1, error.text)


def _names(spreadsheet: Spreadsheet) -> dict[str, str]:
    """What each named range stands for in a formula, by its name in lower case."""
    return {
        entry.name.lower(): absolute_name(spreadsheet.sheet(entry.sheet_id).title, entry.area)
        for entry in spreadsheet.named.values()
    }


def _sizes(spreadsheet: Spreadsheet) -> arrays.Size:
    sizes = {sheet.title.lower(): (sheet.row_count, sheet.column_count) for sheet in spreadsheet.sheets}
    return lambda title: sizes.get(title.lower(), (1, 1))


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
