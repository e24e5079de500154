"""Functions that Google has and the engine lacks, or has by another signature. Values in, a value out; no workbook.

A value is a number, a text, a boolean, None for an empty cell, an error as the engine has it, or rows of these.

>>> FUNCTIONS["REGEXREPLACE"][0]("2024-01", "([0-9]+)-([0-9]+)", "$2/$1")
'01/2024'
>>> FUNCTIONS["SPLIT"][0]("a, b", ", ")
[['a', 'b']]
>>> FUNCTIONS["SORT"][0]([["b", 1.0], ["a", 2.0]], 1.0, True)
[['a', 2.0], ['b', 1.0]]
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import formualizer

from sandbox.workbook.cells import MAX_CHARACTERS
from sandbox.workbook.criteria import meets
from sandbox.workbook.display import general
from sandbox.workbook.entry import parse_entry
from sandbox.workbook.expressions import compiled, replaced

Value = Any
"""What the engine gives and takes; it has no type of its own."""
Function = Callable[..., Value]

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"  # in an URL, by RFC 3986
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL = re.compile(r"((https?|ftp)://\S+|(www\.)?[\w-]+(\.[\w-]+)*\.[a-z]{2,}(/\S*)?)", re.IGNORECASE)


def error(kind: str) -> Value:
    """An error as the engine has it."""
    return {"type": "Error", "kind": kind}


_NOT_AVAILABLE = error("Na")


def register(engine: formualizer.Workbook) -> None:
    """Makes the functions known to the engine, under the names that formulas call them by."""
    for name, (function, least, most) in FUNCTIONS.items():
        engine.register_function(
            name, _passing_errors(function), min_args=least, max_args=most, allow_override_builtin=True
        )


def _passing_errors(function: Function) -> Function:
    def call(*given: Value) -> Value:
        return next((one for one in given if isinstance(one, dict)), None) or function(*given)

    return call


def _each(function: Function) -> Function:
    """The function over each cell where an argument is a range, as ARRAYFORMULA wants it."""

    def call(*given: Value) -> Value:
        ranges = [one for one in given if isinstance(one, list)]
        if not ranges:
            return function(*given)
        height, width = max(len(one) for one in ranges), max(len(one[0]) for one in ranges)
        return [
            [function(*(_at(one, row, column) for one in given)) for column in range(width)] for row in range(height)
        ]

    return call


def _at(value: Value, row: int, column: int) -> Value:
    if not isinstance(value, list):
        return value
    line = value[row if len(value) > 1 else 0]
    return line[column if len(line) > 1 else 0]


def _cells(given: Iterable[Value]) -> list[Value]:
    """All values, those of ranges one after the other."""
    found = []
    for one in given:
        found += [cell for row in one for cell in row] if isinstance(one, list) else [one]
    return found


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    return value if isinstance(value, str) else general(float(value))


def _number(value: Value) -> float:
    return 0.0 if value is None else float(value)


def _regex_match(text: Value, expression: Value) -> Value:
    return compiled(_text(expression)).search(_text(text)) is not None


def _regex_extract(text: Value, expression: Value) -> Value:
    match = compiled(_text(expression)).search(_text(text))
    if match is None:
        return error("Na")
    groups = [group or "" for group in match.groups()]
    return [groups] if len(groups) > 1 else groups[0] if groups else match[0]


def _regex_replace(text: Value, expression: Value, replacement: Value) -> Value:
    return replaced(compiled(_text(expression)), _text(replacement), _text(text))[0]


def _split(text: Value, delimiter: Value, by_each: Value = True, without_empty: Value = True) -> Value:
    marks = f"[{re.escape(_text(delimiter))}]" if by_each else re.escape(_text(delimiter))
    parts = [part for part in re.split(marks, _text(text)) if part or not without_empty]
    return [[_typed(part) for part in parts]] if parts else ""


def _typed(part: str) -> Value:
    """A part that is a number as one, as a person would type it."""
    return float(part) if re.fullmatch(r"[-+]?\d+(\.\d+)?", part) else part


def _join(delimiter: Value, *given: Value) -> Value:
    return _text(delimiter).join(_text(one) for one in _cells(given))


def _sort(rows: Value, *keys: Value) -> Value:
    """By pairs of a column's number and whether ascending; by the first column where there are none."""
    rows = rows if isinstance(rows, list) else [[rows]]
    pairs = list(zip(keys[::2], keys[1::2], strict=True)) if keys else [(1.0, True)]
    for column, ascending in reversed(pairs):
        filled = [row for row in rows if row[int(column) - 1] is not None]
        filled.sort(key=lambda row: _order(row[int(column) - 1]), reverse=not ascending)
        rows = filled + [row for row in rows if row[int(column) - 1] is None]
    return rows


