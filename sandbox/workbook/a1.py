"""A1 notation: `'My sheet'!$B$2:D`, whole rows `2:5`, whole columns `A:C`; and R1C1: `R2C2:R9C4`. Text in, frozen
values out.

Everything inside is 0-based and half-open; only text is 1-based.
"""

import re
from dataclasses import dataclass

from sandbox.workbook.errors import InvalidArgument

MAX_COLUMNS = 18278
# No grid has a row whose number is longer; Python reads no number of thousands of digits.
_NUMBER = "[1-9][0-9]{0,9}"
_CORNER = re.compile(rf"\$?([A-Za-z]{{1,3}})?\$?({_NUMBER})?")
_R1C1 = re.compile(rf"R({_NUMBER})C({_NUMBER})", re.IGNORECASE)
_PLAIN_TITLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Area:
    """A bounded rectangle of cells: rows `top` to `bottom - 1`, columns `left` to `right - 1`."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def holds(self, row: int, column: int) -> bool:
        return self.top <= row < self.bottom and self.left <= column < self.right

    def meets(self, other: "Area") -> bool:
        """Whether the two rectangles have a cell in common."""
        return (
            self.top < other.bottom and other.top < self.bottom and self.left < other.right and other.left < self.right
        )


@dataclass(frozen=True, slots=True)
class A1Range:
    """A range as written: None where a side is open, `title` None where no sheet was named."""

    title: str | None
    top: int | None = None
    left: int | None = None
    bottom: int | None = None
    right: int | None = None

    @property
    def is_single_cell(self) -> bool:
        return (
            None not in (self.top, self.left, self.bottom, self.right)
            and self.bottom == (self.top or 0) + 1
            and self.right == (self.left or 0) + 1
        )


def column_letters(index: int) -> str:
    """0 is A, 25 is Z, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        letters = chr(65 + digit) + letters
    return letters


def column_index(letters: str) -> int:
    """A is 0, AA is 26; in any case."""
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


def quote_title(title: str) -> str:
    """The title as it stands before `!`: quoted unless it is a plain word that can't be read as a cell."""
    if _PLAIN_TITLE.fullmatch(title) and not is_cell(title):
        return title
    return "'" + title.replace("'", "''") + "'"


def is_cell(text: str) -> bool:
    """Whether the text is read as a cell, in A1 or R1C1 notation."""
    if _R1C1.fullmatch(text):
        return True
    match = re.fullmatch(r"([A-Za-z]{1,3})([1-9][0-9]*)", text)
    return match is not None and column_index(match[1]) < MAX_COLUMNS


def cell_name(row: int, column: int) -> str:
    return f"{column_letters(column)}{row + 1}"


def area_name(area: Area) -> str:
    """`B2:D9`, and `B2` for a single cell."""
    first = cell_name(area.top, area.left)
    if area.height == 1 and area.width == 1:
        return first
    return f"{first}:{cell_name(area.bottom - 1, area.right - 1)}"


def full_name(title: str, area: Area) -> str:
    """`'My sheet'!B2:D9`."""
    return f"{quote_title(title)}!{area_name(area)}"


def absolute_name(title: str, area: Area) -> str:
    """`'My sheet'!$B$2:$D$9`, `$B$2` for a single cell."""
    first = f"${column_letters(area.left)}${area.top + 1}"
    last = f"${column_letters(area.right - 1)}${area.bottom}"
    return f"{quote_title(title)}!{first if first == last else f'{first}:{last}'}"


def parse(text: str) -> A1Range:
    """Reads a range.

    Raises:
        InvalidArgument: the text is neither A1 notation nor could it be a sheet's title.
    """
    title, bang, body = _split_title(text)
    if not bang:
        corners = _corners(text)
        # "Sheet1" is read as a cell far beyond the last column, so it can only be a title.
        return corners if corners is not None else A1Range(title=_unquote(text))
    corners = _corners(body)
    if corners is None:
        raise unparsable(text)
    return A1Range(title, corners.top, corners.left, corners.bottom, corners.right)


def unparsable(text: str) -> InvalidArgument:
    return InvalidArgument(f"Unable to parse range: {text}")


def _split_title(text: str) -> tuple[str, bool, str]:
    if text.startswith("'"):
        match = re.fullmatch(r"'((?:[^']|'')+)'!(.*)", text, re.DOTALL)
        return (match[1].replace("''", "'"), True, match[2]) if match else (text, False, "")
    title, bang, body = text.rpartition("!")
    return title, bool(bang), body


def _unquote(text: str) -> str:
    if len(text) > 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    return text


def _corners(body: str) -> A1Range | None:
    first_text, colon, last_text = body.partition(":")
    first, last = _corner(first_text), _corner(last_text if colon else first_text)
    if first is None or last is None:
        return None
    if not colon:
        if None in first:
            return None
        return A1Range(None, first[0], first[1], (first[0] or 0) + 1, (first[1] or 0) + 1)
    top, bottom = _span(first[0], last[0])
    left, right = _span(first[1], last[1])
    return A1Range(None, top, left, bottom, right)


def _corner(text: str) -> tuple[int | None, int | None] | None:
    numbered = _R1C1.fullmatch(text)
    if numbered is not None:
        return int(numbered[1]) - 1, int(numbered[2]) - 1
    match = _CORNER.fullmatch(text)
    if not text or match is None or (match[1] is None and match[2] is None):
        return None
    column = column_index(match[1]) if match[1] else None
    if column is not None and column >= MAX_COLUMNS:
        return None
    return (int(match[2]) - 1 if match[2] else None), column


def _span(first: int | None, last: int | None) -> tuple[int | None, int | None]:
    """Half-open ends of one side. `A2:2` and `A2:B` leave the last end open, `A:B2` starts at the other's number."""
    if first is None and last is None:
        return None, None
    if first is None or last is None:
        return (first if first is not None else last), None
    return min(first, last), max(first, last) + 1
