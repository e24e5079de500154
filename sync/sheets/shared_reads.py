"""One call for all sources of a spreadsheet that are to be read together, whoever's run comes first.

Whoever wakes several sources of a spreadsheet says so (`expect`). The first of their runs that reads brings the
others' worksheets along, and each of those takes its own, once. What was read serves a run only if nothing has hinted
at a change of the worksheet since: a hint, and a write of ours, makes it `forget`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sync.google.drive_marks import DriveMark
from sync.google.errors import WorksheetMoved
from sync.sheets.grid import Grid

MAX_CELLS: Final = 500_000
"""In one call, and kept for runs that have not come yet: larger worksheets are read by themselves."""

_UNKNOWN_CELLS: Final = 50_000

Place = tuple[str, int]
"""A spreadsheet and the numeric id of a worksheet."""

Fetch = Callable[[Sequence[str]], Awaitable[Mapping[int, Grid]]]
"""Reads the worksheets of these titles, all in one answer; by their ids."""


@dataclass(frozen=True, slots=True)
class SharedRead:
    """A worksheet, and a mark of its file from before it was read."""

    grid: Grid
    mark: DriveMark


@dataclass(slots=True)
class _Flight:
    """A call under way, and the places that it brings along for others."""

    places: set[Place]
    over: asyncio.Event = field(default_factory=asyncio.Event)


class SharedReads:
    """What the runs of one credential's sources have of each other's reads."""

    def __init__(self) -> None:
        self._expected: dict[Place, str] = {}
        self._ready: dict[Place, SharedRead] = {}
        self._flights: dict[str, _Flight] = {}
        self._cells: dict[Place, int] = {}

    def expect(self, spreadsheet: str, titles: Mapping[int, str]) -> None:
        """These worksheets, by id, are about to be read, each by a run of its own that was woken just now."""
        for sheet_id, title in titles.items():
            self.forget((spreadsheet, sheet_id))
            self._expected[spreadsheet, sheet_id] = title

    def forget(self, place: Place) -> None:
        """What was read of a worksheet before now is too old, and nobody waits for it."""
        self._expected.pop(place, None)
        self._ready.pop(place, None)
        if (flight := self._flights.get(place[0])) is not None:
            flight.places.discard(place)

    async def read(self, place: Place, title: str, mark: DriveMark, fetch: Fetch) -> SharedRead | None:
        """The worksheet as it was at some time since it was expected, or is now. None if it isn't in the answer.

        `mark` is one of now, or of before.
        """
        flight = self._flights.get(place[0])
        if flight is not None and place in flight.places:
            await flight.over.wait()
        ready = self._ready.pop(place, None)
        self._expected.pop(place, None)
        return ready if ready is not None else await self._fetch(place, title, mark, fetch)

    async def _fetch(self, place: Place, title: str, mark: DriveMark, fetch: Fetch) -> SharedRead | None:
        spreadsheet, own = place
        others = self._companions(place)
        flight = self._flights[spreadsheet] = _Flight(set(others))
        try:
            grids = await self._fetch_all(title, others, fetch)
            for other in flight.places & others.keys():
                if other[1] in grids:
                    self._keep(other, SharedRead(grids[other[1]], mark))
        finally:
            flight.over.set()
            if self._flights.get(spreadsheet) is flight:
                del self._flights[spreadsheet]
        if own not in grids:
            return None
        self._cells[place] = _size(grids[own])
        return SharedRead(grids[own], mark)

    async def _fetch_all(self, title: str, others: Mapping[Place, str], fetch: Fetch) -> Mapping[int, Grid]:
        try:
            return await fetch([title, *others.values()])
        except WorksheetMoved:
            if not others:
                raise
        # It may be one of the others that was renamed.
        return await fetch([title])

    def _companions(self, place: Place) -> dict[Place, str]:
        """The expected worksheets of the spreadsheet that fit into one call with this one."""
        room = MAX_CELLS - self._cells.get(place, _UNKNOWN_CELLS) - _held(self._ready.values())
        found: dict[Place, str] = {}
        for other, title in list(self._expected.items()):
            cells = self._cells.get(other, _UNKNOWN_CELLS)
            if other[0] == place[0] and cells <= room:
                room -= cells
                found[other] = title
                del self._expected[other]
        return found

    def _keep(self, place: Place, read: SharedRead) -> None:
        self._cells[place] = _size(read.grid)
        if _held(self._ready.values()) + self._cells[place] <= MAX_CELLS:
            self._ready[place] = read


def _held(reads: Iterable[SharedRead]) -> int:
    return sum(_size(read.grid) for read in reads)


def _size(grid: Grid) -> int:
    return sum(map(len, grid.values))
