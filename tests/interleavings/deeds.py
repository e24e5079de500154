"""Carries the actions out, each as whoever would: a person, a program, SQL, the API, fate."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from tests.interleavings import actions as act
from tests.interleavings.grid import Grid
from tests.interleavings.ledger import Ledger
from tests.interleavings.sides import Json, Sides
from tests.server import GraphQLFailed

_SYNC: Final = "mutation ($name: String!) { syncSource(name: $name) { id } }"
_UPSERT: Final = "mutation ($name: String!, $rows: [JSON!]!) { upsertRows(source: $name, rows: $rows) { cursor } }"
_DELETE: Final = "mutation ($name: String!, $keys: [JSON!]!) { deleteRows(source: $name, keys: $keys) { deleted } }"
_UPDATE: Final = "UPDATE {table} SET {column} = %s WHERE id = %s RETURNING id"


class Deeds:
    """`do` one after the other. Every value that they enter is in the ledger."""

    def __init__(self, sides: Sides, grid: Grid, ledger: Ledger) -> None:
        self._sides = sides
        self._grid = grid
        self._ledger = ledger
        self._done_by: dict[type, Callable[[Any], Awaitable[object]]] = {
            act.SheetEdit: self._sheet_edit,
            act.SheetInsert: self._sheet_insert,
            act.SheetDelete: lambda one: asyncio.to_thread(grid.delete, one.row),
            act.SheetSort: lambda one: asyncio.to_thread(grid.sort, one.column, descending=one.descending),
            act.SheetMoveColumn: self._move_column,
            act.SheetKeyChange: lambda one: asyncio.to_thread(grid.edit, one.row, "id", str(ledger.key()), person=True),
            act.SqlUpdate: self._sql_update,
            act.SqlBulk: self._sql_bulk,
            act.SqlInsert: lambda _: self._sql_insert(),
            act.SqlDelete: lambda one: self._of_row(one.row, "DELETE FROM {table} WHERE id = %s"),
            act.SqlKeyChange: lambda one: self._of_row(one.row, _UPDATE, ledger.key()),
            act.ApiUpsert: self._api_upsert,
            act.ApiInsert: lambda _: self._api_insert(),
            act.ApiDelete: self._api_delete,
            act.Fault: self._fault,
            act.EditBetween: lambda _: self._edit_between(),
            act.Sync: lambda _: self._sync(),
            act.Kill: lambda _: self._kill(),
        }

    async def do(self, action: act.Action) -> None:
        await self._done_by[type(action)](action)

    # ---- the sheet

    async def _sheet_edit(self, action: act.SheetEdit) -> None:
        value = self._value(action.column, "sheet edit")
        person = action.way is act.Way.PERSON
        if not await asyncio.to_thread(self._grid.edit, action.row, action.column, str(value), person=person):
            self._ledger.forget([value])

    async def _sheet_insert(self, action: act.SheetInsert) -> None:
        cells = {"id": str(self._ledger.key()), "name": self._ledger.text("sheet insert")}
        await asyncio.to_thread(self._grid.insert, action.at, cells)

    async def _move_column(self, action: act.SheetMoveColumn) -> None:
        # An edit that waits as a fault has its column by letter.
        if not await self._sides.control("GET", "faults"):
            await asyncio.to_thread(self._grid.move_column, action.column, action.to)

    # ---- the table

    async def _sql_update(self, action: act.SqlUpdate) -> None:
        value = self._value(action.column, "SQL update")
        if not await self._of_row(action.row, _UPDATE, value, column=action.column):
            self._ledger.forget([value])

    async def _sql_bulk(self, action: act.SqlBulk) -> None:
        keys = await self._sides.keys()
        await self._sides.commit(
            [(_UPDATE, action.column, (self._value(action.column, "SQL bulk update"), key)) for key in keys]
        )

    async def _sql_insert(self) -> None:
        values = (self._ledger.key(), self._ledger.text("SQL insert"))
        await self._sides.sql("INSERT INTO {table} (id, name) VALUES (%s, %s)", *values)

    async def _of_row(self, row: int, statement: str, *values: Json, column: str = "id") -> list[dict[str, Any]]:
        keys = await self._sides.keys()
        if not keys:
            return []
        key = keys[row % len(keys)]
        return await self._sides.sql(statement, *values, key, column=column)

    # ---- the API

    async def _api_upsert(self, action: act.ApiUpsert) -> None:
        if keys := await self._sides.keys():
            value = self._value(action.column, "API update")
            row = {"id": keys[action.row % len(keys)], action.column: value}
            await self._sides.graphql(_UPSERT, rows=[row])

    async def _api_insert(self) -> None:
        row = {"id": self._ledger.key(), "name": self._ledger.text("API insert")}
        await self._sides.graphql(_UPSERT, rows=[row])

    async def _api_delete(self, action: act.ApiDelete) -> None:
        if keys := await self._sides.keys():
            await self._sides.graphql(_DELETE, keys=[{"id": keys[action.row % len(keys)]}])

    # ---- fate

    async def _fault(self, action: act.Fault) -> None:
        fault: dict[str, Json] = {"match": action.call, "times": action.times}
        match action.harm:
            case act.Harm.QUOTA:
                fault["status"] = 429
            case act.Harm.BROKEN:
                fault["status"] = 500
            case act.Harm.DROPPED:
                fault["drop"] = True
            case act.Harm.ANSWER_LOST:
                fault |= {"drop": True, "afterApply": True}
            case act.Harm.ANSWER_BROKEN:
                fault |= {"status": 500, "afterApply": True}
        await self._sides.control("POST", "faults", fault)

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

    async def _sync(self) -> None:
        try:
            await self._sides.graphql(_SYNC)
        except GraphQLFailed as error:
            if error.code not in ("SOURCE_UNREACHABLE", "UNAVAILABLE"):
                raise

    async def _kill(self) -> None:
        await self._sides.server.kill()
        await self._sides.server.start()

    def _value(self, column: act.Column, what: str) -> Json:
        return self._ledger.number(what) if column is act.Column.QTY else self._ledger.text(what)
