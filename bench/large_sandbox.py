"""The sandbox with a sheet of 1,000,000 cells, 10,000 of them formulas: what reading and writing it costs, as multiples
of gspread's own parse of the same answer; of writes, whose answers are short, of its parse of all values.

`python -m bench.large_sandbox` measures and prints. Times are CPU seconds of the sandbox's thread, the best of three;
gspread's are those of what it does with the bytes of an answer, in this thread.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import gspread
import gspread.utils
import requests

from sandbox.office import Office
from sandbox.server import Sandbox
from sandbox.workbook.cells import Cell
from sandbox.workbook.sheet import PLAIN_COLUMN, Column, Row
from tests.sandbox.client import client_for

ROWS: Final = 100_000
COLUMNS: Final = 10
FORMULAS: Final = 10_000
WRITTEN: Final = 10_000
_TIMES = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """What was done, its CPU seconds, and those of gspread's parse."""

    what: str
    cpu_s: float
    parse_s: float


def measure() -> Iterator[Measured]:
    """One after the other."""
    with Sandbox() as sandbox:
        book = sandbox.workbook_id("large")
        sandbox.do(lambda office: _fill(office, book))
        client = client_for(sandbox)
        client.set_timeout(600)
        try:
            yield from _measured(sandbox, _Sheet(client, book))
        finally:
            client.http_client.session.close()


class _Sheet:
    """Bare calls, so that gspread's work isn't measured with the sandbox's."""

    def __init__(self, client: gspread.Client, book: str) -> None:
        self._session = client.http_client.session
        self._url = f"https://sheets.googleapis.com/v4/spreadsheets/{book}"

    def call(self, method: str, path: str, body: Any = None, **query: str) -> requests.Response:
        response = self._session.request(method, self._url + path, json=body, params=query, timeout=600)
        response.raise_for_status()
        return response

    def read(self, cells: str, render: str = "FORMATTED_VALUE") -> requests.Response:
        return self.call("GET", f"/values/{cells}", valueRenderOption=render)


def _measured(sandbox: Sandbox, sheet: _Sheet) -> Iterator[Measured]:
    whole = f"A1:J{ROWS}"
    fields = "sheets.data.rowData.values(userEnteredValue,effectiveValue,formattedValue)"
    sheet.read("J2")  # the formulas are computed a first time
    reads: dict[str, Callable[[], requests.Response]] = {
        "values.get of all, formatted": lambda: sheet.read(whole),
        "values.get of all, unformatted": lambda: sheet.read(whole, "UNFORMATTED_VALUE"),
        "spreadsheets.get of all": lambda: sheet.call("GET", "", ranges=whole, fields=fields),
    }
    for what, read in reads.items():
        yield Measured(what, _cpu(sandbox, read), _parse(read()))
    parse = _parse(sheet.read(whole))
    cells, values = _update_cells(), _update_values()
    writes: dict[str, Callable[[], object]] = {
        "a cell written that no formula reads": lambda: _write(sheet, "C9"),
        "a cell written that a sum of a column reads, and the sum read": lambda: _edit(sheet),
        "batchUpdate of 10,000 cells": lambda: sheet.call("POST", ":batchUpdate", cells),
        "values.batchUpdate of 10,000 cells": lambda: _write_values(sheet, values),
    }
    for what, write in writes.items():
        yield Measured(what, _cpu(sandbox, write), parse)


def _write(sheet: _Sheet, cell: str) -> None:
    body = {"values": [[time.monotonic()]]}
    sheet.call("PUT", f"/values/{cell}", body, valueInputOption="RAW")


def _write_values(sheet: _Sheet, body: dict[str, Any]) -> None:
    sheet.call("POST", "/values:batchUpdate", body)


def _edit(sheet: _Sheet) -> None:
    _write(sheet, "A5")
    sheet.read("J1")


def _update_cells() -> dict[str, Any]:
    def value(row: int, column: int) -> dict[str, Any]:
        return {"userEnteredValue": {"numberValue": row} if column == 0 else {"stringValue": f"new {row} {column}"}}

    rows = [{"values": [value(row, column) for column in range(COLUMNS)]} for row in range(WRITTEN // COLUMNS)]
    request = {"start": {"rowIndex": 20_000}, "rows": rows, "fields": "userEnteredValue"}
    return {"requests": [{"updateCells": request}]}


def _update_values() -> dict[str, Any]:
    """A range for each row, its texts read as if typed."""
    data = [{"range": f"A{row + 2}", "values": [[row, *_texts(row)]]} for row in range(WRITTEN // COLUMNS)]
    return {"valueInputOption": "USER_ENTERED", "data": data}


def _texts(row: int) -> list[str]:
    return [f"new {row} {column}" for column in range(1, COLUMNS)]


def _cpu(sandbox: Sandbox, work: Callable[[], object]) -> float:
    found = []
    for _ in range(_TIMES):
        before = sandbox.do(lambda _office: time.thread_time())
        work()
        found.append(sandbox.do(lambda _office: time.thread_time()) - before)
    return min(found)


def _parse(response: requests.Response) -> float:
    """What gspread does with an answer: decodes it and, of values, fills the gaps, as `get_all_values` does."""
    found = []
    for _ in range(_TIMES):
        before = time.thread_time()
        answer = response.json()
        if "values" in answer:
            gspread.utils.fill_gaps(answer["values"])
        found.append(time.thread_time() - before)
    return min(found)


def _fill(office: Office, book: str) -> None:
    with office.drive.edit(book) as spreadsheet:
        sheet = spreadsheet.sheets[0]
        header = {place: Cell(f"C{place}") for place in range(COLUMNS)} | {COLUMNS - 1: Cell(formula="=SUM(A2:A)")}
        sheet.rows = [Row(1, header), *(Row(index + 1, _line(index)) for index in range(1, ROWS))]
        sheet.next_uid = ROWS + 1
        sheet.columns = list[Column]([PLAIN_COLUMN] * COLUMNS)


def _line(index: int) -> dict[int, Cell]:
    """An id, numbers and texts by turns, in the first rows a formula at the end."""
    others = {
        place: Cell(f"text {index} {place}") if place % 2 else Cell(index * place / 7) for place in range(COLUMNS)
    }
    formula = {COLUMNS - 1: Cell(formula=f"=A{index + 1}*2+1")} if index <= FORMULAS else {}
    return {**others, 0: Cell(float(index)), **formula}


if __name__ == "__main__":
    print("| what | CPU | gspread's parse | multiple |\n|---|---|---|---|")
    for one in measure():
        print(f"| {one.what} | {one.cpu_s:.3f} s | {one.parse_s:.3f} s | {one.cpu_s / one.parse_s:.2f} |", flush=True)