def _order(value: Value) -> tuple[int, Value]:
    """Numbers before texts before booleans; texts without regard to case."""
    if isinstance(value, bool):
        return 2, value
    return (1, value.lower()) if isinstance(value, str) else (0, value)


def _flatten(*given: Value) -> Value:
    return [[cell] for cell in _cells(given)]


def _count_unique(*given: Value) -> Value:
    return float(len({(type(cell), cell) for cell in _cells(given) if cell not in (None, "")}))


def _count_unique_ifs(counted: Value, *criteria: Value) -> Value:
    """By pairs of a range, as large as what is counted, and what its cells must meet."""
    passing = [True] * len(_cells([counted]))
    for cells, criterion in zip(criteria[::2], criteria[1::2], strict=True):
        meeting = meets(criterion)
        passing = [passes and meeting(cell) for passes, cell in zip(passing, _cells([cells]), strict=True)]
    return _count_unique(*(cell for cell, passes in zip(_cells([counted]), passing, strict=True) if passes))


def _wrap_rows(line: Value, count: Value, filling: Value = _NOT_AVAILABLE) -> Value:
    """One row or column in rows of so many cells; what the last one lacks is filled."""
    rows = line if isinstance(line, list) else [[line]]
    # The engine would take None for 0.
    width, cells = int(_number(count)), ["" if cell is None else cell for cell in _cells([rows])]
    if len(rows) > 1 < len(rows[0]):
        return error("Value")
    if width < 1:
        return error("Num")
    width = min(width, len(cells))
    return [[*cells[at : at + width], *[filling] * (at + width - len(cells))] for at in range(0, len(cells), width)]


def _wrap_columns(line: Value, count: Value, filling: Value = _NOT_AVAILABLE) -> Value:
    wrapped = _wrap_rows(line, count, filling)
    return [list(column) for column in zip(*wrapped, strict=True)] if isinstance(wrapped, list) else wrapped


def _divide(dividend: Value, divisor: Value) -> Value:
    return error("Div") if _number(divisor) == 0 else _number(dividend) / _number(divisor)


def _is_between(value: Value, low: Value, high: Value, with_low: Value = True, with_high: Value = True) -> Value:
    above = value >= low if with_low else value > low
    return above and (value <= high if with_high else value < high)


def _equal(a: Value, b: Value) -> Value:
    return a.lower() == b.lower() if isinstance(a, str) and isinstance(b, str) else a == b


def _rept(text: Value, times: Value) -> Value:
    count = int(_number(times))
    fits = count >= 0 and len(_text(text)) * count <= MAX_CHARACTERS
    return _text(text) * count if fits else error("Value")


def _value(text: Value) -> Value:
    """The number that the text is, as typed: `50%`, `$1,234.50`, `1/31/2024`."""
    if isinstance(text, bool) or not isinstance(text, str):
        return error("Value") if isinstance(text, bool) else _number(text)
    found = parse_entry(text.strip()).value if len(text) <= MAX_CHARACTERS else None
    return found if isinstance(found, float) and not isinstance(found, bool) else error("Value")


def _encode_url(text: Value) -> Value:
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in _text(text).encode())


def _matrix_product(one: Value, other: Value) -> Value:
    one, other = (given if isinstance(given, list) else [[given]] for given in (one, other))
    cells = _cells([one, other])
    if len(one[0]) != len(other) or any(isinstance(cell, bool | str) or cell is None for cell in cells):
        return error("Value")
    return [
        [sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*other, strict=True)] for row in one
    ]


