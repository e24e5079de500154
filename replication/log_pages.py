"""Pages of the log for readers with cursors of their own: neighbours share a page, however many they are.

After a restart thousands come back, each with another cursor, all of the last minutes. Those that wait are served like
by a lift: one query at a time brings the page behind the lowest cursor above the last page, then whoever stands within
it takes its part. So a storm costs as many queries as the part of the log has pages that its cursors span.
"""

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from db.changes import Transaction
from db.errors import CursorExpired
from db.log import PAGE
from db.position import Position
from db.slices import LogEntry, Slicer
from replication.log_reader import LogReader

_KEPT_BYTES = 8 << 20
"""Of the pages of one table that are kept for who comes next, by `LogPage.size`."""

_KEPT_PAGES = 100
"""However small they are: of a table that nothing happens in they have nothing in them."""

_GROWN_BYTES = 1 << 20
"""Of a page that grows: pages are forgotten whole."""

_CHANGE_BYTES = 1024
"""What a change takes in memory besides its values, roughly."""


class LogPage:
    """One table's slices behind `after`, in order, without a gap up to `end`. It may grow at its end."""

    def __init__(self, after: Position, end: Position, slices: Iterable[Transaction], size: int) -> None:
        """`size`: what it takes in memory, in bytes, roughly."""
        self.after = after
        self.end = end
        self.size = size
        self._slices = list(slices)

    def covers(self, after: Position, until: Position) -> bool:
        """Whether a reader from `after` to `until` can go on with this page. Not across epochs: that may be expired."""
        return self.after <= after < self.end and after.epoch == until.epoch == self.end.epoch

    def between(self, after: Position, until: Position) -> Iterator[Transaction]:
        """Its slices behind `after`, which may stand within the first, and before `until`."""
        start = bisect_right(self._slices, after, key=lambda each: each.position)
        for transaction in islice(self._slices, start, None):
            if transaction.position >= until:
                return
            yield transaction

    def grow(self, end: Position, slices: Sequence[Transaction], size: int) -> bool:
        """Takes what follows. False where it is large enough."""
        if len(self._slices) + len(slices) > PAGE or self.size + size > _GROWN_BYTES:
            return False
        self._slices.extend(slices)
        self.end = end
        self.size += size
        return True


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    after: Position
    until: Position
    page: "asyncio.Future[LogPage]"


class _Lift:
    """The readers of one table."""

    def __init__(self, reader: LogReader, relation: str, asking: Callable[[], None]) -> None:
        self._reader = reader
        self._asking = asking
        self._relation = relation
        self._kept: deque[LogPage] = deque()
        self._waiting: dict[_Waiting, None] = {}
        self._at = Position(0, 0, 0)
        self._task: asyncio.Task[None] | None = None
        self.readers = 0

    async def page(self, after: Position, until: Position) -> LogPage:
        """The page to go on with."""
        for page in self._kept:
            if page.covers(after, until):
                return page
        waiting = _Waiting(after, until, asyncio.get_running_loop().create_future())
        self._waiting[waiting] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"pages of {self._relation}")
        try:
            return await waiting.page
        finally:
            self._waiting.pop(waiting, None)

    def close(self) -> None:
        """Nobody waits any more."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while self._waiting:
            try:
                await self._serve()
            except Exception as error:  # noqa: BLE001 - it is the readers' to hear of, whatever it is
                self._fail(self._waiting, error)

    async def _serve(self) -> None:
        above = [each for each in self._waiting if each.after >= self._at]
        lowest = min(above or self._waiting, key=lambda each: each.after)
        until = max(each.until for each in self._waiting if each.until.epoch == lowest.until.epoch)
        try:
            page = await self._read(lowest.after, until)
        except CursorExpired as error:
            await self._expire(lowest, error)
            return
        self._at = page.end
        self._keep(page)
        for each in [each for each in self._waiting if each is lowest or page.covers(each.after, each.until)]:
            del self._waiting[each]
            if not each.page.done():
                each.page.set_result(page)

    async def _read(self, after: Position, until: Position) -> LogPage:
        # One more than a slice has: so at least one slice is complete, and known to be the last of its commit or not.
        rows = await self._reader.page(after, (self._relation,), until, PAGE + 1)
        self._asking()
        slicer = Slicer(PAGE)
        slices = [transaction for row in rows for transaction in slicer.add(row)]
        whole = len(rows) <= PAGE
        if whole:
            slices.extend(slicer.end())
        return LogPage(after, until if whole else slices[-1].position, slices, _size(rows))

    def add(self, after: Position, end: Position, slices: Sequence[Transaction], size: int) -> None:
        """What follows `after` up to `end` was read anyway."""
        last = self._kept[-1] if self._kept else None
        if last is None or last.end != after or not last.grow(end, slices, size):
            self._keep(LogPage(after, end, slices, size))
        else:
            self._forget_oldest()

    def _keep(self, page: LogPage) -> None:
        self._kept.append(page)
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        while len(self._kept) > _KEPT_PAGES or sum(each.size for each in self._kept) > _KEPT_BYTES:
            self._kept.popleft()

    async def _expire(self, lowest: _Waiting, error: CursorExpired) -> None:
        """All whose cursors are too old hear of it at once."""
        self._fail([lowest], error)
        state = await self._reader.state()
        for each in list(self._waiting):
            try:
                state.check(each.after)
            except CursorExpired as expired:
                self._fail([each], expired)

    def _fail(self, whom: Iterable[_Waiting], error: Exception) -> None:
        for each in list(whom):
            # Who gave up meanwhile is gone already.
            self._waiting.pop(each, None)
            if not each.page.done():
                each.page.set_exception(error)


def _size(rows: Iterable[LogEntry]) -> int:
    return sum(row.size + _CHANGE_BYTES for row in rows)


class LogPages:
    """Of all tables. A table's pages are forgotten when nobody reads its log any more."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._lifts: dict[str, _Lift] = {}
        self.asked = 0
        """Pages that were asked of the database so far."""

    async def read(self, relation: str, after: Position, until: Position) -> AsyncGenerator[Transaction, None]:
        """The table's slices behind `after` and before `until`, which stands between two commits, in order.

        Slices may overlap, the first with what is before `after`: their reader's cursor says what is new in them.
        CursorExpired where the log doesn't reach back to it, also later.
        """
        with self._lift(relation) as lift:
            while after < until:
                page = await lift.page(after, until)
                for transaction in page.between(after, until):
                    yield transaction
                after = page.end

    def add(
        self,
        relations: Collection[str],
        after: Position,
        end: Position,
        rows: Sequence[LogEntry],
        slices: Sequence[Transaction],
    ) -> None:
        """All that these tables' log has behind `after` and before `end`, which was read anyway."""
        if after.epoch != end.epoch:
            return
        for relation in self._lifts.keys() & relations:
            size = _size(row for row in rows if row.change.relation == relation)
            own = [each for each in slices if each.changes[0].relation == relation]
            self._lifts[relation].add(after, end, own, size)

    def _count(self) -> None:
        self.asked += 1

    @contextmanager
    def _lift(self, relation: str) -> Iterator[_Lift]:
        lift = self._lifts.get(relation)
        if lift is None:
            lift = self._lifts[relation] = _Lift(self._reader, relation, self._count)
        lift.readers += 1
        try:
            yield lift
        finally:
            lift.readers -= 1
            if not lift.readers:
                del self._lifts[relation]
                lift.close()
