"""References in formulas: found by formualizer's tokenizer, rewritten when cells move.

A formula is text everywhere else. Nothing is computed here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import formualizer

from sandbox.workbook.a1 import MAX_COLUMNS, column_index, column_letters, quote_title
from sandbox.workbook.shifts import Dimension, Shift

_NUMBER = "[1-9][0-9]{0,9}"  # a longer one is no row's, and more than Python may read
_REFERENCE = re.compile(
    r"(?:(?P<title>'(?:[^']|'')+'|[^'!:]+)!)?"
    rf"(?P<first>\$?[A-Za-z]{{1,3}}\$?{_NUMBER}|\$?[A-Za-z]{{1,3}}(?=:)|\$?{_NUMBER}(?=:))"
    rf"(?::(?P<last>\$?[A-Za-z]{{1,3}}(?:\$?{_NUMBER})?|\$?{_NUMBER}))?"
)
_CORNER = re.compile(rf"(?:(\$?)([A-Za-z]{{1,3}}))?(?:(\$?)({_NUMBER}))?")
LOST = "#REF!"


@dataclass(frozen=True, slots=True)
class Corner:
    """One end of a reference; None where the side is open, `fixed` where a `$` stands."""

    row: int | None
    column: int | None
    row_fixed: bool
    column_fixed: bool

    def text(self) -> str:
        column = "" if self.column is None else ("$" if self.column_fixed else "") + column_letters(self.column)
        return column + ("" if self.row is None else ("$" if self.row_fixed else "") + str(self.row + 1))


@dataclass(frozen=True, slots=True)
class Reference:
    """`Sheet2!$A1:B`: `title` None means the formula's own sheet, `last` None a single cell."""

    title: str | None
    first: Corner
    last: Corner | None

    def text(self) -> str:
        prefix = "" if self.title is None else quote_title(self.title) + "!"
        return prefix + self.first.text() + ("" if self.last is None else ":" + self.last.text())


@dataclass(frozen=True, slots=True)
class Name:
    """A word where a reference could stand: a named range's, if there is one."""

    name: str


class Malformed(Exception):
    """The text after `=` can't be split into tokens."""


@lru_cache(maxsize=65_536)
def pieces(formula: str) -> tuple[str | Reference | Name, ...]:
    """The formula as literal text, references and names, in order.

    Raises:
        Malformed: a string or bracket is left open.
    """
    try:
        tokens = list(formualizer.tokenize(formula))
    except formualizer.TokenizerError as error:
        raise Malformed(str(error)) from error
    parts: list[str | Reference | Name] = []
    position = 0
    written = 0
    for token in filter(None, tokens):
        # The tokenizer's own offsets count bytes; each token's value is exact, and they come in order.
        start = formula.find(token.value, position)
        if start < 0:
            continue
        position = start + len(token.value)
        if str(token.subtype) == "Range":
            parts += [formula[written:start], _read(token.value) or Name(token.value)]
            written = position
    return (*parts, formula[written:])


def references(formula: str) -> list[Reference]:
    """What the formula reads; nothing where it is malformed."""
    try:
        return [part for part in pieces(formula) if isinstance(part, Reference)]
    except Malformed:
        return []


def rewrite(formula: str, change: Callable[[Reference], Reference | None]) -> str:
    """The formula with each reference changed; None becomes `#REF!`. A malformed formula stays as it is."""
    try:
        parts = pieces(formula)
    except Malformed:
        return formula
    texts = []
    for part in parts:
        if not isinstance(part, Reference):
            texts.append(part if isinstance(part, str) else part.name)
            continue
        changed = change(part)
        # What didn't change keeps the writer's own spelling.
        texts.append(LOST if changed is None else changed.text())
    return "".join(texts)


def resolved(formula: str, names: Mapping[str, str]) -> str:
    """The formula with other text for these names, which are in lower case; a malformed one stays as it is."""
    try:
        parts = pieces(formula) if names else ()
    except Malformed:
        return formula
    if not any(isinstance(part, Name) and part.name.lower() in names for part in parts):
        return formula
    texts = []
    for part in parts:
        if isinstance(part, Name):
            texts.append(names.get(part.name.lower(), part.name))
        else:
            texts.append(part.text() if isinstance(part, Reference) else part)
    return "".join(texts)