def _weighted_average(*given: Value) -> Value:
    """By pairs of values and their weights."""
    pairs = [pair for at in range(0, len(given) - 1, 2) for pair in _pairs(given[at], given[at + 1])]
    weight = sum(by for _, by in pairs)
    return sum(value * by for value, by in pairs) / weight if weight else error("Div")


def _pairs(values: Value, weights: Value) -> list[tuple[float, float]]:
    return [(_number(value), _number(by)) for value, by in zip(_cells([values]), _cells([weights]), strict=True)]


def _sort_n(rows: Value, count: Value = 1.0, ties: Value = 0.0, *keys: Value) -> Value:
    """The first rows in that order; of SORTN's ways with ties only the first, which overlooks them."""
    return error("Value") if _number(ties) else _sort(rows, *keys)[: int(_number(count))]


def _epoch_to_date(stamp: Value, unit: Value = 1.0) -> Value:
    per_second = {1: 1, 2: 1_000, 3: 1_000_000}.get(int(_number(unit)))
    return error("Num") if per_second is None else _number(stamp) / per_second / 86_400 + 25_569


FUNCTIONS: dict[str, tuple[Function, int, int | None]] = {
    "REGEXMATCH": (_each(_regex_match), 2, 2),
    "REGEXEXTRACT": (_regex_extract, 2, 2),
    "REGEXREPLACE": (_each(_regex_replace), 3, 3),
    "SPLIT": (_split, 2, 4),
    "JOIN": (_join, 2, None),
    "SORT": (_sort, 1, None),
    "FLATTEN": (_flatten, 1, None),
    "COUNTUNIQUE": (_count_unique, 1, None),
    "COUNTUNIQUEIFS": (_count_unique_ifs, 3, None),
    "WRAPROWS": (_wrap_rows, 2, 3),
    "WRAPCOLS": (_wrap_columns, 2, 3),
    "ISEMAIL": (_each(lambda value: _EMAIL.fullmatch(_text(value)) is not None), 1, 1),
    "ISURL": (_each(lambda value: _URL.fullmatch(_text(value)) is not None), 1, 1),
    "ISBETWEEN": (_each(_is_between), 3, 5),
    "TO_TEXT": (_each(_text), 1, 1),
    "TO_DATE": (_each(lambda value: value), 1, 1),
    "TO_PERCENT": (_each(lambda value: value), 1, 1),
    "TO_DOLLARS": (_each(lambda value: value), 1, 1),
    "EPOCHTODATE": (_each(_epoch_to_date), 1, 2),
    "REPT": (_each(_rept), 2, 2),
    "VALUE": (_each(_value), 1, 1),
    "ENCODEURL": (_each(_encode_url), 1, 1),
    "MMULT": (_matrix_product, 2, 2),
    "AVERAGE.WEIGHTED": (_weighted_average, 2, None),
    "SORTN": (_sort_n, 1, None),
    "TO_PURE_NUMBER": (_each(lambda value: value), 1, 1),
    "ADD": (_each(lambda a, b: _number(a) + _number(b)), 2, 2),
    "MINUS": (_each(lambda a, b: _number(a) - _number(b)), 2, 2),
    "MULTIPLY": (_each(lambda a, b: _number(a) * _number(b)), 2, 2),
    "DIVIDE": (_each(_divide), 2, 2),
    "POW": (_each(lambda a, b: _number(a) ** _number(b)), 2, 2),
    "UMINUS": (_each(lambda a: -_number(a)), 1, 1),
    "EQ": (_each(_equal), 2, 2),
    "NE": (_each(lambda a, b: not _equal(a, b)), 2, 2),
    "GT": (_each(lambda a, b: _order(a) > _order(b)), 2, 2),
    "GTE": (_each(lambda a, b: _order(a) >= _order(b)), 2, 2),
    "LT": (_each(lambda a, b: _order(a) < _order(b)), 2, 2),
    "LTE": (_each(lambda a, b: _order(a) <= _order(b)), 2, 2),
}
"""By name: the function, and how many arguments it takes at least and at most (None: any number)."""
