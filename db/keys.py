"""A row's key as one text, equal in SQL and in Python: a JSON array of the key columns as Postgres prints them.

>>> key_text(["7", 'O"Neil'])
'["7", "O\\\\"Neil"]'
>>> key_values('["7"]')
['7']
"""

import json
from collections.abc import Sequence

from psycopg import sql

MAX_KEY_BYTES = 2_000
"""An index of Postgres takes 2.7 kB, and ours hold a little more than the key."""


_quoted = json.encoder.encode_basestring


def is_too_long(key: str) -> bool:
    """Whether a key text is longer than the sync can keep."""
    return len(key) * 4 > MAX_KEY_BYTES and len(key.encode()) > MAX_KEY_BYTES


def key_text(values: Sequence[str]) -> str:
    """The key text of Postgres' texts, in the order of the key columns; ordered by code point, like COLLATE "C"."""
    if len(values) == 1:
        return f"[{_quoted(values[0])}]"
    return f"[{', '.join(map(_quoted, values))}]"


def key_values(text: str) -> list[str]:
    """The key columns' texts of a key text that `key_text` or `key_sql` made."""
    values: list[str] = json.loads(text)
    return values


def shown_key(text: str) -> str:
    """A key text as people read it.

    >>> shown_key('["1007"]'), shown_key('["7", "DE"]')
    ('1007', '7, DE')
    """
    return ", ".join(key_values(text))


def key_sql(columns: Sequence[str], alias: str = "t") -> sql.Composed:
    """The SQL expression of a row's key text. `concat` prints as pgoutput does (`::text` has true for t)."""
    printed = sql.SQL(", ").join(sql.SQL("concat({})").format(sql.Identifier(alias, column)) for column in columns)
    return sql.SQL('(jsonb_build_array({})::text COLLATE "C")').format(printed)
