"""The rows that changed after a cursor, as they were then: gathered from the log into a temporary table.

`rowcast_rollback` has one row for each key text that an entry after the cursor names: `before` is the row's image then
(null: there was none), `shape` the names of the columns that it has, `latest` the image that the log saw last. It stays
on the server, on disk where it is large, and is dropped with the transaction.
"""

from collections.abc import Collection

from db.changes import Operation
from db.cursor import Cursor
from db.errors import LimitExceeded
from db.log_format import ANEW
from db.log_names import OF_RELATION
from db.position import LAST_INDEX, Position
from db.session import Connection

MOST_LINKED = 1000
"""Keys that changes of key may join to one row's."""

_LATER = f"""{OF_RELATION} AND epoch = %(epoch)s AND (lsn, index) > (%(lsn)s, %(index)s)
    AND (lsn > %(until)s OR NOT pg_visible_in_snapshot(xid::text::xid8, %(snapshot)s::pg_snapshot))"""

_NAMED = """(hashtextextended({0}, 0) = ANY(ARRAY(SELECT hashtextextended(k, 0) FROM unnest(%(keys)s::text[]) k))
        AND {0} = ANY(%(keys)s))"""

_ANY_NAMED = f"({_NAMED.format('key')} OR {_NAMED.format('old_key')})"

_LINKED = f"SELECT key, old_key FROM rowcast.log_entries WHERE {_LATER} AND {_ANY_NAMED} AND old_key <> ''"  # noqa: S608

_EMPTIED = f"SELECT max(lsn) FROM rowcast.log_entries WHERE {_LATER} AND operation = %(operation)s"  # noqa: S608

_TOUCHED = f"SELECT FROM rowcast.log_entries WHERE {OF_RELATION} AND {_ANY_NAMED} LIMIT 1"

# A change of key takes the row away from one key and gives it to another. Only places are sorted: images are large.
_GATHER = """
CREATE TEMPORARY TABLE rowcast_rollback ON COMMIT DROP AS
WITH later AS (
    SELECT lsn, index, operation, key, old_key FROM rowcast.log_entries WHERE {later} AND operation NOT IN ('T', 'N')
), touched AS (
    SELECT key, lsn, index, operation <> 'I' AND old_key = '' AS had, operation <> 'D' AS has FROM later
    UNION ALL
    SELECT old_key, lsn, index, true, false FROM later WHERE old_key <> ''
), first AS (
    SELECT DISTINCT ON (key) key, lsn, index, had FROM touched ORDER BY key, lsn, index
), last AS (
    SELECT DISTINCT ON (key) key, lsn, index, has FROM touched ORDER BY key, lsn DESC, index DESC
), images AS MATERIALIZED (
    SELECT first.key, CASE WHEN first.had THEN f.before END AS before, CASE WHEN last.has THEN l.after END AS latest
    FROM first JOIN last ON last.key = first.key
    JOIN rowcast.changes f ON f.epoch = %(epoch)s AND f.lsn = first.lsn AND f.index = first.index
    JOIN rowcast.changes l ON l.epoch = %(epoch)s AND l.lsn = last.lsn AND l.index = last.index
)
SELECT *, CASE WHEN before IS NOT NULL THEN ARRAY(SELECT json_object_keys(before)) END AS shape FROM images
"""


async def linked_keys(connection: Connection, relation: str, cursor: Cursor, key: str) -> set[str]:
    """The key and those that changes of key after the cursor join to it: the row had them, or rows that had it did.

    LimitExceeded where they are more than MOST_LINKED.
    """
    found, asked = {key}, set[str]()
    while wanted := found - asked:
        rows = await connection.execute(_LINKED, _parameters(relation, cursor, wanted))
        asked |= wanted
        found.update(key for pair in await rows.fetchall() for key in pair)
        if len(found) > MOST_LINKED:
            raise LimitExceeded(
                f"More than {MOST_LINKED} changes of key are tied up with the row: roll the source back instead."
            )
    return found


async def is_known(connection: Connection, relation: str, key: str) -> bool:
    """Whether the log names the key at all."""
    rows = await connection.execute(_TOUCHED, {"relation": relation, "keys": [key]})
    return await rows.fetchone() is not None


async def last_truncate(connection: Connection, relation: str, cursor: Cursor) -> Position | None:
    """The end of the last commit after the cursor that truncated the table."""
    return await _last(connection, relation, cursor, Operation.TRUNCATE[0])


async def last_begun_anew(connection: Connection, relation: str, cursor: Cursor) -> Position | None:
    """The last place after the cursor where the table was logged anew."""
    return await _last(connection, relation, cursor, ANEW)


async def _last(connection: Connection, relation: str, cursor: Cursor, operation: str) -> Position | None:
    parameters = {**_parameters(relation, cursor), "operation": operation}
    row = await (await connection.execute(_EMPTIED, parameters)).fetchone()
    return None if row is None or row[0] is None else Position(cursor.position.epoch, row[0], LAST_INDEX)


async def gather(connection: Connection, relation: str, cursor: Cursor, keys: Collection[str] | None) -> None:
    """Make `rowcast_rollback`: of these keys, or with None of all."""
    later = _LATER if keys is None else f"{_LATER} AND {_ANY_NAMED}"
    await connection.execute(_GATHER.format(later=later).encode(), _parameters(relation, cursor, keys or ()))
    await connection.execute("ANALYZE rowcast_rollback")


async def shapes(connection: Connection) -> list[list[str]]:
    """The different shapes of the gathered images: more than one where columns came or went meanwhile."""
    rows = await connection.execute("SELECT DISTINCT shape FROM rowcast_rollback WHERE before IS NOT NULL")
    return [shape for (shape,) in await rows.fetchall()]


def _parameters(relation: str, cursor: Cursor, keys: Collection[str] = ()) -> dict[str, object]:
    position, view = cursor.position, cursor.view
    return {
        "relation": relation,
        "epoch": position.epoch,
        "lsn": position.lsn,
        "index": position.index,
        "until": -1 if view is None else view.until,
        "snapshot": None if view is None else str(view.snapshot),
        "keys": sorted(keys),
    }
