"""Carries out what a person asks for who lets one side overwrite the other, or wants to see first what it would do."""

import asyncio
from typing import Any, Final

from tests.interleavings import actions as act
from tests.interleavings.agreement import OF_SOURCE, Agreement
from tests.interleavings.deeds import Done
from tests.interleavings.place import Place
from tests.interleavings.sides import Json, Sides
from tests.server import eventually

_OVERWRITE: Final = """mutation ($name: String!, $winner: Side!) {
    syncSource(name: $name, winner: $winner) { state message } }"""
_DRY_RUN: Final = """mutation ($name: String!, $winner: Side) {
    syncSource(name: $name, winner: $winner, dryRun: true) { state message } }"""
_PAUSE: Final = "mutation ($name: String!) { pauseSource(name: $name) { state } }"
_RESUME: Final = "mutation ($name: String!) { resumeSource(name: $name) { state } }"
_LAST_RUN: Final = "query ($name: String!) { source(name: $name) { lastRun { state } } }"
_DEADLINE_S: Final = 120.0
_KEPT: Final = ("base", "conflicts", "failures")


class Overwriting:
    """`done_by` has them by action."""

    def __init__(self, sides: Sides, place: Place, agreement: Agreement) -> None:
        self._sides = sides
        self._place = place
        self._agreement = agreement
        self.done_by: dict[type, Done] = {act.Overwrite: self._overwrite, act.DryRun: self._dry_run}

    async def _overwrite(self, action: act.Overwrite) -> None:
        """Once it is done both sides are alike, but for what the source or the table can't take.

        An edit that was typed between the run's reading and its writing goes its way in the next run.
        """
        answer = await self._sides.attempt(_OVERWRITE, winner=action.winner)
        if (
            answer is None
            or answer["syncSource"]["message"] != f"The {action.winner.lower()} overwrote the other side."
        ):
            return
        await eventually(self._agree, _DEADLINE_S)

    async def _agree(self) -> bool:
        return await self._agreement.broken_for_good() is None

    async def _dry_run(self, action: act.DryRun) -> None:
        """While the source is paused nobody else writes: all that there was is there still.

        Not what is armed to be typed at the next reading, which would be the dry run's.
        """
        await self._sides.control("DELETE", "faults")
        await asyncio.to_thread(self._place.tidy)
        await self._sides.graphql(_PAUSE)
        await eventually(self._is_quiet)
        before = await self._everything()
        await self._sides.attempt(_DRY_RUN, winner=action.winner)
        after = await self._everything()
        assert after == before, f"a dry run wrote: {before} became {after}"
        await self._sides.graphql(_RESUME)

    async def _is_quiet(self) -> bool:
        run = (await self._sides.graphql(_LAST_RUN))["source"]["lastRun"]
        return run is None or run["state"] != "RUNNING"

    async def _everything(self) -> Json:
        sides = self._sides
        kept: list[list[dict[str, Any]]] = [
            await sides.sql(f"SELECT * FROM rowcast.{name} {OF_SOURCE} ORDER BY 1, 2", sides.name) for name in _KEPT
        ]
        # A write that was sent before may arrive as late as it likes.
        settled = not await self._agreement.unsettled()
        lines = await asyncio.to_thread(self._place.lines) if settled else []
        return await sides.sql("SELECT * FROM {table} ORDER BY id"), kept, lines
