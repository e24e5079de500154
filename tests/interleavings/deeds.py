"""Carries the actions out, each as whoever would: SQL, the API, fate. A source's owner and a person who mends have
files of their own."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from tests.interleavings import actions as act
from tests.interleavings.ledger import Ledger
from tests.interleavings.sides import Json, Sides

_SYNC: Final = "mutation ($name: String!) { syncSource(name: $name) { id } }"
_UPSERT: Final = "mutation ($name: String!, $rows: [JSON!]!) { upsertRows(source: $name, rows: $rows) { cursor } }"
_DELETE: Final = "mutation ($name: String!, $keys: [JSON!]!) { deleteRows(source: $name, keys: $keys) { deleted } }"
_UPDATE: Final = "UPDATE {table} SET {column} = %s WHERE id = %s RETURNING id"

TIMEOUT_S: Final = 2.0
"""How long the server waits for an answer."""

Done = Callable[[Any], Awaitable[object]]
"""Carries out one action."""


class Deeds:
    """`do` one after the other. Every value that they enter is in the ledger. `others` are carried out elsewhere."""

    def __init__(self, sides: Sides, ledger: Ledger, others: Mapping[type, Done]) -> None:
        self._sides = sides
        self._ledger = ledger
        self._done_by: dict[type, Done] = {
            act.SqlUpdate: self._sql_update,
            act.SqlBulk: self._sql_bulk,
            act.SqlInsert: lambda _: self._sql_insert(),
            act.SqlDelete: lambda one: self._of_row(one.row, "DELETE FROM {table} WHERE id = %s"),
            act.SqlClear: lambda _: sides.sql("DELETE FROM {table}"),
            act.SqlKeyChange: lambda one: self._of_row(one.row, _UPDATE, ledger.key()),
            act.ApiUpsert: self._api_upsert,
            act.ApiInsert: lambda _: self._api_insert(),
            act.ApiDelete: self._api_delete,
            act.Fault: self._fault,
            act.Sync: lambda _: sides.attempt(_SYNC),
            act.Kill: lambda _: self._kill(),
            **others,
        }

    async def do(self, action: act.Action) -> None:
        await self._done_by[type(action)](action)

    # ---- the table

    async def _sql_update(self, action: act.SqlUpdate) -> None:
        value = self._ledger.value(action.column, "SQL update")
        if not await self._of_row(action.row, _UPDATE, value, column=action.column):
            self._ledger.forget([value])

    async def _sql_bulk(self, action: act.SqlBulk) -> None:
        keys = await self._sides.keys()
        await self._sides.commit(
            [(_UPDATE, action.column, (self._ledger.value(action.column, "SQL bulk update"), key)) for key in keys]
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
            value = self._ledger.value(action.column, "API update")
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
            case act.Harm.REFUSED:
                fault["status"] = 422
            case act.Harm.DROPPED:
                fault["drop"] = True
            case act.Harm.ANSWER_LOST:
                fault |= {"drop": True, "afterApply": True}
            case act.Harm.ANSWER_BROKEN:
                fault |= {"status": 500, "afterApply": True}
            case act.Harm.TIMED_OUT:
                fault |= {"delaySeconds": TIMEOUT_S + 1, "drop": True}
            case act.Harm.LATE:
                fault["delaySeconds"] = TIMEOUT_S + 1
            case act.Harm.ANSWER_TIMED_OUT:
                fault |= {"delaySeconds": TIMEOUT_S + 1, "afterApply": True}
        await self._sides.control("POST", "faults", fault)

    async def _kill(self) -> None:
        await self._sides.server.kill()
        await self._sides.server.start()
