"""A row's key as one text, equal in SQL and in Python: a JSON array of the key columns as Postgres prints them.

>>> key_text(["7", 'O"Neil'])
'["7", "O\\\\"Neil"]'
>>> key_values('["7"]')
['7']
"""

import json
from collections.abc import Sequence

from psycopg import sql


def key_text(values: Sequence[str]) -> str:
    """The key text of Postgres' texts, in the order of the key columns; ordered by code point, like COLLATE "C"."""
    return json.dumps(list(values), ensure_ascii=False)


def key_values(text: str) -> list[str]:
    """The key columns' texts of a key text that `key_text` or `key_sql` made."""
    values: list[str] = json.loads(text)
    return values


def key_sql(columns: Sequence[str], alias: str = "t") -> sql.Composed:
    """The SQL expression of a row's key text. `concat` prints as pgoutput does (`::text` has true for t)."""
    printed = sql.SQL(", ").join(sql.SQL("concat({})").format(sql.Identifier(alias, column)) for column in columns)
    return sql.SQL('(jsonb_build_array({})::text COLLATE "C")').format(printed)
