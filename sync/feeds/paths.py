"""Which paths of a feed are plain: a way by names alone, that can be followed record by record and written back. Pure.

JSON: JMESPath of identifiers joined by dots, `@` for the document itself. XML: XPath of element names joined by
slashes, absolute for records; a field may end in an attribute, or be `.`, the record's own text.

>>> plain_json("data.orders"), plain_json("@"), plain_json("orders[0]")
(('data', 'orders'), (), None)
>>> plain_records("/rates/r:rate"), plain_field("price/@currency")
(('rates', 'r:rate'), ('price', '@currency'))
"""

import re

_IDENTIFIER = r'(?:[A-Za-z_][A-Za-z0-9_]*|"[^"\\]+")'
_JSON = re.compile(rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})*\Z", re.ASCII)
_IDENTIFIERS = re.compile(_IDENTIFIER, re.ASCII)
_NAME = r"(?:[^\W\d][\w.-]*:)?[^\W\d][\w.-]*"
_RECORDS = re.compile(rf"(?:/{_NAME})+\Z")
_FIELD = re.compile(rf"(?:\.|@{_NAME}|{_NAME}(?:/{_NAME})*(?:/@{_NAME})?)\Z")


def plain_json(path: str) -> tuple[str, ...] | None:
    """The names of a plain JMESPath; None where it is more than that."""
    path = path.strip()
    if path in ("", "@"):
        return ()
    if not _JSON.match(path):
        return None
    return tuple(name.strip('"') for name in _IDENTIFIERS.findall(path))


def plain_records(path: str) -> tuple[str, ...] | None:
    """The element names from the root to the records of a plain absolute XPath; None where it is more than that."""
    return tuple(path.strip()[1:].split("/")) if _RECORDS.match(path.strip()) else None


def plain_field(path: str) -> tuple[str, ...] | None:
    """The steps of a plain XPath within a record, the last one maybe an attribute; () for the record's own text."""
    path = path.strip()
    if path == ".":
        return ()
    return tuple(path.split("/")) if _FIELD.match(path) else None
