"""One source under edits from all sides, with a server that may be killed; and what must hold once it is quiet."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any, Final

from tests.interleavings.ledger import Ledger, canonical, scalars
from tests.interleavings.place import Place
from tests.interleavings.sides import Json, Sides
from tests.server import eventually

_ROWS: Final = 8
_MOST_RUNS: Final = 40
_ON_ITS_WAY_S: Final = 60
_DATA: Final = ("name", "city", "qty", "note")
_COUNTS: Final = ("databaseUpserts", "databaseDeletes", "sourceUpserts", "sourceDeletes")
_SYNC: Final = f"mutation ($name: String!) {{ syncSource(name: $name) {{ id state message {' '.join(_COUNTS)} }} }}"
_REGISTER: Final = "mutation ($input: RegisterSourceInput!) { registerSource(input: $input) { name } }"
_END: Final = "mutation ($name: String!) { deleteSource(name: $name, dropTable: true) { id } }"
_OPEN: Final = """query ($name: String!) {
    conflicts(source: $name, first: 1000) { nodes { key column } }
    failures(source: $name, first: 1000) { nodes { key column } }
    discarded: failures(source: $name, state: DISCARDED, first: 1000) { nodes { key column } } }"""
_CONFLICTS: Final = "SELECT base, database, source_value, choice_value FROM rowcast.conflicts"
_OF_SOURCE: Final = "WHERE source_id = (SELECT id FROM rowcast.sources WHERE name = %s)"


@dataclass(frozen=True, slots=True)
class Excused:
    """What the two sides may differ in: rows and cells with a conflict or failure that is open, or was given up."""

    rows: frozenset[int]
    cells: frozenset[tuple[int, str]]

    def admits(self, key: int, column: str) -> bool:
        return key in self.rows or (key, column) in self.cells


class World:
    """`begin`; let things be done; then `settle` and `check`, and `end`."""

    def __init__(self, sides: Sides, place: Place, ledger: Ledger, policy: str, deletes: str) -> None:
        self._sides = sides
        self._place = place
        self._ledger = ledger
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
        while (found := await self._disagreement()) is not None:
            assert await self._unsettled(), found
            assert time.monotonic() < until, f"{found}, and something is on its way for ever"
            await self.settle()
        await eventually(self._all_found, 20)

    async def _unsettled(self) -> bool:
        """Whether a write may still arrive, or a row is missing that counts as deleted only when it still is later."""
        rows = await self._sides.sql(
            f"SELECT FROM rowcast.base {_OF_SOURCE} AND (pending IS NOT NULL OR missing > 0)", self._sides.name
        )
        return bool(rows)

    async def _disagreement(self) -> str | None:
        source, table, excused, kept = (
            await self._source(),
            await self._table(),
            await self._excused(),
            await self._kept(),
        )
        assert not kept & source.keys(), "what the source has is not absent there"
        for key in sorted(source.keys() | table.keys() - kept):
            if key in excused.rows:
                continue
            if (key in source) is not (key in table):
                return f"row {key} is only on one side"
            for column in _DATA:
                here, there = source[key][column], table[key][column]
                if here != there and not excused.admits(key, column):
                    return f"{column} of {key}: the source has {here!r}, the table {there!r}"
        return None

    async def _source(self) -> dict[int, dict[str, str | None]]:
        return {int(line["id"]): _row(line) for line in await asyncio.to_thread(self._place.lines)}

    async def _table(self) -> dict[int, dict[str, str | None]]:
        seen = " WHERE deleted_at IS NULL" if self._deletes == "SOFT" else ""
        return {row["id"]: _row(row) for row in await self._sides.sql(f"SELECT * FROM {{table}}{seen}")}

    async def _kept(self) -> set[int]:
        """The keys of the rows that the table keeps though the source has them no more."""
        rows = await self._sides.sql(f"SELECT key FROM rowcast.base {_OF_SOURCE} AND absent", self._sides.name)
        return {int(json.loads(row["key"])[0]) for row in rows}

    async def _excused(self) -> Excused:
        found = await self._sides.graphql(_OPEN)
        rows, cells = set(), set()
        for node in [one for kind in found.values() for one in kind["nodes"]]:
            if node["key"] is None:
                continue
            if node["column"] is None:
                rows.add(node["key"]["id"])
            else:
                cells.add((node["key"]["id"], node["column"]))
        return Excused(frozenset(rows), frozenset(cells))

    async def _all_found(self) -> bool:
        """The log follows the commits: the last of them may still be on its way to it."""
        lost = self._ledger.lost(await self._found())
        unseen = [value for value in lost if await asyncio.to_thread(self._place.is_unseen, value)]
        self._ledger.forget(unseen)
        return len(lost) == len(unseen)

    async def _found(self) -> set[str]:
        """Every value in the source, the table, the history, the conflicts and failures."""
        sides = self._sides
        documents: list[Json] = [
            *await asyncio.to_thread(self._place.lines),
            *await sides.sql("SELECT * FROM {table}"),
            *await sides.sql("SELECT before, after FROM rowcast.changes WHERE relation = %s", f"public.{sides.name}"),
            *await sides.sql(
                f"SELECT base, database, source_value, choice_value FROM rowcast.conflicts {_OF_SOURCE}", sides.name
            ),
            *await sides.sql(f"SELECT value FROM rowcast.failures {_OF_SOURCE}", sides.name),
        ]
        return {value for document in documents for value in scalars(document)}


def _row(line: dict[str, Any]) -> dict[str, str | None]:
    return {name: None if line.get(name) in (None, "") else canonical(line[name]) for name in _DATA}
