"""One source under edits from all sides, with a server that may be killed; and what must hold once it is quiet."""

import asyncio
import time
from typing import Final

from tests.interleavings.agreement import OF_SOURCE, Agreement
from tests.interleavings.ledger import Ledger, scalars
from tests.interleavings.place import Place
from tests.interleavings.sides import Json, Sides
from tests.server import eventually

_ROWS: Final = 8
_MOST_RUNS: Final = 40
_ON_ITS_WAY_S: Final = 60
_DEADLINE_S: Final = 60.0
_COUNTS: Final = ("databaseUpserts", "databaseDeletes", "sourceUpserts", "sourceDeletes")
_SYNC: Final = f"mutation ($name: String!) {{ syncSource(name: $name) {{ id state message {' '.join(_COUNTS)} }} }}"
_REGISTER: Final = "mutation ($input: RegisterSourceInput!) { registerSource(input: $input) { name } }"
_END: Final = "mutation ($name: String!) { deleteSource(name: $name, dropTable: true) { id } }"


class World:
    """`begin`; let things be done; then `settle` and `check`, and `end`."""

    def __init__(
        self, sides: Sides, place: Place, ledger: Ledger, agreement: Agreement, policy: str, deletes: str
    ) -> None:
        self._sides = sides
        self._place = place
        self._ledger = ledger
        self._agreement = agreement
        self._policy = policy
        self._deletes = deletes

    async def begin(self) -> None:
        """Registered and imported."""
        await asyncio.to_thread(self._place.fill, _ROWS)
        settings = {
            "name": self._sides.name,
            "key": ["id"],
            "pollSeconds": 1,
            "conflictPolicy": self._policy,
            "deletePolicy": self._deletes,
            **self._place.settings(),
        }
        await self._sides.server.graphql(_REGISTER, {"input": settings})
        await self._place.connect(self._sides)
        await self.settle()

    async def end(self) -> None:
        await self._sides.graphql(_END)

    async def settle(self) -> None:
        """No more faults; run until two runs in a row find nothing to do. Held deletes are let go."""
        await self._sides.control("DELETE", "faults")
        await asyncio.to_thread(self._place.tidy)
        calm, run = 0, None
        for _ in range(_MOST_RUNS):
            run = (await self._sides.graphql(_SYNC))["syncSource"]
            if run["state"] == "HELD":
                await self._sides.let_go()
            idle = run["state"] in ("SUCCEEDED", "PARTIAL") and not any(run[count] for count in _COUNTS)
            calm = calm + 1 if idle else 0
            if calm == 2:
                return
        raise AssertionError(f"It does not come to rest: {run}")

    async def check(self) -> None:
        """Both sides agree but where an open conflict or failure says so, and no edit is lost. A write may be on its
        way for a while, until it counts as a failure, and a row that is missing be waited for."""
        until = time.monotonic() + _ON_ITS_WAY_S
        while True:
            # Before: what was on its way may have arrived between the two looks.
            unsettled = await self._agreement.unsettled()
            found = await self._agreement.broken()
            if found is None:
                break
            assert unsettled, found
            assert time.monotonic() < until, f"{found}, and something is on its way for ever"
            await self.settle()
        lines = await asyncio.to_thread(self._place.lines)
        assert all(line.get("id") is not None for line in lines), "a row without a key"
        lost: dict[str, str] = {}

        async def all_found() -> bool:
            nonlocal lost
            lost = await self._lost()
            return not lost

        try:
            # The log follows the commits: the last of them may still be on its way to it.
            await eventually(all_found, _DEADLINE_S)
        except AssertionError as error:
            raise AssertionError(f"lost edits: {lost}") from error

    async def _lost(self) -> dict[str, str]:
        """What was entered and is nowhere to be found, though whoever wrote over it could have seen it."""
        lost = self._ledger.lost(await self._found())
        unseen = [value for value in lost if await asyncio.to_thread(self._place.is_unseen, value)]
        self._ledger.forget(unseen)
        return {value: what for value, what in lost.items() if value not in unseen}

    async def _found(self) -> set[str]:
        """Every value in the source, the table, the history, the conflicts and failures."""
        sides = self._sides
        documents: list[Json] = [
            *await asyncio.to_thread(self._place.lines),
            *await sides.sql("SELECT * FROM {table}"),
            *await sides.sql("SELECT before, after FROM rowcast.changes WHERE relation = %s", f"public.{sides.name}"),
            *await sides.sql(
                f"SELECT base, database, source_value, choice_value FROM rowcast.conflicts {OF_SOURCE}", sides.name
            ),
            *await sides.sql(f"SELECT value FROM rowcast.failures {OF_SOURCE}", sides.name),
        ]
        return {value for document in documents for value in scalars(document)}
