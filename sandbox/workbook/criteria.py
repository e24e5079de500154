"""Criteria as COUNTIFS and its like take them: `>5`, `<>x`, `=`, `a*`.

>>> meets(">5")(7.0), meets(">5")("7"), meets("a?c*")("ABCD"), meets("<>x")(None), meets(5.0)(5.0)
(True, False, True, True, True)
"""

import operator
import re
from collections.abc import Callable
from typing import Any

from sandbox.workbook.entry import parse_entry
from sandbox.workbook.expressions import compiled

_CRITERION = re.compile(r"(<=|>=|<>|<|>|=)?(.*)", re.DOTALL)
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WILD = re.compile(r"~([*?~])|(\*)|(\?)|([^*?~]+|~)", re.DOTALL)
_Value = float | bool | str | None


def meets(criterion: _Value) -> Callable[[object], bool]:
    """Whether a cell's value meets the criterion. Case doesn't count in texts; an error meets `<>` alone."""
    sign, operand = "", criterion
    if isinstance(criterion, str):
        match = _CRITERION.fullmatch(criterion)
        assert match is not None  # it takes any text
        entry = parse_entry(match[2])
        sign, operand = match[1] or "", match[2] if entry.value is None else entry.value
    if isinstance(operand, str) and sign in _ORDERS:
        lower = operand.lower()
        return lambda value: isinstance(value, str) and _ORDERS[sign](value.lower(), lower)
    if sign in _ORDERS:
        return lambda value: type(value) is type(operand) and _ORDERS[sign](value, operand)
    equal = _equal(operand, alone=sign != "")
    return (lambda value: not equal(value)) if sign == "<>" else equal


def _equal(operand: object, alone: bool) -> Callable[[object], bool]:
    """Equal to the operand; what is `=` and nothing means cells without anything, no text that is empty."""
    if not isinstance(operand, str):
        return lambda value: type(value) is type(operand) and value == operand
    if not operand:
        return lambda value: value is None or (value == "" and not alone)
    wild = compiled("(?s)" + "".join(map(_part, _WILD.finditer(operand))), match_case=False)
    return lambda value: isinstance(value, str) and wild.fullmatch(value) is not None


def _part(match: re.Match[str]) -> str:
    if match[2] or match[3]:
        return ".*" if match[2] else "."
    return re.escape(match[1] or match[4])
