r"""Formulas as they are typed and shown where a comma stands before decimals: `;` between arguments.

Kept, and computed, is one notation: `,` between arguments, `.` before decimals, and in arrays `,` between columns and
`;` between rows. Functions have their English names everywhere.

>>> from sandbox.workbook.locales import locale
>>> canonical("=IF(A1>1,5;{1\\2;3\\4};2)", locale("de_DE"))
'=IF(A1>1.5,{1,2;3,4},2)'
>>> localized("=IF(A1>1.5,{1,2;3,4},2)", locale("de_DE"))
'=IF(A1>1,5;{1\\2;3\\4};2)'
>>> canonical("=SUM(1;2)", locale("en_US"))
'=SUM(1,2)'
"""

import re
from collections.abc import Callable

from sandbox.workbook.locales import Locale

_PART = re.compile(r"""(?P<quoted>"(?:[^"]|"")*"?|'(?:[^']|'')*'?)|(?P<decimal>(?<=\d)[.,](?=\d))|[(){}\[\],;\\]""")


def canonical(formula: str, home: Locale) -> str:
    """A typed formula as it is kept. A `;` between arguments is taken in every locale."""
    comma = home.decimal == ","

    def change(mark: str, in_array: bool, is_decimal: bool) -> str:
        if comma and is_decimal and mark == ",":
            return "."
        if mark == ";" and not in_array:
            return ","
        return "," if comma and mark == "\\" else mark

    return _rewritten(formula, change)


def localized(formula: str, home: Locale) -> str:
    """A kept formula as it is typed there."""
    if home.decimal != ",":
        return formula

    def change(mark: str, in_array: bool, is_decimal: bool) -> str:
        if is_decimal and mark == ".":
            return ","
        if mark == ",":
            return "\\" if in_array else ";"
        return mark

    return _rewritten(formula, change)


def _rewritten(formula: str, change: Callable[[str, bool, bool], str]) -> str:
    """The formula with each mark outside of quotes changed: by the mark, whether it stands between an array's values,
    and whether between two figures."""
    opened: list[str] = []

    def rewrite(match: re.Match[str]) -> str:
        mark = match[0]
        if match["quoted"]:
            return mark
        if mark in "({[":
            opened.append(mark)
        elif mark in ")}]" and opened:
            opened.pop()
        return change(mark, opened[-1:] == ["{"], match["decimal"] is not None)

    return _PART.sub(rewrite, formula)
