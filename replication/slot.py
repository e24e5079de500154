"""The publications and the replication slot: what the server keeps for us, and what became of it."""

from collections.abc import Collection
from dataclasses import dataclass

import psycopg

from db.session import Connection
from replication.errors import SlotInUse, SlotNotReady

CREATE_TIMEOUT = "10s"


@dataclass(frozen=True, slots=True)
class Slot:
    """A replication slot. `confirmed`: commits below this LSN are never sent again. `lost` says why it is useless."""

    name: str
    confirmed: int
    active_pid: int | None
    lost: str | None


async def publications(connection: Connection) -> tuple[str, ...]:
    """Ours, and those that owners made for us: `rowcast_*`, by name."""
    cursor = await connection.execute(
        r"SELECT pubname FROM pg_publication WHERE pubname LIKE 'rowcast\_%' ORDER BY pubname"
    )
    return tuple(name for (name,) in await cursor.fetchall())


async def slot_name(connection: Connection) -> str:
    """Slots belong to the cluster: the database's OID tells ours from another database's."""
    row = await (
        await connection.execute("SELECT 'rowcast_' || oid FROM pg_database WHERE datname = current_database()")
    ).fetchone()
    assert row is not None
    return str(row[0])


async def find_slot(connection: Connection, name: str) -> Slot | None:
    """The slot as the server has it."""
    cursor = await connection.execute(
        # As JSON: invalidation_reason is there from 17 on.
        """SELECT (confirmed_flush_lsn - '0/0')::bigint, active_pid, wal_status = 'lost',
               to_jsonb(s) ->> 'invalidation_reason', plugin
           FROM pg_replication_slots s WHERE slot_name = %s""",
        (name,),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    confirmed, active_pid, lost, reason, plugin = row
    if plugin != "pgoutput":
        reason = f"it was made for the plugin {plugin}"
    elif reason is None and (lost or confirmed is None):
        reason = "the server removed WAL that it still needed"
    return Slot(name, confirmed or 0, active_pid, reason)


async def create_slot(connection: Connection, name: str) -> int:
    """Make the slot; returns the LSN from which on it has every commit. SlotNotReady while old transactions run."""
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('lock_timeout', %s, true)", (CREATE_TIMEOUT,))
            cursor = await connection.execute(
                "SELECT (lsn - '0/0')::bigint FROM pg_create_logical_replication_slot(%s, 'pgoutput')", (name,)
            )
            row = await cursor.fetchone()
    except psycopg.errors.LockNotAvailable as error:
        raise SlotNotReady(
            "The replication slot can't be made before all transactions have ended that run now: "
            "end those that pg_stat_activity shows with an old xact_start."
        ) from error
    assert row is not None
    return int(row[0])


async def drop_slot(connection: Connection, name: str) -> None:
    """Let the server forget the slot."""
    await connection.execute("SELECT pg_drop_replication_slot(%s)", (name,))


async def free_slot(connection: Connection, slot: Slot, holders: Collection[str]) -> None:
    """End the walsender that has the slot if it is one of `holders` (application names). Else SlotInUse."""
    if slot.active_pid is None:
        return
    cursor = await connection.execute(
        """SELECT application_name, CASE WHEN application_name = ANY(%s) THEN pg_terminate_backend(pid, 5000) END
           FROM pg_stat_activity WHERE pid = %s""",
        (list(holders), slot.active_pid),
    )
    row = await cursor.fetchone()
    if row is not None and not row[1]:
        raise SlotInUse(
            f"The replication slot {slot.name} is used by another program (process {slot.active_pid}, "
            f"application_name {row[0]!r}): stop that program."
        )
