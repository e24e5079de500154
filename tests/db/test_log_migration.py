"""A log that an earlier version wrote: it is read as before, by all who read it, once its database was migrated."""

from datetime import UTC, date, datetime

from db.changes import Cause, Change, Operation, Transaction
from db.lease import Term
from db.log import drop_history, history, partitions, read_log
from db.log_append import appending, ensure_partitions
from db.migrate import upgrade
from db.position import Position
from db.session import connect
from tests.replication.leader import execute

OLD = """
UPDATE rowcast.lease SET term = 1, holder = 'h';
INSERT INTO rowcast.epochs VALUES (5, 50, 'test');
INSERT INTO rowcast.log_state (epoch, system_id, timeline, slot, term, head_lsn, head_index, decoded_to, floor_lsn,
    publications) VALUES (5, 's', 1, 'slot', 1, 400, 1, 401, 50, '{p}');
CREATE TABLE rowcast.changes_20260309 PARTITION OF rowcast.changes FOR VALUES FROM ('2026-03-09') TO ('2026-03-10');
CREATE TABLE rowcast.changes_20260310 PARTITION OF rowcast.changes FOR VALUES FROM ('2026-03-10') TO ('2026-03-11');
INSERT INTO rowcast.changes VALUES
    (5, 100, 1, '2026-03-09', 1, '2026-03-09T01:00Z', 'public.a', 'INSERT', 'k', NULL, NULL, '{"id":1,"d":"\\ud800"}',
     'SOURCE', 'sheet'),
    (5, 100, 2, '2026-03-09', 1, '2026-03-09T01:00Z', 'public.b', 'UPDATE', 'k', NULL, '{"id":1}', '{"id":1,"n":1.0}',
     'SOURCE', 'sheet'),
    (5, 200, 1, '2026-03-10', 2, '2026-03-10T01:00Z', 'public.a', 'UPDATE', 'l', 'k', '{"id":1}', '{"id":2}',
     'SQL', NULL),
    (5, 300, 1, '2026-03-10', 3, '2026-03-10T01:00Z', 'public.a', 'DELETE', 'l', NULL, '{"id":2}', NULL,
     'ROLLBACK', 'me'),
    (5, 400, 1, '2026-03-10', 4, '2026-03-10T01:00Z', 'public.a', 'TRUNCATE', NULL, NULL, NULL, NULL, 'API', 'me')
"""
_SHOWN = "SELECT * FROM rowcast.changes ORDER BY epoch, lsn, index"


async def test_an_old_log_is_read_as_before_and_goes_on(empty_database: str) -> None:
    upgrade(empty_database, "0016")
    for statement in OLD.split(";\n"):
        await execute(empty_database, statement)
    shown = await _rows(empty_database, _SHOWN)
    upgrade(empty_database)
    assert await _rows(empty_database, _SHOWN) == shown
    async with await connect(empty_database, "rowcast test") as connection:
        at = datetime(2026, 3, 9, 1, tzinfo=UTC)
        first = Change(Position(5, 100, 1), "public.a", Operation.INSERT, "k", None, None, {"id": 1, "d": "\ud800"})
        second = Change(Position(5, 100, 2), "public.b", Operation.UPDATE, "k", None, {"id": 1}, {"id": 1, "n": 1.0})
        read = [each async for each in read_log(connection, Position(5, 50, 0))]
        assert read[:2] == [
            Transaction(1, at, Cause.SOURCE, "sheet", (first,), last=True),
            Transaction(1, at, Cause.SOURCE, "sheet", (second,), last=True),
        ]
        assert [each.changes[0].operation for each in read[2:]] == ["UPDATE", "DELETE", "TRUNCATE"]
        day = date(2026, 3, 10)
        await ensure_partitions(connection, day)
        new = Change(Position(5, 500, 1), "public.a", Operation.INSERT, "l", None, None, {"id": 2})
        async with appending(connection, Term(1, "h", "", float("inf")), lambda: 501, day) as log:
            await log.write(Transaction(5, at, Cause.SQL, None, (new,), last=True))
        entries = await history(connection, "public.a", "l", None, 10)
        assert [(one.change.operation, one.cause, one.actor) for one in entries] == [
            ("INSERT", Cause.SQL, None),
            ("DELETE", Cause.ROLLBACK, "me"),
            ("UPDATE", Cause.SQL, None),
        ]
        assert entries[2].change.old_key == "k"
        async with connection.transaction():
            await drop_history(connection, 1, date(2026, 3, 11))
        assert [day for _, day in await partitions(connection)] == [day, date(2026, 3, 11)]


async def _rows(dsn: str, query: str) -> list[str]:
    async with await connect(dsn, "rowcast test") as connection:
        return [str(row) for row in await (await connection.execute(query.encode())).fetchall()]
