"""Regular expressions as Google reads them, RE2's: what may take forever elsewhere takes time by the text's length, and
there are no backreferences and no look-around."""

import re
from typing import Any

import re2

Expression = Any
"""A compiled one. The library has no types; its objects are as those of `re`."""
_GROUP = re.compile(r"\$(\d)")


class InvalidExpression(ValueError):
    """The text is no regular expression; the message says why."""


def compiled(text: str, match_case: bool = True) -> Expression:
    """Raises InvalidExpression."""
    options = re2.Options()
    options.case_sensitive = match_case
    options.log_errors = False
    try:
        return re2.compile(text, options=options)
    except re2.error as error:
        why = error.args[0] if error.args else ""
        raise InvalidExpression(why.decode() if isinstance(why, bytes) else str(why)) from error


def replaced(expression: Expression, replacement: str, text: str) -> tuple[str, int]:
    """The text with each match replaced, where `$1` stands for a group, and how many there were."""

    def expand(match: Any) -> str:
        return _GROUP.sub(lambda group: _part(match, group), replacement)

    changed, count = expression.subn(expand, text)
    return str(changed), int(count)


def _part(match: Any, group: re.Match[str]) -> str:
    """What the group matched; what stands for it where the expression has no such group."""
    number = int(group[1])
    return str(match[number] or "") if number <= match.re.groups else group[0]
