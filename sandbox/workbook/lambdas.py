"""MAP, BYROW, BYCOL, REDUCE, SCAN and MAKEARRAY: a LAMBDA, as `sandbox.workbook.closures` writes it, called with one
value after the other in an engine of its own, for the one that asks can't compute meanwhile."""

from collections.abc import Callable
from typing import Any

import formualizer

from sandbox.workbook import functions
from sandbox.workbook.a1 import column_letters

Value = Any
"""What the engine gives and takes; it has no type of its own."""
_MOST_CALLS = 100_000  # of a formula's LAMBDAs, together; Google's limit counts the functions in them, too


class _Calls:
    """How many are left to a formula."""

    def __init__(self) -> None:
        self.left = _MOST_CALLS

    def take(self, number: int) -> None:
        self.left -= number
        if self.left < 0:
            raise ValueError(f"A formula may call its LAMBDAs {_MOST_CALLS} times.")


class _Lambda:
    """A LAMBDA with the values of what it reads from outside."""

    def __init__(self, names: list[str], body: str, outside: list[tuple[str, Value]], calls: _Calls) -> None:
        self._names, self._body, self.calls = names, body, calls
        self._formula = ""
        self._result: Value = None
        self._engine = formualizer.Workbook(mode=formualizer.WorkbookMode.Ephemeral)
        self._engine.set_temporal_egress("serial")
        register(self._engine, calls)
        self._engine.register_function("_KEPT", self._keep, min_args=1, max_args=1)
        for title in ("outside", "given", "result"):
            self._engine.add_sheet(title)
        self._held = self._laid("outside", outside)

    def __call__(self, *given: Value) -> Value:
        formula = (
            f"=_KEPT(LET({self._held}{self._laid('given', list(zip(self._names, given, strict=True)))}{self._body}))"
        )
        if formula != self._formula:
            self._formula = formula
            self._engine.set_formula("result", 1, 1, formula)
        kept = self._engine.evaluate_cell("result", 1, 1)
        if isinstance(kept, dict):  # an error that the engine gives instead of a call, such as of an unknown name
            return kept
        # The engine would take None for 0.
        return "" if self._result is None else self._result

    def _keep(self, result: Value) -> Value:
        self._result = result
        return 0.0

    def _laid(self, title: str, values: list[tuple[str, Value]]) -> str:
        """Puts the values side by side on a sheet. The beginning of a LET that names their ranges."""
        text, column = "", 0
        for name, value in values:
            rows = value if isinstance(value, list) else [[value]]
            last = column + len(rows[0]) - 1
            self._engine.set_values_batch(title, 1, column + 1, [[_put(cell) for cell in row] for row in rows])
            corner = "" if len(rows) == len(rows[0]) == 1 else f":{column_letters(last)}{len(rows)}"
            text += f"{name},{title}!{column_letters(column)}1{corner},"
            column = last + 1
        return text


def _put(cell: Value) -> Value:
    return formualizer.LiteralValue.error(cell["kind"], "") if isinstance(cell, dict) else cell


def register(engine: formualizer.Workbook, calls: _Calls | None = None) -> None:
    """Makes the helpers known to the engine, and all other functions; `calls` are those of the formula around."""
    functions.register(engine)
    for name, (function, names) in _HELPERS.items():
        engine.register_function(name, _helper(function, names, calls), min_args=1, max_args=None)


def _helper(function: Callable[..., Value], names: int | None, calls: _Calls | None) -> Callable[..., Value]:
    def call(written: Value, *values: Value) -> Value:
        parts = written.split("|", 2) if isinstance(written, str) else []
        if len(parts) != 3:
            return functions.error("Name")
        given, outside = (part.split(",") if part else [] for part in parts[:2])
        arguments = values[len(outside) :]
        if len(given) != (names or len(arguments)):
            return functions.error("Na")
        held = list(zip(outside, values[: len(outside)], strict=True))
        counted = calls or _Calls()
        return function(_Lambda(given, parts[2], held, counted), *arguments)

    return call


def _rows(value: Value) -> list[list[Value]]:
    return value if isinstance(value, list) else [[value]]


def _single(result: Value) -> Value:
    """The value itself; Google doesn't nest arrays."""
    return functions.error("Value") if isinstance(result, list) else result


def _map(function: _Lambda, *arrays: Value) -> Value:
    tables = [_rows(one) for one in arrays]
    if len({(len(table), len(table[0])) for table in tables}) != 1:
        return functions.error("Na")
    function.calls.take(len(tables[0]) * len(tables[0][0]))
    return [[_single(function(*cells)) for cells in zip(*rows, strict=True)] for rows in zip(*tables, strict=True)]


def _by_row(function: _Lambda, array: Value) -> Value:
    function.calls.take(len(_rows(array)))
    return [[_single(function([row]))] for row in _rows(array)]


def _by_column(function: _Lambda, array: Value) -> Value:
    function.calls.take(len(_rows(array)[0]))
    return [[_single(function([[cell] for cell in column])) for column in zip(*_rows(array), strict=True)]]


def _reduce(function: _Lambda, result: Value, array: Value) -> Value:
    function.calls.take(len(_rows(array)) * len(_rows(array)[0]))
    for row in _rows(array):
        for cell in row:
            result = function(result, cell)
    return result


def _scan(function: _Lambda, result: Value, array: Value) -> Value:
    function.calls.take(len(_rows(array)) * len(_rows(array)[0]))
    return [[result := _single(function(result, cell)) for cell in row] for row in _rows(array)]


def _make_array(function: _Lambda, rows: Value, columns: Value) -> Value:
    height, width = int(rows), int(columns)
    if min(height, width) < 1:
        return functions.error("Num")
    function.calls.take(height * width)
    return [
        [_single(function(float(row), float(column))) for column in range(1, width + 1)] for row in range(1, height + 1)
    ]


_HELPERS: dict[str, tuple[Callable[..., Value], int | None]] = {
    "MAP": (_map, None),
    "BYROW": (_by_row, 1),
    "BYCOL": (_by_column, 1),
    "REDUCE": (_reduce, 2),
    "SCAN": (_scan, 2),
    "MAKEARRAY": (_make_array, 2),
}
"""By name: the function, and how many names its LAMBDA has (None: one an array)."""
