"""One source under edits from all sides, with a server that may be killed; and what must hold once it is quiet."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Final

from tests.interleavings.grid import Grid
from tests.interleavings.ledger import Ledger, canonical, scalars
from tests.interleavings.sides import Json, Sides
from tests.server import eventually

_ROWS: Final = 8
_MOST_RUNS: Final = 40
_DATA: Final = ("name", "city", "qty", "note")
_COUNTS: Final = ("databaseUpserts", "databaseDeletes", "sourceUpserts", "sourceDeletes")
_SYNC: Final = f"mutation ($name: String!) {{ syncSource(name: $name) {{ id state message {' '.join(_COUNTS)} }} }}"
_CONFIRM: Final = "mutation ($run: ID!) { confirmDeletes(run: $run) { state } }"
_REGISTER: Final = "mutation ($input: RegisterSourceInput!) { registerSource(input: $input) { name } }"
_ROTATE: Final = "mutation ($name: String!) { rotateHookSecret(name: $name) { url secret } }"
_END: Final = "mutation ($name: String!) { deleteSource(name: $name, dropTable: true) { id } }"
_OPEN: Final = """query ($name: String!) {
    conflicts(source: $name, first: 1000) { nodes { key column } }
    failures(source: $name, first: 1000) { nodes { key column code message } } }"""
_OF_SOURCE: Final = "WHERE source_id = (SELECT id FROM rowcast.sources WHERE name = %s)"


@dataclass(frozen=True, slots=True)
class Excused:
    """What the two sides may differ in: rows and cells with an open conflict or failure."""

    rows: frozenset[int]
    cells: frozenset[tuple[int, str]]

    def admits(self, key: int, column: str) -> bool:
        return key in self.rows or (key, column) in self.cells


class World:
    """`begin`; let things be done; then `settle` and `check`, and `end`."""

    def __init__(self, sides: Sides, grid: Grid, ledger: Ledger, policy: str, deletes: str) -> None:
        self._sides = sides
        self._grid = grid
        self._ledger = ledger
        self._policy = policy
        self._deletes = deletes

    async def begin(self) -> None:
        """Registered, imported, with a trigger that calls its hook."""
        await asyncio.to_thread(self._grid.fill, _ROWS)
        settings = {
            "name": self._sides.name,
            "sheet": {"spreadsheet": self._grid.spreadsheet},
            "key": ["id"],
            "pollSeconds": 1,
            "conflictPolicy": self._policy,
            "deletePolicy": self._deletes,
        }
        await self._sides.server.graphql(_REGISTER, {"input": settings})
        hook = (await self._sides.graphql(_ROTATE))["rotateHookSecret"]
        await self._sides.control(
            "POST", "triggers", {"spreadsheet": self._grid.spreadsheet, "event": "change", **hook}
        )
        await self.settle()

    async def end(self) -> None:
        await self._sides.graphql(_END)

    async def settle(self) -> None:
        """No more faults; run until two runs in a row find nothing to do. Held deletes are let go."""
        await self._sides.control("DELETE", "faults")
        await asyncio.to_thread(self._grid.clear_keyless)
        calm, run = 0, None
        for _ in range(_MOST_RUNS):
            run = (await self._sides.graphql(_SYNC))["syncSource"]
            if run["state"] == "HELD":
                await self._sides.server.graphql(_CONFIRM, {"run": run["id"]})
            idle = run["state"] in ("SUCCEEDED", "PARTIAL") and not any(run[count] for count in _COUNTS)
            calm = calm + 1 if idle else 0
            if calm == 2:
                return
        raise AssertionError(f"It does not come to rest: {run}")

    async def check(self) -> None:
        """Both sides agree but where an open conflict or failure says so, and no edit is lost."""
        sheet, table, excused, kept = (
            await self._sheet(),
            await self._table(),
            await self._excused(),
            await self._kept(),
        )
        assert not kept & sheet.keys(), "what the sheet has is not absent there"
        for key in sorted(sheet.keys() | table.keys() - kept):
            if key not in excused.rows:
                assert (key in sheet) is (key in table), f"row {key} is only on one side"
            for column in _DATA:
                if not excused.admits(key, column):
                    here, there = sheet[key][column], table[key][column]
                    assert here == there, f"{column} of {key}: the sheet has {here!r}, the table {there!r}"
        await eventually(self._all_found, 20)

    async def _sheet(self) -> dict[int, dict[str, str | None]]:
        look = await asyncio.to_thread(self._grid.look)
        return {int(line["id"]): _row(line) for line in look.lines.values()}

    async def _table(self) -> dict[int, dict[str, str | None]]:
        seen = " WHERE deleted_at IS NULL" if self._deletes == "SOFT" else ""
        return {row["id"]: _row(row) for row in await self._sides.sql(f"SELECT * FROM {{table}}{seen}")}

    async def _kept(self) -> set[int]:
        """The keys of the rows that the table keeps though the sheet has them no more."""
        rows = await self._sides.sql(f"SELECT key FROM rowcast.base {_OF_SOURCE} AND absent", self._sides.name)
        return {int(json.loads(row["key"])[0]) for row in rows}

    async def _excused(self) -> Excused:
        found = await self._sides.graphql(_OPEN)
        rows, cells = set(), set()
        for node in [*found["conflicts"]["nodes"], *found["failures"]["nodes"]]:
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
        unseen = [value for value in lost if await asyncio.to_thread(self._grid.is_unseen, value)]
        self._ledger.forget(unseen)
        return len(lost) == len(unseen)

    async def _found(self) -> set[str]:
        """Every value in the sheet, the table, the history, the conflicts and failures."""
        sides = self._sides
        look = await asyncio.to_thread(self._grid.look)
        documents: list[Json] = [
            *look.lines.values(),
            *await sides.sql("SELECT * FROM {table}"),
            *await sides.sql("SELECT before, after FROM rowcast.changes WHERE relation = %s", f"public.{sides.name}"),
            *await sides.sql(f"SELECT base, database, source_value FROM rowcast.conflicts {_OF_SOURCE}", sides.name),
            *await sides.sql(f"SELECT value FROM rowcast.failures {_OF_SOURCE}", sides.name),
        ]
        return {value for document in documents for value in scalars(document)}


def _row(line: dict[str, Any]) -> dict[str, str | None]:
    return {name: None if line.get(name) in (None, "") else canonical(line[name]) for name in _DATA}
