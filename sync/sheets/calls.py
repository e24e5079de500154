"""The calls that one worksheet needs, by way of gspread's HTTP client. Counts them, and follows a renamed worksheet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from gspread.http_client import HTTPClient, ParamsType
from gspread.urls import DRIVE_FILES_API_V3_URL, SPREADSHEET_URL
from requests.exceptions import ContentDecodingError

from db.errors import SourceUnreachable
from sync.google.drive_changes import fetch_file
from sync.google.drive_marks import DriveMark, DriveMarks
from sync.google.errors import GoogleBusy, WorksheetMoved
from sync.google.quota import CallKind
from sync.google.session import GoogleSession
from sync.sheets.answer import VALUES_MASK, fields, parse_grids
from sync.sheets.grid import Grid, quote_title
from sync.sheets.requests import Request
from sync.sheets.shared_reads import SharedRead, SharedReads
from sync.source import TermCheck

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Worksheet:
    """A worksheet's numeric id and its title now."""

    sheet_id: int
    title: str


@dataclass(frozen=True, slots=True)
class Workbook:
    """A spreadsheet's title and its worksheets, in the order of their tabs."""

    title: str
    worksheets: Sequence[Worksheet]


def fetch_workbook(client: HTTPClient, spreadsheet: str) -> Workbook:
    """One call, without cells."""
    fields = "properties(title),sheets(properties(sheetId,title))"
    answer = client.spreadsheets_get(spreadsheet, {"fields": fields})
    return Workbook(
        title=answer["properties"]["title"],
        worksheets=[
            Worksheet(sheet["properties"].get("sheetId", 0), sheet["properties"]["title"])
            for sheet in answer.get("sheets", ())
        ],
    )


def fetch_grids(client: HTTPClient, spreadsheet: str, ranges: Sequence[str], mask: str) -> Mapping[int, Grid]:
    """One call: worksheets by their ids, one range of each, consistent with each other. `mask` is for each cell."""
    parameters: ParamsType = {"ranges": list(ranges), "fields": fields(mask), "prettyPrint": "false"}
    answer = client.request("get", SPREADSHEET_URL % spreadsheet, params=parameters).content
    try:
        return parse_grids(answer)
    except msgspec.DecodeError as error:
        raise ContentDecodingError("Google's answer can't be read") from error


class SheetCalls:
    """Calls for one worksheet. `made` counts them; `check` is asked before each and may raise.

    `marks` and `reads` are what the credential's sources have in common.
    """

    def __init__(
        self,
        session: GoogleSession,
        spreadsheet: str,
        worksheet: Worksheet,
        check: TermCheck,
        marks: DriveMarks | None = None,
        reads: SharedReads | None = None,
    ) -> None:
        self.session: Final = session
        self.made = 0
        self._spreadsheet = spreadsheet
        self._worksheet = worksheet
        self._check = check
        self._marks = marks or DriveMarks()
        self._reads = reads or SharedReads()

    @property
    def title(self) -> str:
        """The worksheet's title as last seen."""
        return self._worksheet.title

    async def may_write(self) -> bool:
        """Whether the spreadsheet is shared for editing."""
        return bool((await self._file("capabilities(canEdit)"))["capabilities"]["canEdit"])

    def known_mark(self) -> DriveMark | None:
        """A mark of the file that was taken before now."""
        return self._marks.known(self._spreadsheet)

    async def mark(self) -> DriveMark:
        """The version marks now. SourceUnreachable if the file is in the trash."""
        mark = (await self._read(CallKind.DRIVE, lambda client: fetch_file(client, self._spreadsheet))).mark
        if mark is None:
            raise SourceUnreachable(
                "The spreadsheet is in the trash: restore it in Google Drive, or delete the source."
            )
        self._marks.learn(self._spreadsheet, mark)
        return mark

    async def shared_grid(self, mark: DriveMark) -> SharedRead:
        """The whole worksheet, in one answer with those of other sources that are about to be read. `mark` is from
        before."""
        place = self._spreadsheet, self._worksheet.sheet_id
        try:
            read = await self._reads.read(place, self.title, mark, self._whole)
        except WorksheetMoved:
            read = None
        return read if read is not None else SharedRead(await self.grid(), mark)

    async def _whole(self, titles: Sequence[str]) -> Mapping[int, Grid]:
        ranges = [quote_title(title) for title in titles]
        return await self._read(
            CallKind.READ, lambda client: fetch_grids(client, self._spreadsheet, ranges, VALUES_MASK)
        )

    async def grid(self, mask: str = VALUES_MASK, columns: str | None = None) -> Grid:
        """The worksheet in one answer, so consistent in itself: whole, or only some `columns` such as `C:F`.

        `mask`: the fields of a cell.
        """
        try:
            grid = await self._grid(mask, columns)
        except WorksheetMoved:
            grid = None
        if grid is None:
            await self._follow()
            grid = await self._grid(mask, columns)
        if grid is None:
            raise SourceUnreachable(f"The worksheet “{self.title}” is renamed all the time: the next run tries again.")
        return grid

    async def write_values(self, body: Request) -> int:
        """One `values:batchUpdate`, made once; the number of cells that Google says it updated."""
        answer = await self._write(lambda client: client.values_batch_update(self._spreadsheet, body))
        return int(answer.get("totalUpdatedCells", 0))

    async def write_batch(self, requests: Sequence[Request]) -> None:
        """One `batchUpdate`: all of the requests or none. Made once."""
        await self._write(lambda client: client.batch_update(self._spreadsheet, {"requests": list(requests)}))

    async def wait_after(self, error: GoogleBusy, failed: int) -> None:
        """Wait before a write is planned anew; SourceUnreachable when it is time to give up."""
        await self.session.wait_after(error, failed)

    async def _file(self, fields: str) -> Any:
        """What Drive says of the spreadsheet."""
        parameters: dict[str, Any] = {"fields": fields, "supportsAllDrives": True}
        url = f"{DRIVE_FILES_API_V3_URL}/{self._spreadsheet}"
        return await self._read(CallKind.DRIVE, lambda client: client.request("get", url, params=parameters).json())

    async def _grid(self, mask: str, columns: str | None) -> Grid | None:
        title = quote_title(self.title)
        ranges = [title if columns is None else f"{title}!{columns}"]
        # Parsed in the thread as well: a large answer would hold up the event loop.
        grids = await self._read(CallKind.READ, lambda client: fetch_grids(client, self._spreadsheet, ranges, mask))
        return grids.get(self._worksheet.sheet_id)

    async def _follow(self) -> None:
        workbook = await self._read(CallKind.READ, lambda client: fetch_workbook(client, self._spreadsheet))
        worksheets = workbook.worksheets
        found = next((sheet for sheet in worksheets if sheet.sheet_id == self._worksheet.sheet_id), None)
        if found is None:
            titles = ", ".join(f"“{sheet.title}”" for sheet in worksheets)
            raise SourceUnreachable(
                f"The worksheet “{self.title}” was deleted (there are {titles}): restore it from the spreadsheet's"
                " version history, or bind another one with updateSource."
            )
        self._worksheet = found

    async def _read(self, kind: CallKind, request: Callable[[HTTPClient], T]) -> T:
        answer, calls = await self.session.read(kind, request, self._check)
        self.made += calls
        return answer

    async def _write(self, request: Callable[[HTTPClient], T]) -> T:
        self.made += 1
        return await self.session.attempt(CallKind.WRITE, request, self._check)
