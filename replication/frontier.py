"""How far the log is known to go: heard from the bus, and in its silence asked of the database.

Where somebody waits for the log to get somewhere and nothing else moves it, it is moved on (`nudge`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing

from db.cursor import Cursor
from db.errors import CursorExpired, Unavailable
from db.log import LogState, log_state
from db.log_append import heartbeat
from db.position import Position
from db.session import Pool
from replication.bus import Beat, BroadcastBus

NOWHERE = Position(0, 0, 0)
"""Before the log was first heard of."""

_LOOK_S = 0.05
"""Between two looks at whether the bus works."""

_NUDGE_S = 0.05
_LONGEST_NUDGE_S = 1.0


class Frontier:
    """`listen`, `watch` and `nudge` have to run beside it, each again after it failed."""

    def __init__(
        self,
        pool: Pool,
        bus: BroadcastBus,
        *,
        silence_s: float,
        poll_s: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        goals: Callable[[], Iterable[int]],
        begun_anew: Callable[[Position], None],
    ) -> None:
        """`goals`: LSNs that others wait for; say `hurry` when there are new ones. `begun_anew`: hears of a new epoch,
        before `at` is in it.
        """
        self._pool = pool
        self._bus = bus
        self._silence_s = silence_s
        self._poll_s = poll_s
        self._clock = clock
        self._sleep = sleep
        self._goals = goals
        self._begun_anew = begun_anew
        self.at = NOWHERE
        """Behind everything that the log is known to hold."""
        self.head = NOWHERE
        """Its newest entry, or before that."""
        self._heard = float("-inf")
        self._moved = asyncio.Event()
        self._wanted = asyncio.Event()
        self._reaching: list[tuple[int, asyncio.Future[None]]] = []

    async def moved(self) -> None:
        """Wait until it is farther."""
        await self._moved.wait()

    async def known(self) -> None:
        """Wait until it was heard of."""
        while self.at == NOWHERE:
            await self.moved()

    def hurry(self) -> None:
        """Somebody waits for the log."""
        self._wanted.set()

    async def reach(self, lsn: int, timeout: float) -> None:  # noqa: ASYNC109 - the error names what was waited for
        """Wait until every commit below the LSN is in the log. Unavailable after `timeout` seconds."""
        if self.at.lsn >= lsn:
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = lsn, waiting
        self._reaching.append(entry)
        self.hurry()
        try:
            async with asyncio.timeout(timeout):
                await waiting
        except TimeoutError as error:
            raise Unavailable("The change log did not get that far in time: replication lags, try again.") from error
        finally:
            self._reaching.remove(entry)

    async def reach_cursor(self, cursor: Cursor, timeout: float) -> None:  # noqa: ASYNC109 - as `reach`
        """Wait until the log has all that the cursor is behind. CursorExpired where it can't; else as `reach`."""
        try:
            async with asyncio.timeout(timeout):
                await self.known()
        except TimeoutError as error:
            raise Unavailable("The change log is not open yet: try again in a moment.") from error
        position = cursor.position
        if position.epoch != self.at.epoch or position > self.at:
            await self.check_ahead(position)
        lsn = position.lsn + (position.index > 0)
        await self.reach(lsn if cursor.view is None else max(lsn, cursor.view.until), timeout)

    async def check_ahead(self, position: Position) -> None:
        """The cursor of a write may be ahead of the log, but not of the WAL: then it is of another history."""
        async with self._pool.connection() as connection:
            state = await log_state(connection)
            row = await (await connection.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")).fetchone()
        assert row is not None
        if state is not None:
            self._observe_state(state)
            state.check(position)
        if position.lsn > row[0]:
            raise CursorExpired("This cursor is ahead of the database, which was set back: take a new snapshot.")

    # ---- the parts that run as long as the hub

    async def listen(self) -> None:
        async with aclosing(self._bus.listen()) as beats:
            async for beat in beats:
                self._observe_beat(beat)

    async def watch(self) -> None:
        while True:
            silent = self._clock() - self._heard
            if silent >= self._silence_s or not self._bus.works:
                async with self._pool.connection() as connection:
                    state = await log_state(connection)
                if state is not None:
                    self._observe_state(state)
                await self._sleep(self._poll_s)
            else:
                await self._sleep(min(self._silence_s - silent, _LOOK_S))

    async def nudge(self) -> None:
        """Has WAL flushed and decoded when somebody waits for it and nothing else moves it."""
        pause = _NUDGE_S
        while True:
            farthest = max([*self._goals(), *(lsn for lsn, _ in self._reaching)], default=0)
            if farthest <= self.at.lsn:
                pause = _NUDGE_S
                self._wanted.clear()
                await self._wanted.wait()
                continue
            before = self.at
            await self._sleep(pause)
            if self.at == before:
                async with self._pool.connection() as connection:
                    await heartbeat(connection)
                pause = min(pause * 2, _LONGEST_NUDGE_S)
            else:
                pause = _NUDGE_S

    # ----

    def _observe_beat(self, beat: Beat) -> None:
        if beat.head.epoch != self.at.epoch:
            # Another rowcast may share the broker. That the log begins anew is for the database to say: `watch` looks.
            return
        self._heard = self._clock()
        self._observe(beat.head, beat.frontier)

    def _observe_state(self, state: LogState) -> None:
        self._observe(state.head, state.frontier)

    def _observe(self, head: Position, frontier: Position) -> None:
        if frontier <= self.at:
            return
        if self.at.epoch != frontier.epoch:
            self._begun_anew(frontier)
        self.head, self.at = max(head, self.head), frontier
        self._moved.set()
        self._moved = asyncio.Event()
        for lsn, waiting in self._reaching:
            if lsn <= frontier.lsn and not waiting.done():
                waiting.set_result(None)
