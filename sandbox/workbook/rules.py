"""Formulas and ranges in rules of data validation, which are JSON text elsewhere: they follow cells, as formulas do."""

from collections.abc import Callable

import orjson

from sandbox.workbook.formulas import moved

_RANGE = "ONE_OF_RANGE"


def refers(rule: str) -> bool:
    """Whether the rule names cells."""
    return '"=' in rule or _RANGE in rule


def rewritten(rule: str, change: Callable[[str], str]) -> str:
    """The rule with each formula, and a range as the formula that it is, changed."""
    read = orjson.loads(rule)
    condition = read.get("condition", {})
    for value in condition.get("values", ()):
        text = value.get("userEnteredValue", "")
        if text.startswith("="):
            value["userEnteredValue"] = change(text)
        elif text and condition.get("type") == _RANGE:
            value["userEnteredValue"] = change(f"={text}").removeprefix("=")
    return orjson.dumps(read).decode()


def moved_rule(rule: str, rows: int, columns: int) -> str:
    """The rule as if copied that many rows down and columns right: formulas go along, a range is the same for all."""
    if _RANGE in rule or not refers(rule):
        return rule
    return rewritten(rule, lambda text: moved(text, rows, columns))
