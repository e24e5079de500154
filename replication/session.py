"""One streaming session of the leader: takes frames, appends whole commits, publishes, confirms what is flushed.

Four loops. The first reads and decodes, while Postgres still takes what the second appends: what was appended is
published after, never before. The third looks once a second at how far the server's WAL is flushed and lets it forget
only what the stored log holds; it also keeps an idle slot moving, and watches the publications. The fourth tells the
hubs again and again how far the log goes.
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
from db.log_append import advance, appending, ensure_partitions
from db.log_append_small import MOST_CHANGES, append_small
from db.position import Position
from db.session import Connection
from replication.assembler import Assembler, Committed, Heartbeat, LoggedTable, Unreadable, WantsKeys
from replication.bus import Beat, BroadcastBus
from replication.errors import StreamSilent
from replication.publication_watch import PublicationWatch, Sight
from replication.recent import Recent
from replication.stream import Stream

log = structlog.get_logger(__name__)

TICK_S = 1.0
PULSE_S = 0.25
IDLE_S = 10.0
_VISIBLE_S = 0.001
_AHEAD = 20
"""Batches of the stream that are decoded while Postgres takes what was appended."""

_SIGHT = r"""SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint, (pg_current_wal_flush_lsn() - '0/0')::bigint,
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
        array(SELECT pubname::text FROM pg_publication WHERE pubname LIKE 'rowcast\_%' ORDER BY pubname)"""

# The commit that the stream tells of may not be visible yet: then what it did to the sources isn't, either.
_KEYS = """SELECT %(xid)s::bigint IS NULL OR pg_visible_in_snapshot(%(xid)s::bigint::text::xid8, pg_current_snapshot()),
        coalesce(log_name, relation), relation, key,
        CASE WHEN NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                              WHERE n.nspname || '.' || c.relname = relation) THEN (table_seen ->> 'oid')::bigint END,
        ARRAY(SELECT coalesce(a.attname, name) FROM unnest(key) WITH ORDINALITY k (name, n)
              LEFT JOIN pg_attribute a ON a.attrelid = (table_seen ->> 'oid')::oid AND NOT a.attisdropped
                  AND a.attnum = (table_seen -> 'columns' ->> name)::int2 ORDER BY n)
    FROM (SELECT) one LEFT JOIN rowcast.sources ON true LEFT JOIN rowcast.sync_state ON source_id = id"""


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
        *,
        appended: Callable[[frozenset[str]], None],
        status: Callable[[ReplicationStatus], None],
        today: Callable[[], date],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._stream = stream
        self._control = control
        self._writer = writer
        self._term = term
        self._bus = bus
        self._recent = recent
        self._assembler = assembler
        self._appended = appended
        self._status = status
        self._today = today
        self._clock = clock
        self._sleep = sleep
        self._head = state.head
        self._decoded_to = self._stored = state.decoded_to
        self._stored_at = clock()
        self._decoded: asyncio.Queue[list[Transaction | Committed | Heartbeat]] = asyncio.Queue(_AHEAD)
        self._pending: deque[Transaction | Committed] = deque()
        self._asked = False
        self._marks: deque[tuple[int, int]] = deque()
        self._samples: deque[tuple[float, int]] = deque()
        self._watch = PublicationWatch(publications)
        self._reported: set[Unreadable] = set()
        self._day: date | None = None

    async def run(self) -> None:
        """Stream. Returns when it should begin anew at once, raises when it can't go on."""
        await self._make_partitions()
        # What was not yet durable when a session before this ended is appended again.
        self._recent.forget()
        self._publish()
        parts = (self._read, self._write, self._tick, self._pulse)
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
            items: list[Transaction | Committed | Heartbeat] = []
            for item in self._assembler.feed(await self._stream.receive()):
                match item:
                    case WantsKeys():
                        await self._report(self._assembler.know(await self._keys()))
                    case Unreadable():
                        await self._report([item])
                    case _:
                        items.append(item)
            await self._decoded.put(items)
            # There may be more to read, and to append, at once and for long: everybody else in the process gets a turn.
            await asyncio.sleep(0)

    async def _keys(self) -> list[LoggedTable]:
        """The key columns of the tables that have a source, once the commit that is being read is visible."""
        xid = self._assembler.transaction
        while True:
            rows = await (await self._control.execute(_KEYS, {"xid": xid})).fetchall()
            if rows[0][0]:
                return [
                    LoggedTable(log_name, relation, tuple(key), oid, tuple(key_now))
                    for _, log_name, relation, key, oid, key_now in rows
                    if relation is not None
                ]
            await self._sleep(_VISIBLE_S)

    async def _report(self, problems: list[Unreadable]) -> None:
        for problem in problems:
            if problem not in self._reported:
                self._reported.add(problem)
                log.error("a table can't be logged as it should", relation=problem.relation, reason=problem.reason)
                await insert_event(self._control, EventKind.SYSTEM, None, problem.reason, {"table": problem.relation})

    # ---- append

    async def _write(self) -> None:
        while True:
            await self._fill()
            while self._pending:
                if isinstance(first := self._pending[0], Committed):
                    self._pending.popleft()
                    self._decoded_to = max(self._decoded_to, first.end_lsn)
                else:
                    await self._append()
            if self._asked:
                # Somebody waits for the log to get here: in another process, maybe, that hears of it by the database.
                self._asked = False
                self._publish()
                if self._decoded_to > self._stored:
                    await self._store(self._writer, beat=False)

    async def _append(self) -> None:
        """Append the commits that are there; a large one by itself, to its end, as it is decoded."""
        small = self._small()
        if not (small and await self._append_small(small)):
            await self._append_by_copy()

    def _small(self) -> list[Transaction | Committed]:
        """The commits that one statement can append, if there are such."""
        found, changes = [], 0
        for item in self._pending:
            if isinstance(item, Transaction):
                changes += len(item.changes)
                if not item.last or changes > MOST_CHANGES:
                    break
            found.append(item)
        return found

    async def _append_small(self, items: Sequence[Transaction | Committed]) -> bool:
        commits = [item for item in items if isinstance(item, Transaction)]
        end = max([self._decoded_to, *(item.end_lsn for item in items if isinstance(item, Committed))])
        entries = await append_small(self._writer, self._term, commits, end, self._today())
        if entries is None:
            return False
        for _ in items:
            self._pending.popleft()
        head = commits[-1].position
        self._recent.add(self._head, entries, Position(head.epoch, end, 0))
        self._appended_to(head, end, frozenset(entry.change.relation for entry in entries))
        return True

    def _appended_to(self, head: Position, end: int, relations: frozenset[str]) -> None:
        """The append is committed."""
        self._head = head
        self._decoded_to = self._stored = end
        self._stored_at = self._clock()
        self._publish()
        self._appended(relations)

    async def _append_by_copy(self) -> None:
        end = self._decoded_to
        large = False
        async with appending(self._writer, self._term, lambda: end, self._today()) as append:
            while self._pending or large:
                if not self._pending:
                    await self._fill()
                    continue
                item = self._pending[0]
                if isinstance(item, Transaction) and not item.last and append.head is not None and not large:
                    break
                self._pending.popleft()
                if isinstance(item, Transaction):
                    await append.write(item)
                    await asyncio.sleep(0)
                    large = large or not item.last
                else:
                    end = max(end, item.end_lsn)
                    if large:
                        break
        assert append.head is not None
        self._recent.forget()
        self._appended_to(append.head, end, frozenset(append.relations))

    async def _fill(self) -> None:
        """Take all that was decoded, at least one batch."""
        items = await self._decoded.get()
        while not self._decoded.empty():
            items += self._decoded.get_nowait()
        for item in items:
            if isinstance(item, Heartbeat):
                self._asked = True
            # At or below the head it was sent again, after a crash between append and confirm.
            elif isinstance(item, Committed) or item.position.lsn > self._head.lsn:
                self._pending.append(item)

    # ---- publish, confirm, keep moving

    def _publish(self) -> None:
        self._bus.publish(Beat(self._head, self._decoded_to))

    async def _pulse(self) -> None:
        """Says again how far the log goes, so that a lost beat, the last one too, is noticed, and a silent backend."""
        while True:
            await self._sleep(PULSE_S)
            self._publish()

    async def _tick(self) -> None:
        while True:
            await self._sleep(TICK_S)
            self._term.check()
            stored = self._stored  # before: what is stored meanwhile may be behind what the WAL had then
            written, flushed, xmin, xmax, names = await self._look()
            self._confirm(written, flushed, stored)
            await self._stream.report(ask=True)
            self._publish()
            if self._watch.pending or self._clock() - self._stored_at >= IDLE_S:
                await self._store(self._control, beat=True)
            await self._make_partitions()
            self._measure(flushed)
            if self._watch.look(Sight(tuple(names), xmin, xmax, written), self._stored):
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

    async def _store(self, connection: Connection, *, beat: bool) -> None:
        """Keep how far an idle log goes: on a restart the slot may never be ahead of what is stored."""
        decoded_to = self._decoded_to
        await advance(connection, self._term, decoded_to, beat=beat)
        self._stored, self._stored_at = max(self._stored, decoded_to), self._clock()

    def _measure(self, flushed: int) -> None:
        """How long ago the server's WAL ended where the log ends now: no clock but ours is asked."""
        now = self._clock()
        self._samples.append((now, flushed))
        while self._samples and self._samples[0][1] <= self._decoded_to:
            self._samples.popleft()
        waiting = now - self._samples[0][0] if self._samples else 0.0
        self._status(ReplicationStatus(True, max(0, flushed - self._decoded_to), waiting))

    async def _make_partitions(self) -> None:
        today = self._today()
        if today != self._day:
            await ensure_partitions(self._control, today)
            self._day = today
