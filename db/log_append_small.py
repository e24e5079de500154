"""Small commits into the log, in one statement: a commit of one row is what most are, and how soon they are published.

`db.log_append` appends the same by several statements and COPY, which takes any number of rows, and new names.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from db.changes import Transaction
from db.lease import Term
from db.log_format import CAUSES, code_of, images, names_size, rows_size
from db.log_names import names_known
from db.session import Connection
from db.slices import LogEntry

MOST_CHANGES: Final = 100
"""Of one statement; COPY is cheaper then."""

_MOST_BYTES: Final = 1 << 20
"""Of the rows of one statement."""

# All or nothing, as the fence and the head say. Durable it is a little later, as an append by COPY is.
_APPEND: Final = """WITH fence AS (
        SELECT set_config('synchronous_commit', 'off', true) FROM rowcast.lease WHERE term = %s AND holder = %s
        FOR KEY SHARE),
    moved AS (
        UPDATE rowcast.log_state SET head_lsn = %s, head_index = %s, decoded_to = greatest(decoded_to, %s), term = %s,
            updated_at = clock_timestamp() FROM fence WHERE epoch = %s AND head_lsn < %s RETURNING epoch),
    appended AS (
        INSERT INTO rowcast.log_entries (epoch, day, lsn, xid, committed_at, cause, actor, index, relation, layout,
            operation, key, old_key, image, replaced)
        SELECT moved.epoch, %s::date, entry.* FROM moved, unnest(%s::bigint[], %s::bigint[], %s::timestamptz[],
            %s::"char"[], %s::text[], %s::integer[], %s::integer[], %s::integer[], %s::"char"[], %s::text[],
            %s::text[], %s::text[], %s::text[]) entry)
    SELECT (SELECT count(*) FROM fence), (SELECT count(*) FROM moved)"""


async def append_small(
    connection: Connection, term: Term, commits: Sequence[Transaction], decoded_to: int, day: date
) -> list[LogEntry] | None:
    """The entries, as readers get them. None where it has to be done by `db.log_append`; nothing was written then.

    Whole commits, in order, on a connection in autocommit mode. LeadershipLost where the term is over.
    """
    async with names_known(connection) as names:
        rows, entries = [], []
        for commit in commits:
            of_commit = (
                str(commit.position.lsn),
                str(commit.xid),
                commit.committed_at.isoformat(),
                CAUSES[commit.cause],
                commit.actor or "",
            )
            for change in commit.changes:
                columns, image, replaced = images(change)
                relation = names.relations.get(change.relation)
                layout = None if columns is None else names.layouts.get(columns)
                if relation is None or (layout is None and columns is not None):
                    return None
                rows.append(
                    (
                        *of_commit,
                        str(change.position.index),
                        str(relation),
                        None if layout is None else str(layout),
                        code_of(change),
                        change.key,
                        change.old_key or "",
                        image,
                        replaced,
                    )
                )
                named = 0 if columns is None else names_size(columns)
                size = rows_size(named, len(image.encode()), len(replaced.encode()), twice=replaced.startswith("["))
                entries.append(
                    LogEntry(change, commit.xid, commit.committed_at, commit.cause, commit.actor or None, size)
                )
        if sum(entry.size for entry in entries) > _MOST_BYTES:
            return None
        term.check()
        first, head = commits[0].position.lsn, commits[-1].position
        given = (term.number, term.holder, head.lsn, head.index, decoded_to, term.number, head.epoch, first, day)
        cursor = await connection.execute(_APPEND, (*given, *map(_array, zip(*rows, strict=True))), prepare=True)
        fenced, moved = await cursor.fetchone() or (0, 0)
    if not fenced:
        raise term.ended()
    if not moved:
        raise RuntimeError(f"The log's head is not before {first}: two writers, or a commit given twice.")
    return entries


def _array(values: Iterable[str | None]) -> str:
    """As Postgres reads an array: psycopg would look up how each value is printed."""
    return "{" + ",".join(["NULL" if each is None else _quoted(each) for each in values]) + "}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"') if "\\" in value or '"' in value else value
    return f'"{escaped}"'
