"""Replication as the leader runs it: opens the log, streams, and begins again whenever that was interrupted.

Postgres may restart, be away for an hour, lose the slot: replication stays, says how it does (`status`), and comes
back by itself. It ends only with the term, or by a bug.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import date

import psycopg
import structlog

from db.lease import Term
from db.log_append import set_publications, utc_today
from db.session import Connection, connect
from replication.assembler import Assembler
from replication.bus import BroadcastBus
from replication.errors import StreamInterrupted
from replication.opening import open_log
from replication.recent import Recent
from replication.session import ReplicationStatus, Session
from replication.slot import publications
from replication.stream import walsender
from replication.table_watch import TableWatch
from replication.turns import Turns

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0


class Replication:
    """One leadership's. `run` it beside the sync; all its sessions carry the term's holder as application_name."""

    def __init__(
        self,
        dsn: str,
        term: Term,
        bus: BroadcastBus,
        origin_key: bytes,
        *,
        appended: Callable[[frozenset[str]], None],
        reconcile: Callable[[str], None],
        recent: Recent | None = None,
        turns: Turns | None = None,
        today: Callable[[], date] = utc_today,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`appended` hears the tables of each append, after it was published. `reconcile` hears why the log began
        anew: every source must then be compared. Both are called in the event loop and must not wait. `recent`: where
        the hub of this process finds what was appended.
        """
        self._dsn = dsn
        self._term = term
        self._bus = bus
        self._origin_key = origin_key
        self._appended = appended
        self._reconcile = reconcile
        self._recent = recent or Recent()
        self._turns = turns or Turns()
        self._today = today
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._status = ReplicationStatus(streaming=False, reason="it has not begun yet")
        self._failures = 0
        self._wanted: tuple[str, ...] | None = None

    @property
    def status(self) -> ReplicationStatus:
        """How it does, at most a second ago."""
        return self._status

    async def run(self) -> None:
        """Replicate until cancelled. LeadershipLost when the term is over."""
        try:
            while True:
                self._term.check()
                try:
                    await self._stream()
                except (psycopg.Error, StreamInterrupted, TimeoutError) as error:
                    self._interrupted(error)
                    pause = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**self._failures)
                    self._failures += 1
                    await self._sleep(pause * self._jitter())
        finally:
            self._status = ReplicationStatus(streaming=False, reason="this process does not lead")

    async def _stream(self) -> None:
        """One session; returns where the next one should begin at once, with all publications that there are."""
        async with AsyncExitStack() as stack:
            control = await stack.enter_async_context(await connect(self._dsn, self._term.holder))
            writer = await stack.enter_async_context(await connect(self._dsn, self._term.holder))
            watcher = await stack.enter_async_context(await connect(self._dsn, self._term.holder))
            sender = await stack.enter_async_context(walsender(self._dsn, self._term.holder))
            opened = await open_log(control, self._term, await sender.identify())
            state = opened.state
            if opened.anew is not None:
                self._wanted = None
                self._reconcile(opened.anew)
            names = await self._names(control, state.publications)
            stream = await stack.enter_async_context(sender.stream(state.slot, names, state.decoded_to))
            if names != state.publications:
                await set_publications(control, self._term, names)
            session = Session(
                stream,
                control,
                writer,
                self._term,
                state,
                names,
                self._bus,
                self._recent,
                Assembler(state.epoch, self._origin_key, await _next_xid(control)),
                TableWatch(watcher, self._term, names, clock=self._clock, sleep=self._sleep),
                self._turns,
                appended=self._appended,
                status=self._measured,
                today=self._today,
                clock=self._clock,
                sleep=self._sleep,
            )
            log.info("streaming", slot=state.slot, publications=names, epoch=state.epoch)
            self._status = ReplicationStatus(streaming=True)
            await session.run()
            self._wanted = await publications(control)

    async def _names(self, control: Connection, streamed: tuple[str, ...]) -> tuple[str, ...]:
        """What to stream: what the last session settled on, else what was streamed before, as far as it exists.

        A publication that appeared while nobody streamed waits like one that appears now: see PublicationWatch.
        """
        wanted = streamed if self._wanted is None else self._wanted
        self._wanted = None
        existing = await publications(control)
        return tuple(name for name in existing if name in wanted)

    def _measured(self, status: ReplicationStatus) -> None:
        self._status = status
        self._failures = 0

    def _interrupted(self, error: Exception) -> None:
        reason = str(error).strip() or repr(error)
        self._status = ReplicationStatus(streaming=False, reason=reason)
        log.warning("replication was interrupted, beginning again", reason=reason, failures=self._failures)


async def _next_xid(connection: Connection) -> int:
    row = await (await connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")).fetchone()
    assert row is not None
    return int(row[0])
