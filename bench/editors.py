"""Fifty people and programs who edit one workbook and its table, each in cells of its own, and what they wrote when.

A value that somebody types over another one before anybody read it is nobody's loss but the typist's: so that every
single edit can be asked for, no cell is edited twice.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import httpx
import psycopg
from psycopg import sql

from sandbox.server import Sandbox
from tests.sandbox.client import Api

ROWS: Final = 100
SHEET_COLUMNS: Final = ("c1", "c2", "c3", "c4", "c5", "c6")
TABLE_COLUMNS: Final = ("c7", "c8", "c9", "c10")
COLUMNS: Final = (*SHEET_COLUMNS, *TABLE_COLUMNS)
EDITS: Final = 20
"""Of each editor."""


class Hand(StrEnum):
    """PERSON: typed into the sheet, which fires triggers. PROGRAM: by Google's API, which fires none."""

    PERSON = "person"
    PROGRAM = "program"
    SQL = "sql"


EDITORS: Final = {Hand.PERSON: 20, Hand.PROGRAM: 10, Hand.SQL: 20}


@dataclass(frozen=True, slots=True)
class Cell:
    """`id`: of the row, from 1, which is two rows down in the sheet."""

    id: int
    column: str

    @property
    def a1(self) -> str:
        """Its address in the sheet, where the ids are in column A."""
        return f"{chr(ord('B') + COLUMNS.index(self.column))}{self.id + 1}"


@dataclass(frozen=True, slots=True)
class Edit:
    """`at`: Unix seconds just before it was made."""

    hand: Hand
    cell: Cell
    value: str
    at: float


def account_of(number: int) -> str:
    """A program's service account: of another project than rowcast's, with a quota of its own."""
    return f"editor{number}@editors.example.com"


Write = Callable[[Cell, str], Awaitable[None]]


class Editors:
    """All of them. `think_s` is how long each thinks before an edit, on average."""

    def __init__(self, sandbox: Sandbox, spreadsheet: str, table: str, dsn: str, rng: random.Random) -> None:
        self._sandbox = sandbox
        self._spreadsheet = spreadsheet
        self._table = table
        self._dsn = dsn
        self._rng = rng
        self._made: list[Edit] = []

    async def edit(self, think_s: float) -> Sequence[Edit]:
        """Every edit, once all are made."""
        cells = {
            Hand.SQL: self._cells(TABLE_COLUMNS),
            Hand.PERSON: (typed := self._cells(SHEET_COLUMNS)),
            Hand.PROGRAM: typed,
        }
        async with asyncio.TaskGroup() as group:
            for hand, count in EDITORS.items():
                for number in range(count):
                    mine = [next(cells[hand]) for _ in range(EDITS)]
                    group.create_task(self._editor(hand, number, mine, think_s))
        return self._made

    def _cells(self, columns: Sequence[str]) -> Iterator[Cell]:
        cells = [Cell(id_, column) for id_ in range(1, ROWS + 1) for column in columns]
        self._rng.shuffle(cells)
        return iter(cells)

    async def _editor(self, hand: Hand, number: int, cells: Sequence[Cell], think_s: float) -> None:
        match hand:
            case Hand.PERSON:
                async with httpx.AsyncClient(base_url=self._sandbox.url, trust_env=False, timeout=60) as http:
                    await self._edits(hand, number, cells, think_s, lambda cell, value: self._type(http, cell, value))
            case Hand.PROGRAM:
                api = await asyncio.to_thread(Api, self._sandbox, account_of(number))
                await self._edits(hand, number, cells, think_s, lambda cell, value: self._call(api, cell, value))
                api.close()
            case Hand.SQL:
                async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as connection:
                    await self._edits(
                        hand, number, cells, think_s, lambda cell, value: self._update(connection, cell, value)
                    )

    async def _edits(self, hand: Hand, number: int, cells: Sequence[Cell], think_s: float, write: Write) -> None:
        for cell in cells:
            await asyncio.sleep(self._rng.expovariate(1 / think_s))
            edit = Edit(hand, cell, f"{hand} {number} {cell.a1}", time.time())
            await write(cell, edit.value)
            self._made.append(edit)

    async def _type(self, http: httpx.AsyncClient, cell: Cell, value: str) -> None:
        place = {"spreadsheet": self._spreadsheet, "worksheet": "Sheet1", "range": cell.a1}
        answer = await http.post("/_sandbox/edit", json={**place, "values": [[value]]})
        answer.raise_for_status()

    async def _call(self, api: Api, cell: Cell, value: str) -> None:
        await asyncio.to_thread(api.write, self._spreadsheet, f"Sheet1!{cell.a1}", [[value]])

    async def _update(self, connection: psycopg.AsyncConnection, cell: Cell, value: str) -> None:
        statement = sql.SQL("UPDATE {} SET {} = %s WHERE id = %s")
        await connection.execute(
            statement.format(sql.Identifier(self._table), sql.Identifier(cell.column)), (value, cell.id)
        )
