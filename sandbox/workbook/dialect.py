"""Formulas as Google takes them, in the words of the engine: arguments that may be left out are given, and an array
with ranges in it is put together by functions.

>>> for_engine("=IFERROR(A1/B1)")
'=IFERROR(A1/B1,"")'
>>> for_engine("=SUM({A1:A3;B1:B3})")
'=SUM(VSTACK(A1:A3,B1:B3))'
>>> for_engine('={1,2;"a;b",TRUE}')
'={1,2;"a;b",TRUE}'
"""

import re

from sandbox.workbook.closures import HELPERS, called, closed

_OPTIONAL = {"IFERROR": '""', "IFNA": '""', "ROUND": "0", "ROUNDUP": "0", "ROUNDDOWN": "0"}
_REWRITTEN = (*_OPTIONAL, "LAMBDA")
_MARK = re.compile(r"""(?P<quoted>"(?:[^"]|"")*"|'(?:[^']|'')*')|(?P<name>[A-Za-z_][A-Za-z0-9_.]*)?\(|[){},;]""")
_CONSTANT = re.compile(
    r'\s*(?:"(?:[^"]|"")*"|[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?%?|TRUE|FALSE|#[A-Z/0-9]+[!?]?|)\s*', re.IGNORECASE
)
_DEEPEST = 200  # brackets in a formula that is looked into; the engine takes no deeper one
_Rows = list[list[str]]


def for_engine(formula: str) -> str:
    """The formula as the engine understands it; one that isn't closed stays as it is."""
    opened = formula.count("(") + formula.count("{")
    if opened > _DEEPEST or ("{" not in formula and not any(name in formula.upper() for name in _REWRITTEN)):
        return formula
    rows, position = _group(formula, 0, "")
    return ";".join(",".join(row) for row in rows) if position == len(formula) else formula


def _group(text: str, position: int, closing: str) -> tuple[_Rows, int]:
    """What stands before the closing bracket, by `;` and `,`, and the place after it; -1 where it is never closed."""
    rows: _Rows = [[""]]
    while (mark := _MARK.search(text, position)) is not None:
        rows[-1][-1] += text[position : mark.start()]
        position, found = mark.end(), mark[0]
        if found[-1] == "(" or found == "{":
            inner, position = _group(text, position, ")" if found[-1] == "(" else "}")
            if position < 0:
                return rows, -1
            before = rows[-1][-1]
            if found == "(" and (start := _called(before)) is not None:
                rows[-1][-1] = before[:start] + called(before[start:], ",".join(inner[0]))
            else:
                rows[-1][-1] += _array(inner) if found == "{" else _call(mark["name"] or "", inner)
        elif found == closing:
            return rows, position
        elif found == ",":
            rows[-1].append("")
        elif found == ";":
            rows.append([""])
        else:
            rows[-1][-1] += found
    rows[-1][-1] += text[position:]
    return rows, -1 if closing else len(text)


def _called(text: str) -> int | None:
    """Where the LAMBDA begins that the text ends with; None where it ends with something else."""
    for match in re.finditer(r"\bLAMBDA\(", text, re.IGNORECASE):
        if text.endswith(")") and _group(text, match.end(), ")")[1] == len(text):
            return match.start()
    return None


def _call(name: str, rows: _Rows) -> str:
    lacking = _OPTIONAL.get(name.upper())
    if lacking is not None and len(rows) == len(rows[0]) == 1 and rows[0][0].strip():
        rows[0].append(lacking)
    if name.upper() in HELPERS and len(rows) == 1 and (helped := closed(name, rows[0])) is not None:
        return helped
    return f"{name}({';'.join(','.join(row) for row in rows)})"


def _array(rows: _Rows) -> str:
    if all(_CONSTANT.fullmatch(cell) for row in rows for cell in row):
        return f"{{{';'.join(','.join(row) for row in rows)}}}"
    lines = [row[0] if len(row) == 1 else f"HSTACK({','.join(row)})" for row in rows]
    # One range alone is itself: what is in brackets stays together.
    return f"VSTACK({','.join(lines)})"
