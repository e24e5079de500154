"""How a run ends that did not carry out all that it was for: what is stored, when the next one is due, what people are
told. And the end that all runs have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from db.base import save_base
from db.events import EventKind, insert_event
from db.held import hold
from db.lease import Term
from db.runs import Run, RunState, finish_run
from db.session import Connection, Pool
from db.sources import Source, SourceState, locked_source
from db.sync_requests import end_request
from db.sync_state import postpone, set_state_of_run
from sync.runs.apply import is_bound_anew, same_binding
from sync.runs.compare import Comparison
from sync.runs.hold import Hold
from sync.runs.table_follow import was_altered
from sync.runs.work import Work

RESTLESS: Final = timedelta(seconds=5)
"""Before the next run of a source that does not come to rest."""

_FIRST_PAUSE_S: Final = 2.0
_LONGEST_PAUSE_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Endings:
    """Each is a transaction of its own, but for those that are given a connection. `jitter`: a fraction of 1."""

    pool: Pool
    term: Term
    clock: Callable[[], datetime]
    jitter: Callable[[], float]

    async def unchanged(self, work: Work) -> Run | None:
        """Nothing could differ."""
        async with self.pool.connection() as connection:
            return await finish_run(connection, work.run.id, RunState.UNCHANGED, work.counts, None)

    async def held(self, work: Work, found: Comparison, held: Hold) -> Run | None:
        """Nothing is written either way, what would be deleted is shown."""
        source = work.source
        async with self.pool.connection() as connection, connection.transaction():
            await self.term.fence(connection)
            now = await locked_source(connection, source.id)
            if now is None:
                return None
            if is_bound_anew(now, source):
                return await self.overtaken(connection, work)
            await save_base(connection, source.id, found.noted)
            await hold(connection, source.id, work.run.id, held.deletes)
            await set_state(connection, source, SourceState.HELD, held.reason)
            return await finish(connection, work, RunState.HELD, held.reason)

    async def changed(self, work: Work) -> Run | None:
        """What was planned is not for the source as it is now: the rest of the run is not done."""
        message = "The source's settings were changed amid the run, or it was paused: the rest of the run was not done."
        return await self._partial(work, message, timedelta())

    async def altered(self, work: Work) -> Run | None:
        """Somebody altered the table by SQL: the next run follows it."""
        message = "The table was altered amid the run: the next one goes on with it as it is now."
        return await self._partial(work, message, timedelta())

    async def busy(self, work: Work, reason: str) -> Run | None:
        """Somebody else holds the table."""
        return await self._partial(work, reason, RESTLESS)

    async def overtaken(self, connection: Connection, work: Work) -> Run | None:
        """The source became another one after the run's edits: what it found is no news of that one."""
        await postpone(connection, work.source.id, self.clock())
        message = "The source's settings were changed amid the run: the next run begins with them."
        return await finish(connection, work, RunState.PARTIAL, message)

    async def unfit(self, work: Work, reason: str) -> Run | None:
        """The table is not what the source needs: unless it is another one since the run began, or the source is."""
        if await was_altered(self.pool, work):
            return await self.altered(work)
        async with self.pool.connection() as connection:
            same = await same_binding(connection, work.source)
        return await self.unreachable(work, reason) if same else await self.changed(work)

    async def unreachable(self, work: Work, reason: str, rest: timedelta = timedelta()) -> Run | None:
        """The next run is due after a pause that grows with each failure, and `rest` before it."""
        pause = self.jitter() * min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(work.state.attempts, 10))
        async with self.pool.connection() as connection, connection.transaction():
            await self.term.fence(connection)
            await postpone(connection, work.source.id, self.clock() + rest + timedelta(seconds=pause))
            await set_state(connection, work.source, SourceState.FAILING, reason)
            return await finish(connection, work, RunState.FAILED, reason)

    async def broken_off(self, work: Work, error: Exception) -> None:
        """By a bug, or a lost database."""
        async with self.pool.connection() as connection, connection.transaction():
            await self.term.fence(connection)
            message = f"The run broke off by an error of rowcast itself ({type(error).__name__}); the log has more."
            await finish(connection, work, RunState.FAILED, message)

    async def _partial(self, work: Work, message: str, rest: timedelta) -> Run | None:
        async with self.pool.connection() as connection, connection.transaction():
            await self.term.fence(connection)
            await postpone(connection, work.source.id, self.clock() + rest)
            return await finish(connection, work, RunState.PARTIAL, message)


async def set_state(connection: Connection, source: Source, state: SourceState, reason: str | None) -> None:
    """What the run says of its source; people are told where that is news."""
    if await set_state_of_run(connection, source.id, state, reason) and state is not source.state:
        message = f"{source.name} is {state}." if reason is None else f"{source.name} is {state}: {reason}"
        await insert_event(connection, EventKind.STATE, source.name, message, {"state": state, "reason": reason})


async def finish(connection: Connection, work: Work, state: RunState, message: str | None) -> Run | None:
    """The run is over; None where it was deleted with its source."""
    run = await finish_run(connection, work.run.id, state, work.counts, message)
    if state is RunState.FAILED and work.request is not None and not work.request.lasting:
        await end_request(connection, work.request.id)
    if run is not None:
        text = f"Run {run.id} ended: {state}." if message is None else f"Run {run.id} ended: {state}. {message}"
        detail = {"run": str(run.id), "state": str(state)}
        await insert_event(connection, EventKind.RUN_FINISHED, work.source.name, text, detail)
    return run
