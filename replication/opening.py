"""Opens the log for a leader: finds that slot and log belong together, or begins a new epoch.

LSNs begin again after a restore and fork on a promoted standby, and a lost slot leaves a gap: then the positions of
before mean nothing, and to go on as if nothing had happened would lose changes in silence.
"""

from dataclasses import dataclass

import structlog

from db.lease import Term
from db.log import LogState, log_state
from db.log_append import begin_epoch
from db.session import Connection
from db.tables import PUBLICATION, restore_publication
from replication.slot import Slot, create_slot, drop_slot, find_slot, free_slot, publications, slot_name
from replication.stream import Identity

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """The log to append to. `anew` says why it had to begin a new epoch: every source must then be reconciled."""

    state: LogState
    anew: str | None


async def open_log(connection: Connection, term: Term, identity: Identity) -> Opened:
    """The log, with a slot that nobody else reads from."""
    name = await slot_name(connection)
    slot = await find_slot(connection, name)
    state = await log_state(connection)
    if slot is not None:
        await free_slot(connection, slot, {term.holder, term.previous} - {""})
    reason = why_anew(state, slot, identity, name)
    if PUBLICATION not in await publications(connection):
        reason = reason or f"its publication {PUBLICATION} was dropped, and is made again."
    if reason is None:
        assert state is not None
        return Opened(state, None)
    log.warning("the change log begins a new epoch", reason=reason)
    term.check()
    if slot is not None:
        # Before the publication is there again: who gets no further than this leaves the gap to be seen.
        await drop_slot(connection, name)
    await restore_publication(connection)
    names = await publications(connection)
    start = await create_slot(connection, name)
    state = await begin_epoch(
        connection,
        term,
        system_id=identity.system_id,
        timeline=identity.timeline,
        slot=name,
        start=start,
        publications=names,
        reason=reason,
    )
    return Opened(state, reason)


def why_anew(state: LogState | None, slot: Slot | None, identity: Identity, name: str) -> str | None:
    """Why the log can't be continued by the slot; None where it can."""
    if state is None:
        return "it is opened for the first time."
    if state.system_id != identity.system_id:
        return "the database was restored into another server."
    if state.slot != name:
        return "the database is a copy of another one."
    if state.timeline != identity.timeline:
        return "the server was restored to an earlier time, or a standby was promoted."
    if slot is None:
        return "its replication slot is gone."
    if slot.lost is not None:
        return f"its replication slot was invalidated ({slot.lost})."
    if slot.confirmed > state.decoded_to:
        return "its replication slot was moved on without it."
    return None
