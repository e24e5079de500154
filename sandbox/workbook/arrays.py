"""Formulas that fill other cells, as an engine understands them that spills by itself: text in, text out. Those are
ARRAYFORMULA, an array (`={1,2}`), and functions that give more than a value where a formula begins with them.

The function's own name goes, and ranges without an end are closed where their sheet ends, as they are in a spill.

>>> plain("=ARRAYFORMULA(B2:B*2)", "Sheet1", lambda title: (1000, 26))
'=(Sheet1!B2:B1000*2)'
"""

import re
from collections.abc import Callable
from dataclasses import replace

from sandbox.workbook.formulas import Corner, Reference, references, rewrite

Size = Callable[[str], tuple[int, int]]
"""Rows and columns of the sheet of that title."""

# Those whose result is as large as what they read, at most; and those whose result may be larger.
_AS_READ = ("FILTER", "SORT", "UNIQUE")
_FREE = (
    "BYCOL", "BYROW", "CHOOSECOLS", "CHOOSEROWS", "FLATTEN", "HSTACK", "MAKEARRAY", "MAP", "RANDARRAY", "REDUCE",
    "REGEXEXTRACT", "SCAN", "SEQUENCE", "SPLIT", "TOCOL", "TOROW", "TRANSPOSE", "VSTACK", "WRAPCOLS", "WRAPROWS",
)  # fmt: skip
_SPILLING = re.compile(rf"=\s*(?:\{{|(?:{'|'.join((*_AS_READ, *_FREE))})\()", re.IGNORECASE)
_LARGER = re.compile(rf"=\s*(?:\{{|(?:{'|'.join(_FREE)})\()", re.IGNORECASE)
_CALL = re.compile(r"""("(?:[^"]|"")*"|'(?:[^']|'')*')|\bARRAYFORMULA(?=\()""", re.IGNORECASE)


def is_array(formula: str) -> bool:
    """Whether the formula fills other cells too."""
    return _SPILLING.match(formula) is not None or any(match[1] is None for match in _CALL.finditer(formula))


def plain(formula: str, home: str, size: Size) -> str:
    """The formula without ARRAYFORMULA, and with every reference named and closed; `home` is its own sheet."""
    bare = _CALL.sub(lambda match: match[1] or "", formula)
    return rewrite(bare, lambda reference: _closed(reference, home, size))


def extent(formula: str, home: str, size: Size) -> tuple[int, int] | None:
    """Rows and columns that the result has at most: those of the largest range that is read. None: any number."""
    if _LARGER.match(formula):
        return None
    areas = [_span(_closed(reference, home, size)) for reference in references(formula)]
    return max((rows for rows, _ in areas), default=1) + 1, max((columns for _, columns in areas), default=1)


def _closed(reference: Reference, home: str, size: Size) -> Reference:
    title = reference.title or home
    if reference.last is None:
        return replace(reference, title=title)
    rows, columns = size(title)
    first, last = reference.first, reference.last
    return Reference(title, _filled(first, 0, 0), _filled(last, rows - 1, columns - 1))


def _filled(corner: Corner, row: int, column: int) -> Corner:
    """The corner with what is open given."""
    return replace(
        corner,
        row=row if corner.row is None else corner.row,
        column=column if corner.column is None else corner.column,
    )


def _span(reference: Reference) -> tuple[int, int]:
    first, last = reference.first, reference.last or reference.first
    assert first.row is not None and last.row is not None  # noqa: PT018 - closed before
    assert first.column is not None and last.column is not None  # noqa: PT018
    return abs(last.row - first.row) + 1, abs(last.column - first.column) + 1
