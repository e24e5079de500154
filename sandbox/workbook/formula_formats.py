"""How a formula's result is shown where the cell has no format of its own: a date as a date, not as a number of days.

>>> format_of("=TODAY()+7")
NumberFormat(kind='DATE', pattern='')
>>> format_of("=YEAR(TODAY())") is None
True
"""

import re
from functools import lru_cache

from sandbox.workbook.number_format import NumberFormat

_KINDS = {
    "DATE": "DATE",
    "TODAY": "DATE",
    "TO_DATE": "DATE",
    "NOW": "DATE_TIME",
    "EPOCHTODATE": "DATE_TIME",
    "TIME": "TIME",
    "TO_PERCENT": "PERCENT",
    "TO_DOLLARS": "CURRENCY",
}
_CALL = re.compile(rf"=\s*({'|'.join(_KINDS)})\(", re.IGNORECASE)
_BRACKET = re.compile(r'"(?:[^"]|"")*"|[()]')
_DAYS = re.compile(r"(\s*[-+]\s*[0-9.]+)*\s*")


@lru_cache(maxsize=65_536)
def format_of(formula: str) -> NumberFormat | None:
    """That of the function which gives the whole result, or to whose result only numbers are added."""
    call = _CALL.match(formula)
    if call is None:
        return None
    depth = 1
    for bracket in _BRACKET.finditer(formula, call.end()):
        depth += {"(": 1, ")": -1}.get(bracket[0], 0)
        if depth == 0:
            return NumberFormat(_KINDS[call[1].upper()]) if _DAYS.fullmatch(formula, bracket.end()) else None
    return None
