"""Continuing what some cells begin: numbers and dates by their step, days and months by name, the rest repeated."""

import calendar
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import Cell
from sandbox.workbook.formulas import moved
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension

_DATE_KINDS = ("DATE", "DATE_TIME")
_NUMBERED = re.compile(r"(.*?)(\d+)", re.DOTALL)
_CYCLES = tuple(
    tuple(names[names[0] == "" :])
    for names in (
        list(calendar.day_name),
        list(calendar.day_abbr),
        list(calendar.month_name),
        list(calendar.month_abbr),
    )
)
Step = Callable[[int], tuple[int, int]]
"""How far the cell `count` places on is, in rows and columns."""


def filled_area(source: Area, dimension: Dimension, length: int) -> Area:
    """The `length` rows or columns after the source, before it where `length` is negative."""
    if dimension is Dimension.ROWS:
        start = source.bottom if length > 0 else source.top + length
        return replace(source, top=start, bottom=start + abs(length))
    start = source.right if length > 0 else source.left + length
    return replace(source, left=start, right=start + abs(length))


def fill(sheet: Sheet, source: Area, dimension: Dimension, length: int, alternate: bool) -> None:
    """Continues each column of the source in the rows of `filled_area`, or each row in its columns."""
    down, sign = dimension is Dimension.ROWS, 1 if length > 0 else -1
    lines = range(source.left, source.right) if down else range(source.top, source.bottom)
    along = range(source.top, source.bottom) if down else range(source.left, source.right)
    for line in lines:
        cells = [sheet.cell(place, line) if down else sheet.cell(line, place) for place in along][::sign]
        found = continued(cells, abs(length), alternate, lambda by: (by * sign, 0) if down else (0, by * sign))
        for step, cell in enumerate(found):
            place = along[-1] + 1 + step if sign > 0 else along[0] - 1 - step
            row, column = (place, line) if down else (line, place)
            sheet.put(row, {column: cell})


def continued(cells: Sequence[Cell], count: int, alternate: bool, step: Step) -> list[Cell]:
    """`count` cells more. A single number is repeated, and counted on with `alternate`; a single date the other way."""
    values = _series(cells, count, alternate)
    found = []
    for place in range(count):
        model = cells[place % len(cells)]
        if model.formula is not None:
            whole_turns = len(cells) * (place // len(cells) + 1)
            found.append(replace(model, formula=moved(model.formula, *step(whole_turns))))
        else:
            found.append(replace(model, value=values[place]) if values else model)
    return found


def _series(cells: Sequence[Cell], count: int, alternate: bool) -> "Sequence[float | str] | None":
    """The values that go on where those of the cells are of one series; None where they are only repeated."""
    numbers = [cell.value for cell in cells if isinstance(cell.value, float)]
    texts = [cell.value for cell in cells if isinstance(cell.value, str)]
    if len(numbers) == len(cells):
        dates = all(cell.number_format is not None and cell.number_format.kind in _DATE_KINDS for cell in cells)
        if len(cells) == 1 and dates == alternate:
            return None
        return _trend(numbers, count)
    if len(texts) != len(cells):
        return None
    for names in _CYCLES:
        known = [name.casefold() for name in names]
        if all(text.casefold() in known for text in texts):
            places = [known.index(text.casefold()) for text in texts]
            by = (places[1] - places[0]) % len(names) if len(places) > 1 else 1
            return [names[(places[-1] + by * (number + 1)) % len(names)] for number in range(count)]
    return _numbered(texts, count)


def _trend(numbers: Sequence[float], count: int) -> list[float]:
    """The straight line through the numbers, as near to them as can be; one by one after a single number."""
    if len(numbers) == 1:
        return [numbers[0] + place + 1 for place in range(count)]
    middle, mean = (len(numbers) - 1) / 2, sum(numbers) / len(numbers)
    spread = sum((place - middle) ** 2 for place in range(len(numbers)))
    slope = sum((place - middle) * (number - mean) for place, number in enumerate(numbers)) / spread
    return [round(mean + slope * (len(numbers) + place - middle), 10) for place in range(count)]


def _numbered(texts: Sequence[str], count: int) -> list[str] | None:
    """`Item 1` goes on as `Item 2`, `07` as `08`."""
    matches = [_NUMBERED.fullmatch(text) for text in texts]
    if any(match is None or match[1] != (matches[0] and matches[0][1]) for match in matches):
        return None
    ends = [match[2] for match in matches if match is not None]
    width = len(ends[0]) if ends[0].startswith("0") else 0
    first = matches[0]
    assert first is not None
    return [f"{first[1]}{abs(round(number)):0{width}d}" for number in _trend([float(end) for end in ends], count)]
