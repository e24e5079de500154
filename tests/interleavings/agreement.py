"""Whether a source and its table agree, and what they may differ in."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Final

from tests.interleavings.ledger import canonical
from tests.interleavings.place import Place
from tests.interleavings.sides import Sides

_DATA: Final = ("name", "city", "qty", "note")
_OPEN: Final = """query ($name: String!) {
    conflicts(source: $name, first: 1000) { nodes { key column } }
    failures(source: $name, first: 1000) { nodes { key column } }
    discarded: failures(source: $name, state: DISCARDED, first: 1000) { nodes { key column } } }"""
OF_SOURCE: Final = "WHERE source_id = (SELECT id FROM rowcast.sources WHERE name = %s)"


@dataclass(frozen=True, slots=True)
class Excused:
    """What the two sides may differ in: rows and cells with a conflict or failure that is open, or was given up."""

    rows: frozenset[int]
    cells: frozenset[tuple[int, str]]

    def admits(self, key: int, column: str) -> bool:
        return key in self.rows or (key, column) in self.cells


class Agreement:
    """`deletes` is the source's policy: what it keeps in the table of rows that the source has no more."""

    def __init__(self, sides: Sides, place: Place, deletes: str) -> None:
        self._sides = sides
        self._place = place
        self._deletes = deletes

    async def broken(self) -> str | None:
        """What the two sides differ in though no conflict and no failure says so."""
        return await self._broken(frozenset())

    async def broken_for_good(self) -> str | None:
        """The same, but for the rows in which something may still arrive."""
        return await self._broken(await self.unsettled())

    async def unsettled(self) -> frozenset[int]:
        """The keys of rows with a write that may still arrive, or missing so that they count as deleted only when they
        still are later."""
        rows = await self._sides.sql(
            f"SELECT key FROM rowcast.base {OF_SOURCE} AND (pending IS NOT NULL OR missing > 0)", self._sides.name
        )
        return frozenset(_key(row) for row in rows)

    async def _broken(self, unsettled: frozenset[int]) -> str | None:
        source, table, excused, kept = (
            await self._source(),
            await self._table(),
            await self._excused(),
            await self._kept(),
        )
        assert not (kept - unsettled) & source.keys(), "what the source has is not absent there"
        for key in sorted((source.keys() | table.keys() - kept) - unsettled):
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
        lines = await asyncio.to_thread(self._place.lines)
        return {int(line["id"]): _row(line) for line in lines if line.get("id") is not None}

    async def _table(self) -> dict[int, dict[str, str | None]]:
        seen = " WHERE deleted_at IS NULL" if self._deletes == "SOFT" else ""
        return {row["id"]: _row(row) for row in await self._sides.sql(f"SELECT * FROM {{table}}{seen}")}

    async def _kept(self) -> frozenset[int]:
        """The keys of the rows that the table keeps though the source has them no more."""
        rows = await self._sides.sql(f"SELECT key FROM rowcast.base {OF_SOURCE} AND absent", self._sides.name)
        return frozenset(_key(row) for row in rows)

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


def _key(row: dict[str, Any]) -> int:
    return int(json.loads(row["key"])[0])


def _row(line: dict[str, Any]) -> dict[str, str | None]:
    return {name: None if line.get(name) in (None, "") else canonical(line[name]) for name in _DATA}
