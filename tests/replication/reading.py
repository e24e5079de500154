"""What tests ask of a log."""

from db.changes import Change, Transaction
from db.log import LogState, log_state, read_log
from db.position import Position
from db.session import connect
from replication.hub import Hub
from tests.replication.leader import DEADLINE_S, value


async def state_of(dsn: str) -> LogState:
    async with await connect(dsn, "rowcast test") as connection:
        state = await log_state(connection)
    assert state is not None
    return state


async def logged(dsn: str, relation: str = "public.t") -> list[Transaction]:
    """Everything of a table that the log of this epoch has."""
    async with await connect(dsn, "rowcast test") as connection:
        state = await log_state(connection)
        assert state is not None
        start = Position(state.epoch, state.floor, 0)
        return [transaction async for transaction in read_log(connection, start, (relation,))]


async def logged_changes(dsn: str, relation: str = "public.t") -> list[Change]:
    return [change for transaction in await logged(dsn, relation) for change in transaction.changes]


async def settled(dsn: str, hub: Hub) -> None:
    """Wait until the log has everything that was committed until now."""
    lsn = await value(dsn, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
    assert isinstance(lsn, int)
    await hub.reach(lsn, DEADLINE_S)
