"""Carries out what is done to a sheet."""

import asyncio

from tests.interleavings import sheet_actions as act
from tests.interleavings.actions import Column
from tests.interleavings.deeds import Done
from tests.interleavings.grid import Grid
from tests.interleavings.ledger import Ledger
from tests.interleavings.sides import Sides


class SheetDeeds:
    """`done_by` has them by action."""

    def __init__(self, sides: Sides, grid: Grid, ledger: Ledger) -> None:
        self._sides = sides
        self._grid = grid
        self._ledger = ledger
        self.done_by: dict[type, Done] = {
            act.SheetEdit: self._edit,
            act.SheetMisfit: self._misfit,
            act.SheetInsert: self._insert,
            act.SheetDelete: lambda one: asyncio.to_thread(grid.delete, one.row),
            act.SheetClear: lambda _: asyncio.to_thread(grid.clear),
            act.SheetSort: lambda one: asyncio.to_thread(grid.sort, one.column, descending=one.descending),
            act.SheetMoveColumn: self._move_column,
            act.SheetKeyChange: lambda one: asyncio.to_thread(grid.edit, one.row, "id", str(ledger.key()), person=True),
            act.EditBetween: lambda _: self._edit_between(),
        }

    async def _edit(self, action: act.SheetEdit) -> None:
        value = str(self._ledger.value(action.column, "sheet edit"))
        await self._type(action.row, action.column, value, person=action.way is act.Way.PERSON)

    async def _misfit(self, action: act.SheetMisfit) -> None:
        await self._type(action.row, Column.QTY, self._ledger.text("misfit in the sheet"), person=True)

    async def _type(self, row: int, column: Column, value: str, *, person: bool) -> None:
        if not await asyncio.to_thread(self._grid.edit, row, column, value, person=person):
            self._ledger.forget([value])

    async def _insert(self, action: act.SheetInsert) -> None:
        cells = {"id": str(self._ledger.key()), "name": self._ledger.text("sheet insert")}
        await asyncio.to_thread(self._grid.insert, action.at, cells)

    async def _move_column(self, action: act.SheetMoveColumn) -> None:
        # An edit that waits as a fault has its column by letter.
        if not await self._sides.control("GET", "faults"):
            await asyncio.to_thread(self._grid.move_column, action.column, action.to)

    async def _edit_between(self) -> None:
        # In a column of its own: what it types over, by its address, is only ever what it typed itself.
        note = await asyncio.to_thread(self._grid.letter, "note")
        edit = {
            "spreadsheet": self._grid.spreadsheet,
            "worksheet": "Sheet1",
            "range": f"{note}2",
            "values": [[f"note {self._ledger.key()}"]],
        }
        await self._sides.control("POST", "faults", {"match": act.Call.READ, "edit": edit})
