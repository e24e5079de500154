"""A sheet of 1,000,000 cells read whole: the memory it takes, and the time as a multiple of gspread's own.

`python -m bench.large_sheet` measures and prints; `make soak` asserts the memory. The sandbox is in this process, each
reader in one of its own, so that nothing but the reading is measured.
"""

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import gspread

from db.sources import Column as SourceColumn
from db.wire import ColumnType
from sandbox.office import Office
from sandbox.server import Sandbox
from sandbox.workbook.cells import Cell
from sandbox.workbook.sheet import PLAIN_COLUMN, Column, Row
from sync.adapters import Adapters
from sync.google.credentials import ServiceAccount
from sync.google.quota import CallKind
from sync.google.session import GoogleSession
from tests.sync.sheets import allow, make_source

ROWS: Final = 100_000
COLUMNS: Final = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """One process: the rows that it read, its peak of memory in MB, and the CPU time of the reading in seconds."""

    rows: int
    peak_mb: float
    cpu_s: float


def measure() -> Mapping[str, Measured]:
    """By reader: `rowcast`, and `gspread` with `get_all_values`."""
    with Sandbox() as sandbox:
        account = sandbox.service_account_info()
        book = sandbox.workbook_id("large")
        sandbox.do(lambda office: _fill(office, book))
        wanted = {"account": account, "url": sandbox.url, "book": book}
        return {reader: _in_process(reader, wanted) for reader in ("rowcast", "gspread")}


def _fill(office: Office, book: str) -> None:
    with office.drive.edit(book) as spreadsheet:
        sheet = spreadsheet.sheets[0]
        header = Row(1, {place: Cell(f"C{place}") for place in range(COLUMNS)})
        sheet.rows = [header, *(Row(index + 1, _line(index)) for index in range(1, ROWS + 1))]
        sheet.columns = list[Column]([PLAIN_COLUMN] * COLUMNS)


def _line(index: int) -> dict[int, Cell]:
    """An id, then numbers and texts by turns."""
    others = {
        place: Cell(f"text {index} {place}") if place % 2 else Cell(index * place / 7) for place in range(COLUMNS)
    }
    return {**others, 0: Cell(float(index))}


def _in_process(reader: str, wanted: Mapping[str, Any]) -> Measured:
    command = [sys.executable, "-m", "bench.large_sheet", reader]
    done = subprocess.run(  # noqa: S603 - ourselves
        command, input=json.dumps(wanted), capture_output=True, text=True, check=True
    )
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


async def _read(account: Mapping[str, Any], url: str, book: str) -> Measured:
    session = GoogleSession(ServiceAccount.parse(json.dumps(account)), api_url=url, timeout_s=300)
    columns = [SourceColumn(f"c{place}", ColumnType.TEXT, f"C{place}") for place in range(1, COLUMNS)]
    source = make_source(book, [SourceColumn("c0", ColumnType.INTEGER, "C0"), *columns], key=("c0",))
    adapters = Adapters({"default": session})
    adapters.untaggable.add(source.id)
    begun = time.process_time()
    reading = await adapters.adapter_for(source, allow).read()
    measured = _measured(len(reading.rows), begun)
    session.close()
    return measured


def _read_by_gspread(account: Mapping[str, Any], url: str, book: str) -> Measured:
    session = GoogleSession(ServiceAccount.parse(json.dumps(account)), api_url=url, timeout_s=300)

    async def values() -> Measured:
        begun = time.process_time()
        lines, _ = await session.read(CallKind.READ, lambda client: _all_values(client, book), allow)
        return _measured(len(lines) - 1, begun)

    return asyncio.run(values())


def _all_values(client: gspread.HTTPClient, book: str) -> list[list[str]]:
    spreadsheet = gspread.Spreadsheet(client, {"id": book})
    lines: list[list[str]] = spreadsheet.sheet1.get_all_values()
    return lines


def _measured(rows: int, begun: float) -> Measured:
    # Kilobytes on Linux.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(rows, round(peak, 1), round(time.process_time() - begun, 2))


def main() -> None:
    """Measure and print; with a reader's name, be that reader."""
    if len(sys.argv) > 1:
        wanted = json.load(sys.stdin)
        measured = asyncio.run(_read(**wanted)) if sys.argv[1] == "rowcast" else _read_by_gspread(**wanted)
        print(json.dumps(asdict(measured)))
        return
    found = measure()
    for reader, measured in found.items():
        print(f"{reader}: {measured.rows:,} rows, {measured.peak_mb} MB at most, {measured.cpu_s} s of CPU")
    print(f"{found['rowcast'].cpu_s / found['gspread'].cpu_s:.1f} times gspread's")


if __name__ == "__main__":
    main()
