"""One streaming session of the leader: takes frames, has whole commits appended, confirms what is flushed.

Five loops. The first reads and decodes, while Postgres still takes what the second, the `Appender`, appends. The third
looks once a second at how far the server's WAL is flushed and lets it forget only what the stored log holds; it also
keeps an idle slot moving, and watches the publications. The fourth tells the hubs again and again how far the log goes.
The last is the `TableWatch`'s.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date

import structlog

from db.changes import Transaction
from db.events import EventKind, insert_event
from db.lease import Term
from db.log import LogState
from db.log_append import ensure_partitions
from db.session import Connection
from replication.appender import Appendable, Appender
from replication.assembler import Assembler, LoggedTable, Unreadable, WantsKeys
from replication.bus import BroadcastBus
from replication.errors import StreamSilent
from replication.publication_watch import PublicationWatch, Sight
from replication.recent import Recent
from replication.stream import Stream
from replication.table_watch import TableWatch
from replication.turns import Turns

log = structlog.get_logger(__name__)

TICK_S = 1.0
PULSE_S = 0.25
IDLE_S = 10.0
_VISIBLE_S = 0.001
_LONGEST_VISIBLE_S = 0.1

_SIGHT = r"""SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint, (pg_current_wal_flush_lsn() - '0/0')::bigint,
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
        array(SELECT pubname::text FROM pg_publication WHERE pubname LIKE 'rowcast\_%' ORDER BY pubname)"""

# The commit that the stream tells of may not be visible yet: then what it did to the sources isn't, either.
_KEYS = """SELECT %(xid)s::bigint IS NULL OR pg_visible_in_snapshot(%(xid)s::bigint::text::xid8, pg_current_snapshot()),
        table_.log_name, key, oid, from_lsn, xid, coalesce(
            lead(key) OVER later,
            ARRAY(SELECT coalesce(a.attname, name) FROM unnest(key) WITH ORDINALITY k (name, n)
                  LEFT JOIN pg_attribute a ON a.attrelid = (table_seen ->> 'oid')::oid AND NOT a.attisdropped
                      AND a.attnum = (table_seen -> 'columns' ->> name)::int2 ORDER BY n))
    FROM (SELECT) one LEFT JOIN rowcast.logged_tables table_ ON true
    LEFT JOIN LATERAL (SELECT table_seen FROM rowcast.sync_state JOIN rowcast.sources s ON s.id = source_id
                       WHERE coalesce(s.log_name, relation) = table_.log_name LIMIT 1) seen ON true
    WINDOW later AS (PARTITION BY table_.log_name ORDER BY from_lsn)"""


@dataclass(frozen=True, slots=True)
class ReplicationStatus:
    """How replication does: the WAL that is flushed and not yet in the log, and for how long it has been waiting.

    `reason` says why it isn't streaming.
    """

    streaming: bool
    lag_bytes: int = 0
    lag_seconds: float = 0.0
    reason: str | None = None


class Session:
    """Runs until the stream breaks, or the publications changed (then `run` returns)."""

    def __init__(
        self,
        stream: Stream,
        control: Connection,
        writer: Connection,
        term: Term,
        state: LogState,
        publications: tuple[str, ...],
        bus: BroadcastBus,
        recent: Recent,
        assembler: Assembler,
        tables: TableWatch,
        turns: Turns,
        *,
        appended: Callable[[frozenset[str]], None],
        status: Callable[[ReplicationStatus], None],
        today: Callable[[], date],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._stream = stream
        self._control = control
        self._term = term
        self._assembler = assembler
        self._tables = tables
        self._turns = turns
        self._status = status
        self._today = today
        self._clock = clock
        self._sleep = sleep
        self._appender = Appender(writer, term, state, bus, recent, appended=appended, today=today, clock=clock)
        self._marks: deque[tuple[int, int]] = deque()
        self._samples: deque[tuple[float, int]] = deque()
        self._watch = PublicationWatch(publications)
        self._reported: set[Unreadable] = set()
        self._day: date | None = None

    async def run(self) -> None:
        """Stream. Returns when it should begin anew at once, raises when it can't go on."""
        await self._make_partitions()
        self._appender.publish()
        parts = (self._read, self._appender.append, self._tick, self._pulse, self._tables.watch)
        loops = {asyncio.create_task(part(), name=part.__name__) for part in parts}
        try:
            done, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in loops:
                task.cancel()
            await asyncio.wait(loops)
        for task in done:
            task.result()

    # ---- read

    async def _read(self) -> None:
        while True:
            items: list[Appendable] = []
            for item in self._assembler.feed(await self._stream.receive()):
                match item:
                    case WantsKeys():
                        await self._report(self._assembler.know(await self._keys()))
                    case Unreadable():
                        await self._report([item])
                    case _:
                        items.append(item)
            if any(isinstance(item, Transaction) for item in items):
                self._turns.hold()
            await self._appender.decoded.put(items)
            # There may be more to read, and to append, at once and for long: everybody else in the process gets a turn.
            await asyncio.sleep(0)

    async def _keys(self) -> list[LoggedTable]:
        """The key columns of the tables that have a source, once the commit that is being read is visible."""
        xid = self._assembler.transaction
        pause = _VISIBLE_S
        while True:
            rows = await (await self._control.execute(_KEYS, {"xid": xid})).fetchall()
            if rows[0][0]:
                return [
                    LoggedTable(log_name, tuple(key), oid, since, xid, tuple(key_now))
                    for _, log_name, key, oid, since, xid, key_now in rows
                    if log_name is not None
                ]
            # Postgres has nothing that waits until another's commit is seen. That is mostly at once, and takes as long
            # as a synchronous standby does where there is one.
            await self._sleep(pause)
            pause = min(2 * pause, _LONGEST_VISIBLE_S)

    async def _report(self, problems: list[Unreadable]) -> None:
        for problem in problems:
            if problem not in self._reported:
                self._reported.add(problem)
                log.error("a table can't be logged as it should", relation=problem.relation, reason=problem.reason)
                await insert_event(self._control, EventKind.SYSTEM, None, problem.reason, {"table": problem.relation})

    # ---- publish, confirm, keep moving

    async def _pulse(self) -> None:
        """Says again how far the log goes, so that a lost beat, the last one too, is noticed, and a silent backend."""
        while True:
            await self._sleep(PULSE_S)
            self._appender.publish()

    async def _tick(self) -> None:
        while True:
            await self._sleep(TICK_S)
            self._term.check()
            stored = self._appender.stored  # before: what is stored meanwhile may be behind what the WAL had then
            written, flushed, xmin, xmax, names = await self._look()
            self._confirm(written, flushed, stored)
            await self._stream.report(ask=True)
            self._appender.publish()
            if self._watch.pending or self._clock() - self._appender.stored_at >= IDLE_S:
                await self._appender.store(self._control, beat=True)
            await self._make_partitions()
            self._measure(flushed)
            if self._watch.look(Sight(tuple(names), xmin, xmax, written), self._appender.stored):
                log.info("the publications changed, streaming anew", publications=names)
                return

    async def _look(self) -> tuple[int, int, int, int, Sequence[str]]:
        """What `_SIGHT` asks for. StreamSilent without an answer: it waits for no lock, so the network is gone."""
        patience_s = self._stream.patience_s
        try:
            async with asyncio.timeout(patience_s):
                row = await (await self._control.execute(_SIGHT)).fetchone()
        except TimeoutError as error:
            raise StreamSilent(f"Postgres sent nothing for {patience_s:.1f} s in answer to a query.") from error
        assert row is not None
        written, flushed, xmin, xmax, names = row
        return written, flushed, xmin, xmax, names

    def _confirm(self, written: int, flushed: int, stored: int) -> None:
        """Confirm that the log was `stored` so far by when the WAL ended at `written`, once that much is flushed."""
        while self._marks and self._marks[0][0] <= flushed:
            self._stream.confirm(self._marks.popleft()[1])
        if not self._marks or self._marks[-1][1] < stored:
            self._marks.append((written, stored))

    def _measure(self, flushed: int) -> None:
        """How long ago the server's WAL ended where the log ends now: no clock but ours is asked."""
        now = self._clock()
        self._samples.append((now, flushed))
        while self._samples and self._samples[0][1] <= self._appender.decoded_to:
            self._samples.popleft()
        waiting = now - self._samples[0][0] if self._samples else 0.0
        self._status(ReplicationStatus(True, max(0, flushed - self._appender.decoded_to), waiting))

    async def _make_partitions(self) -> None:
        today = self._today()
        if today != self._day:
            await ensure_partitions(self._control, today)
            self._day = today
