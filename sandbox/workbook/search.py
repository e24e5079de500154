"""Find and replace in cells."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import Cell
from sandbox.workbook.display import general
from sandbox.workbook.entry import Typing
from sandbox.workbook.expressions import Expression, compiled, replaced
from sandbox.workbook.locales import Locale
from sandbox.workbook.notation import localized
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.writing import entered


@dataclass(frozen=True, slots=True)
class Search:
    """A compiled search. In `replacement`, where `regex` is set, `$1` stands for a group."""

    pattern: Expression
    replacement: str
    entire: bool
    regex: bool
    formulas: bool

    @classmethod
    def of(cls, find: str, replacement: str, match_case: bool, entire: bool, regex: bool, formulas: bool) -> "Search":
        """Raises InvalidExpression."""
        pattern = compiled(find if regex else re.escape(find), match_case)
        return cls(pattern, replacement, entire, regex, formulas)

    def apply(self, text: str) -> tuple[str, int]:
        """The new text and how many occurrences were replaced."""
        if self.entire and self.pattern.fullmatch(text) is None:
            return text, 0
        if self.regex:
            return replaced(self.pattern, self.replacement, text)
        changed, count = self.pattern.subn(lambda _: self.replacement, text)
        return str(changed), int(count)


@dataclass(slots=True)
class Counts:
    """What was changed."""

    values: int = 0
    formulas: int = 0
    rows: int = 0
    sheets: int = 0
    occurrences: int = 0


def replace_all(
    areas: Iterable[tuple[Sheet, Area]], search: Search, may_write: Callable[[Sheet, Area], None], typing: Typing
) -> Counts:
    """Replaces in every cell of the areas, in what a person would see in them; what comes out is read as if typed."""
    counts = Counts()
    for sheet, area in areas:
        before = counts.rows
        for row in range(area.top, area.bottom):
            changed = _row(sheet, area, row, search, counts, typing)
            if changed:
                may_write(sheet, Area(row, min(changed), row + 1, max(changed) + 1))
                sheet.put(row, changed)
                counts.rows += 1
        counts.sheets += counts.rows > before
    return counts


def _row(sheet: Sheet, area: Area, row: int, search: Search, counts: Counts, typing: Typing) -> dict[int, Cell]:
    changed = {}
    for column, cell in sheet.rows[row].cells.items():
        if not area.left <= column < area.right or not cell.has_content:
            continue
        if cell.formula is not None and not search.formulas:
            continue
        text, occurrences = search.apply(_text(cell, typing.locale))
        if occurrences:
            changed[column] = entered(cell, text, True, typing)
            counts.occurrences += occurrences
            counts.values += cell.formula is None
            counts.formulas += cell.formula is not None
    return changed


def _text(cell: Cell, home: Locale) -> str:
    if cell.formula is not None:
        return localized(cell.formula, home)
    if isinstance(cell.value, bool):
        return str(cell.value).upper()
    return cell.value if isinstance(cell.value, str) else general(cell.value or 0.0, home)