def shifted(
    formula: str,
    home: str,
    changed_title: str,
    dimension: Dimension,
    shift: Shift,
    band: tuple[int, int] | None = None,
) -> str:
    """The formula of sheet `home` after rows or columns of `changed_title` were inserted, deleted or moved; with `band`
    only within these columns or rows, from one up to before the other: what reaches beyond them stays as it is."""

    def change(reference: Reference) -> Reference | None:
        if (reference.title or home).lower() != changed_title.lower():
            return reference
        if band is not None and not _within(reference, dimension, band):
            return reference
        return _shift(reference, dimension, shift)

    return rewrite(formula, change)


def moved(formula: str, rows: int, columns: int) -> str:
    """The formula as if copied that many rows down and columns right: what has no `$` goes along."""

    def move(corner: Corner) -> Corner | None:
        row, column = corner.row, corner.column
        if row is not None and not corner.row_fixed:
            row += rows
        if column is not None and not corner.column_fixed:
            column += columns
        if (row is not None and row < 0) or (column is not None and not 0 <= column < MAX_COLUMNS):
            return None
        return replace(corner, row=row, column=column)

    def change(reference: Reference) -> Reference | None:
        first = move(reference.first)
        last = None if reference.last is None else move(reference.last)
        if first is None or (reference.last is not None and last is None):
            return None
        return replace(reference, first=first, last=last)

    return rewrite(formula, change)


def retitled(formula: str, old: str, new: str | None) -> str:
    """The formula after a sheet was renamed, or, with None, deleted."""

    def change(reference: Reference) -> Reference | None:
        if reference.title is None or reference.title.lower() != old.lower():
            return reference
        return None if new is None else replace(reference, title=new)

    return rewrite(formula, change)


def _read(text: str) -> Reference | None:
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return None
    title = match["title"]
    if title is not None and title.startswith("'"):
        title = title[1:-1].replace("''", "'")
    first, last = _corner(match["first"]), _corner(match["last"]) if match["last"] else None
    if any(corner and corner.column is not None and corner.column >= MAX_COLUMNS for corner in (first, last)):
        return None
    return Reference(title, first, last)


def _corner(text: str) -> Corner:
    match = _CORNER.fullmatch(text)
    assert match is not None
    if match[2] is None and text.startswith("$"):  # "$2": the first group took the sign of a row
        return Corner(int(text[1:]) - 1, None, True, False)
    return Corner(
        int(match[4]) - 1 if match[4] else None,
        column_index(match[2]) if match[2] else None,
        bool(match[3]),
        bool(match[1]),
    )


def _shift(reference: Reference, dimension: Dimension, shift: Shift) -> Reference | None:
    start = _along(reference.first, dimension)
    if start is None:
        return reference
    if reference.last is None:
        index = shift.index(start)
        return None if index is None else replace(reference, first=_put(reference.first, dimension, index))
    end = _along(reference.last, dimension)
    if end is None:
        span = shift.span(start, start + 1) or shift.span(start, start + 1_000_000_000)
        return None if span is None else replace(reference, first=_put(reference.first, dimension, span[0]))
    span = shift.span(min(start, end), max(start, end) + 1)
    if span is None:
        return None
    return replace(
        reference,
        first=_put(reference.first, dimension, span[0]),
        last=_put(reference.last, dimension, span[1] - 1),
    )


def _within(reference: Reference, dimension: Dimension, band: tuple[int, int]) -> bool:
    across = Dimension.COLUMNS if dimension is Dimension.ROWS else Dimension.ROWS
    ends = [_along(corner, across) for corner in (reference.first, reference.last) if corner is not None]
    return all(end is not None and band[0] <= end < band[1] for end in ends)


def _along(corner: Corner, dimension: Dimension) -> int | None:
    return corner.row if dimension is Dimension.ROWS else corner.column


def _put(corner: Corner, dimension: Dimension, index: int) -> Corner:
    if dimension is Dimension.ROWS:
        return replace(corner, row=index)
    return replace(corner, column=index)
