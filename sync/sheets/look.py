"""A look at a worksheet for registration: its headers, a sample of each cell, and what keeps it from being bound."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs, urlsplit

from db.errors import BadUserInput, SourceUnreachable
from db.sources import SheetBinding
from sync.google.errors import GoogleBusy, GoogleRefused
from sync.google.quota import CallKind
from sync.google.session import GoogleSession
from sync.registration.input import WantedSheet
from sync.registration.inspection import InspectedColumn, SheetInspection
from sync.registration.plan import MANAGED_KEY
from sync.sheets.answer import FORMATS_MASK
from sync.sheets.binding import blank_headers
from sync.sheets.calls import SheetCalls, Workbook, Worksheet, fetch_workbook
from sync.sheets.grid import Grid, column_letters, header_text
from sync.sheets.new_columns import sample
from sync.sheets.plan import MAX_CELLS
from sync.sheets.requests import key_column_requests

_ID: Final = re.compile(r"[A-Za-z0-9_-]{10,}")
_IN_PATH: Final = re.compile(r"/spreadsheets/(?:u/\d+/)?d/([A-Za-z0-9_-]+)")


def parse_spreadsheet(text: str) -> tuple[str, str | None]:
    """The id in an id or an address, and the address' gid. BadUserInput if it is neither."""
    text = text.strip()
    if _ID.fullmatch(text):
        return text, None
    url = urlsplit(text)
    found = _IN_PATH.search(url.path)
    if found is None:
        raise BadUserInput(
            "spreadsheet is neither an id nor an address: copy it from the browser's address bar, such as"
            " https://docs.google.com/spreadsheets/d/<id>/edit."
        )
    gid = {**parse_qs(url.query), **parse_qs(url.fragment)}.get("gid")
    return found[1], gid[0] if gid else None


async def inspect_sheet(session: GoogleSession, wanted: WantedSheet) -> SheetInspection:
    """The worksheet as it stands. Raises BadUserInput, SourceUnreachable."""
    spreadsheet, gid = parse_spreadsheet(wanted.spreadsheet)
    workbook, _ = await session.read(CallKind.READ, lambda client: fetch_workbook(client, spreadsheet), _allow)
    worksheet = _choose(workbook, wanted.worksheet if wanted.worksheet is not None else gid)
    calls = SheetCalls(session, spreadsheet, worksheet, _allow)
    # A run asks Drive too: better to learn now that its API is not enabled.
    await calls.mark()
    reader = None if await calls.may_write() else session.email
    grid = await calls.grid(FORMATS_MASK)
    return await session.compute(lambda: _inspect(spreadsheet, workbook, grid, wanted.header_row, reader))


async def add_managed_key(session: GoogleSession, binding: SheetBinding) -> None:
    """Append the hidden key column unless the header is there. Raises SourceUnreachable, or BadUserInput if refused."""
    calls = SheetCalls(session, binding.spreadsheet, Worksheet(binding.sheet_id, binding.worksheet), _allow)
    failed = 0
    while True:
        grid = await calls.grid()
        if MANAGED_KEY in map(header_text, grid.row(binding.header_row - 1)):
            return
        if failed > session.retry.attempts:
            raise SourceUnreachable(f"The column {MANAGED_KEY} could not be added to “{grid.title}”: try again.")
        failed += 1
        try:
            await calls.write_batch(key_column_requests(grid, binding.header_row - 1, MANAGED_KEY))
        except GoogleRefused as error:
            raise BadUserInput(_no_key_column(grid, binding.header_row, error)) from error
        except GoogleBusy as error:
            await calls.wait_after(error, failed)


def _no_key_column(grid: Grid, header_row: int, error: GoogleRefused) -> str:
    if error.is_full:
        return (
            f"The spreadsheet has no room for the column {MANAGED_KEY}: it may have {MAX_CELLS:,} cells in all its"
            f" worksheets, empty ones too, and “{grid.title}” has {grid.row_count:,} rows. Delete rows or columns that"
            " are not needed, or name a key of the sheet's own."
        )
    return (
        f"Google refused the column {MANAGED_KEY} in {grid.address(header_row - 1, grid.column_count)}:"
        f" {error.reason} Allow it, or name a key of the sheet's own."
    )


def _allow() -> None:
    """Registration needs no lease: what it writes, a header, is the same whoever writes it."""


def _choose(workbook: Workbook, wanted: str | None) -> Worksheet:
    """By title, else by gid; the first if none is wanted."""
    if wanted is None:
        return workbook.worksheets[0]
    for worksheet in workbook.worksheets:
        if worksheet.title == wanted:
            return worksheet
    for worksheet in workbook.worksheets:
        if str(worksheet.sheet_id) == wanted:
            return worksheet
    titles = ", ".join(f"“{worksheet.title}”" for worksheet in workbook.worksheets)
    raise BadUserInput(f"“{workbook.title}” has no worksheet “{wanted}”: name one of {titles}, or its gid.")


def _inspect(spreadsheet: str, workbook: Workbook, grid: Grid, header_row: int, reader: str | None) -> SheetInspection:
    header = header_row - 1
    headers = [header_text(cell) for cell in grid.row(header)]
    places = [place for place, text in enumerate(headers) if text]
    lines = [index for index in range(header_row, len(grid.values)) if _is_filled(grid, index, places)]
    return SheetInspection(
        spreadsheet=spreadsheet,
        title=workbook.title,
        worksheet=grid.title,
        sheet_id=grid.sheet_id,
        zone=grid.zone,
        header_row=header_row,
        columns=[
            InspectedColumn(headers[place], column_letters(place), [sample(grid, index, place) for index in lines])
            for place in places
        ],
        rows=[index + 1 for index in lines],
        problems=_problems(grid, header, headers),
        reader=reader,
    )


def _is_filled(grid: Grid, index: int, places: Sequence[int]) -> bool:
    return any(
        grid.value(index, place) not in (None, "", False) and (index, place) not in grid.computed for place in places
    )


def _problems(grid: Grid, header: int, headers: Sequence[str]) -> list[str]:
    problems = [
        f"Column {column_letters(place)} has values but no header in {grid.address(header, place)}: type one, or clear"
        " the column."
        for place in blank_headers(grid, header, headers)
    ]
    found: dict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(headers):
        if text:
            found[text].append(place)
    for text, places in found.items():
        if len(places) > 1:
            cells = ", ".join(grid.address(header, place) for place in places)
            problems.append(f"The header “{text}” is there {len(places)} times ({cells}): rename all but one.")
    return problems
