"""Drive's search language, as far as it finds spreadsheets: `name contains 'x' and not 'me' in owners`."""

import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime

from sandbox.drive import SPREADSHEET_TYPE, File
from sandbox.google.errors import BadRequest, invalid_parameter

_TOKEN = re.compile(r"""\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[()]|[<>]=?|!=|=|[A-Za-z]+|\Z)""")
_ORDERS: dict[str, Callable[[datetime, datetime], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip
_ROLES = {"owners": ("owner",), "writers": ("owner", "writer"), "readers": ("owner", "writer", "commenter", "reader")}
_DEEPEST = 100  # parts within one another
Test = Callable[[File], bool]
_SORT_KEYS: dict[str, Callable[[File], str | datetime]] = {
    "name": lambda file: file.name.casefold(),
    "name_natural": lambda file: file.name.casefold(),
    "createdTime": lambda file: file.created,
    "modifiedTime": lambda file: file.modified,
    "modifiedByMeTime": lambda file: file.modified,
    "recency": lambda file: file.modified,
}
# Google sorts by these, too; the sandbox's files are alike in them.
_SAME_FOR_ALL = ("folder", "quotaBytesUsed", "sharedWithMeTime", "starred", "viewedByMeTime")


def parse_query(text: str, caller: str) -> Test:
    """What the query says of a file; `caller` is who `me` is.

    Raises:
        BadRequest: it is malformed, or asks for what the sandbox doesn't know.
    """
    if len(re.findall(r"\(|\bnot\b", text)) > _DEEPEST:
        raise invalid_parameter("q", "Invalid Value")
    reader = _Reader(text, caller)
    if reader.ended():
        return lambda _file: True
    test = reader.either()
    if not reader.ended():
        raise reader.unread()
    return test


class _Reader:
    """Reads a query from left to right; `not` binds before `and`, and that before `or`."""

    def __init__(self, text: str, caller: str) -> None:
        self._text = text
        self._caller = caller
        self._position = 0

    def ended(self) -> bool:
        return self._peek() == ""

    def either(self) -> Test:
        tests = [self._all()]
        while self._taken("or"):
            tests.append(self._all())
        return lambda file: any(test(file) for test in tests)

    def unread(self) -> BadRequest:
        rest = self._text[self._position :].strip()
        return invalid_parameter("q", f"Invalid Value: the sandbox can't read the query from '{rest}' on.")

    def _all(self) -> Test:
        tests = [self._one()]
        while self._taken("and"):
            tests.append(self._one())
        return lambda file: all(test(file) for test in tests)

    def _one(self) -> Test:
        if self._taken("not"):
            test = self._one()
            return lambda file: not test(file)
        if self._taken("("):
            inner = self.either()
            if not self._taken(")"):
                raise self.unread()
            return inner
        return self._term()

    def _term(self) -> Test:
        start = self._position
        first, second, third = self._next(), self._next(), self._next()
        test = self._of_collection(first, third) if second == "in" else self._of_field(first, second, third)
        if test is None:
            self._position = start
            raise self.unread()
        return test

    def _of_collection(self, value: str, collection: str) -> Test | None:
        if value[:1] not in ("'", '"'):
            return None
        who = _unquoted(value)
        if collection == "parents":
            return lambda file: who in file.parents
        if collection not in _ROLES:
            return None
        roles, address = _ROLES[collection], self._caller if who == "me" else who
        return lambda file: any(p.names(address) and p.role in roles for p in file.permissions)

    def _of_field(self, field: str, sign: str, value: str) -> Test | None:
        if value in ("true", "false") and sign in ("=", "!="):
            wanted = (value == "true") is (sign == "=")
            flags: dict[str, Test] = {
                "trashed": lambda file: file.trashed,
                "starred": lambda _file: False,
                "sharedWithMe": lambda file: file.lists(self._caller) and not _owns(file, self._caller),
            }
            flag = flags.get(field)
            return flag and (lambda file: flag(file) is wanted)
        if value[:1] not in ("'", '"'):
            return None
        text = _unquoted(value)
        if field in ("modifiedTime", "createdTime"):
            return _by_time(field, sign, text)
        return _by_text(field, sign, text)

    def _peek(self) -> str | None:
        match = _TOKEN.match(self._text, self._position)
        return None if match is None else match[1]

    def _next(self) -> str:
        match = _TOKEN.match(self._text, self._position)
        if match is None:
            raise self.unread()
        self._position = match.end()
        return match[1]

    def _taken(self, word: str) -> bool:
        if self._peek() != word:
            return False
        self._next()
        return True


def _by_time(field: str, sign: str, text: str) -> Test | None:
    """By the time of a change; without a zone it is in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    order = _ORDERS.get(sign)
    if order is None:
        return None
    return lambda file: order(file.modified if field == "modifiedTime" else file.created, moment)


def _by_text(field: str, sign: str, text: str) -> Test | None:
    """By name or type. `contains` finds names with a word that begins so, as Google does."""
    read: Callable[[File], str]
    if field in ("name", "fullText"):
        read = lambda file: file.name  # noqa: E731 - the other one is as short
    elif field == "mimeType":
        read = lambda _file: SPREADSHEET_TYPE  # noqa: E731
    else:
        return None
    if sign == "contains":
        begins = re.compile(rf"(?<!\w){re.escape(text)}", re.IGNORECASE)
        return lambda file: begins.search(read(file)) is not None
    return (lambda file: (read(file) == text) is (sign == "=")) if sign in ("=", "!=") else None


def _owns(file: File, email: str) -> bool:
    return any(owner.names(email) for owner in file.owners())


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def sort_files(files: list[File], order: str) -> None:
    """Sorts by Drive's `orderBy`, as `modifiedTime desc,name`; the last changed ones first where it is empty.

    Raises:
        BadRequest: a key that there isn't.
    """
    for term in reversed(order.split(",") if order else ["modifiedTime desc"]):
        key, _, direction = term.strip().partition(" ")
        if direction not in ("", "desc") or key not in (*_SORT_KEYS, *_SAME_FOR_ALL):
            raise invalid_parameter("orderBy", "Invalid Value")
        if key in _SORT_KEYS:
            files.sort(key=_SORT_KEYS[key], reverse=direction == "desc")
