"""Appends to the log what a session has decoded, whole commits, and publishes how far it goes: after, never before."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import date

from db.changes import Transaction
from db.lease import Term
from db.log import LogState
from db.log_append import advance, appending
from db.log_append_small import MOST_CHANGES, append_small
from db.position import Position
from db.session import Connection
from replication.assembler import Committed, Heartbeat
from replication.bus import Beat, BroadcastBus
from replication.recent import Recent

_AHEAD = 20
"""Batches of the stream that are decoded while Postgres takes what was appended."""

Appendable = Transaction | Committed | Heartbeat


class Appender:
    """One session's. `append` what is put into `decoded`, in the order of the stream."""

    def __init__(
        self,
        writer: Connection,
        term: Term,
        state: LogState,
        bus: BroadcastBus,
        recent: Recent,
        *,
        appended: Callable[[frozenset[str]], None],
        today: Callable[[], date],
        clock: Callable[[], float],
    ) -> None:
        """`writer`: in autocommit mode. `appended` hears the tables of each append, after it was published."""
        self._writer = writer
        self._term = term
        self._bus = bus
        self._recent = recent
        self._appended = appended
        self._today = today
        self._clock = clock
        self._head = state.head
        self._pending: deque[Transaction | Committed] = deque()
        self._asked = False
        self.decoded: asyncio.Queue[list[Appendable]] = asyncio.Queue(_AHEAD)
        self.decoded_to = self.stored = state.decoded_to
        """Below these LSNs every commit is in the log; the log says so of the second."""
        self.stored_at = clock()
        # What was not yet durable when a session before this ended is appended again.
        recent.forget()

    def publish(self) -> None:
        """Say how far the log goes."""
        self._bus.publish(Beat(self._head, self.decoded_to))

    async def append(self) -> None:
        """Until cancelled."""
        while True:
            await self._fill()
            while self._pending:
                if isinstance(first := self._pending[0], Committed):
                    self._pending.popleft()
                    self.decoded_to = max(self.decoded_to, first.end_lsn)
                else:
                    small = self._small()
                    if not (small and await self._append_small(small)):
                        await self._append_any()
            if self._asked:
                # Somebody waits for the log to get here: in another process, maybe, that hears of it by the database.
                self._asked = False
                self.publish()
                if self.decoded_to > self.stored:
                    await self.store(self._writer, beat=False)

    async def store(self, connection: Connection, *, beat: bool) -> None:
        """Keep how far an idle log goes: on a restart the slot may never be ahead of what is stored."""
        decoded_to = self.decoded_to
        await advance(connection, self._term, decoded_to, beat=beat)
        self.stored, self.stored_at = max(self.stored, decoded_to), self._clock()

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
        end = max([self.decoded_to, *(item.end_lsn for item in items if isinstance(item, Committed))])
        entries = await append_small(self._writer, self._term, commits, end, self._today())
        if entries is None:
            return False
        for _ in items:
            self._pending.popleft()
        head = commits[-1].position
        self._recent.add(self._head, entries, Position(head.epoch, end, 0))
        self._committed(head, end, frozenset(entry.change.relation for entry in entries))
        return True

    async def _append_any(self) -> None:
        """The commits that are there; a large one by itself, to its end, as it is decoded."""
        end = self.decoded_to
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
        self._committed(append.head, end, frozenset(append.relations))

    def _committed(self, head: Position, end: int, relations: frozenset[str]) -> None:
        """The append is."""
        self._head = head
        self.decoded_to = self.stored = end
        self.stored_at = self._clock()
        self.publish()
        self._appended(relations)

    async def _fill(self) -> None:
        """Take all that was decoded, at least one batch."""
        items = await self.decoded.get()
        while not self.decoded.empty():
            items += self.decoded.get_nowait()
        for item in items:
            if isinstance(item, Heartbeat):
                self._asked = True
            # At or below the head it was sent again, after a crash between append and confirm.
            elif isinstance(item, Committed) or item.position.lsn > self._head.lsn:
                self._pending.append(item)
