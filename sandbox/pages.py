"""The pages to type in: lists of spreadsheets and feeds, a grid with the few calls that it makes, a document."""

import random
from collections.abc import AsyncIterator, Callable
from html import escape
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from sandbox.drive import File
from sandbox.google.document import Document, Json, JsonObject
from sandbox.google.errors import ApiError
from sandbox.google.sheets_api import read_body
from sandbox.guard import JSON, media_type
from sandbox.office import Office
from sandbox.person import read_block
from sandbox.workbook.a1 import column_letters
from sandbox.workbook.display import show
from sandbox.workbook.errors import WorkbookError
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.writing import entered_text

_FOLDER = Path(__file__).parent / "page"
_SPARE_ROWS = 50
_SPARE_COLUMNS = 3

Action = Callable[[str, Document], None]


class Pages:
    """HTML and what its script calls. All edits here are a person's."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._actions: dict[str, Action] = {
            "type": self._type,
            "insert": self._insert,
            "delete": self._delete,
            "sort": self._sort,
            "addSheet": self._add_sheet,
        }

    def routes(self) -> list[BaseRoute]:
        one = "/spreadsheets/d/{file}"
        return [
            Route("/", self._list),
            Route("/feeds/{name}/edit", self._feed_page),
            Mount("/page", StaticFiles(directory=_FOLDER)),
            Route(one, self._sheet_page),
            Route(f"{one}/edit", self._sheet_page),
            Route(f"{one}/cells", self._cells),
            Route(f"{one}/events", self._events),
            Route(f"{one}/actions/{{action}}", self._act, methods=["POST"]),
        ]

    async def _list(self, _request: Request) -> Response:
        files = sorted(self._office.drive.files.values(), key=lambda file: file.name.lower())
        items = "".join(
            f'<li><a href="/spreadsheets/d/{escape(file.file_id)}/edit">{escape(file.name)}</a>'
            f"<small>{', '.join(escape(sheet.title) for sheet in file.spreadsheet.sheets)}</small></li>"
            for file in files
            if not file.trashed
        )
        page = (_FOLDER / "list.html").read_text(encoding="utf-8")
        feeds = "".join(
            f'<li><a href="/feeds/{quote(name, safe="")}/edit">{escape(name)}</a>'
            f"<small>{escape(feed.content_type)}</small></li>"
            for name in self._office.feeds.names()
            if (feed := self._office.feeds.get(name)) is not None
        )
        return HTMLResponse(page.replace("<!-- spreadsheets -->", items).replace("<!-- feeds -->", feeds))

    async def _feed_page(self, request: Request) -> Response:
        if self._office.feeds.get(request.path_params["name"]) is None:
            return HTMLResponse("<h1>No such feed</h1><p><a href='/'>All feeds</a></p>", status_code=404)
        return FileResponse(_FOLDER / "feed.html", media_type="text/html")

    async def _sheet_page(self, request: Request) -> Response:
        if self._file(request) is None:
            return HTMLResponse("<h1>No such spreadsheet</h1><p><a href='/'>All spreadsheets</a></p>", status_code=404)
        return FileResponse(_FOLDER / "sheet.html", media_type="text/html")

    async def _events(self, request: Request) -> Response:
        file = self._file(request)
        if file is None:
            return _unknown()
        stream: AsyncIterator[str] = self._office.live.stream(file)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _cells(self, request: Request) -> Response:
        file = self._file(request)
        if file is None:
            return _unknown()
        wanted = request.query_params.get("sheet", "")
        sheets = [sheet for sheet in file.spreadsheet.sheets if not sheet.hidden]
        sheet = next((one for one in sheets if str(one.sheet_id) == wanted), sheets[0])
        rows = request.query_params.get("rows", "")
        return JSONResponse(self._grid(file, sheet, int(rows) if rows.isdecimal() else 500))

    async def _act(self, request: Request) -> Response:
        file, action = self._file(request), self._actions.get(request.path_params["action"])
        if file is None or action is None:
            return _unknown()
        if media_type(request.headers) != JSON:
            return JSONResponse({"error": f"The content type must be {JSON}."}, status_code=415)
        try:
            action(file.file_id, read_body(await request.body()))
        except (WorkbookError, ApiError) as error:
            return JSONResponse({"error": error.message}, status_code=400)
        return JSONResponse({"version": self._office.drive.files[file.file_id].version})

    def _file(self, request: Request) -> File | None:
        return self._office.drive.files.get(request.path_params["file"])

    def _grid(self, file: File, sheet: Sheet, limit: int) -> JsonObject:
        """Shown and entered text of the cells up to some spare rows and columns."""
        calculation = self._office.drive.calculation(file)
        used = sheet.used(sheet.whole)
        height = min(used.bottom + _SPARE_ROWS, sheet.row_count, limit)
        width = min(max(used.right + _SPARE_COLUMNS, 12), sheet.column_count)
        rows: list[Json] = []
        for index in range(height):
            row = sheet.rows[index]
            cells: JsonObject = {}
            spilled = calculation.spilled(sheet, index)
            for column in sorted(row.cells.keys() | spilled.keys()):
                cell = row.cell(column)
                if column < width and (cell.has_content or column in spilled):
                    value = calculation.value(sheet, index, column, cell)
                    number = isinstance(value, float) and not isinstance(value, bool)
                    cells[str(column)] = [show(value, cell.number_format), entered_text(cell), number]
            rows.append(cells)
        tabs: list[Json] = [
            {"id": one.sheet_id, "title": one.title} for one in file.spreadsheet.sheets if not one.hidden
        ]
        columns: list[Json] = [
            {"letters": column_letters(index), "hidden": sheet.columns[index].hidden} for index in range(width)
        ]
        return {
            "title": file.name,
            "version": file.version,
            "sheet": sheet.sheet_id,
            "tabs": tabs,
            "columns": columns,
            "rows": rows,
            "hiddenRows": [index for index in range(height) if sheet.rows[index].hidden],
            "rowCount": sheet.row_count,
            "frozenRows": sheet.frozen_rows,
        }

    def _type(self, file_id: str, body: Document) -> None:
        body.only("sheet", "row", "column", "values")
        block = read_block(body.items("values"))
        self._office.person.type_block(file_id, body.whole("sheet"), body.whole("row"), body.whole("column"), block)

    def _insert(self, file_id: str, body: Document) -> None:
        self._office.person.insert(file_id, *_span(body))

    def _delete(self, file_id: str, body: Document) -> None:
        self._office.person.delete(file_id, *_span(body))

    def _sort(self, file_id: str, body: Document) -> None:
        body.only("sheet", "column", "descending")
        self._office.person.sort(file_id, body.whole("sheet"), body.whole("column"), body.flag("descending"))

    def _add_sheet(self, file_id: str, body: Document) -> None:
        body.only("title")
        taken = {sheet.sheet_id for sheet in self._office.drive.files[file_id].spreadsheet.sheets}
        number = next(n for n in iter(lambda: random.randrange(1, 2**31), 0) if n not in taken)  # noqa: S311 - an id
        self._office.person.add_sheet(file_id, body.text("title"), number)


def _span(body: Document) -> tuple[int, Dimension, int, int]:
    body.only("sheet", "dimension", "at", "count")
    dimension = Dimension(body.choice("dimension", ("ROWS", "COLUMNS"), "ROWS"))
    return body.whole("sheet"), dimension, body.whole("at"), body.whole("count", 1)


def _unknown() -> Response:
    return JSONResponse({"error": "There is no such spreadsheet or action."}, status_code=404)
