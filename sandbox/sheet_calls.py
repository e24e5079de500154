"""The calls of the sheet's page: cells to read, edits of the person who types, word of every change."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from sandbox.accounts import PERSON
from sandbox.drive import Editor, File
from sandbox.google.document import Document
from sandbox.google.errors import ApiError
from sandbox.google.json_text import read_document
from sandbox.google.json_value import JsonObject
from sandbox.grid import WINDOW, window
from sandbox.guard import JSON, media_type
from sandbox.office import Office
from sandbox.person.reverts import Reverted
from sandbox.typed import read_block
from sandbox.workbook.a1 import Area
from sandbox.workbook.edges import edge
from sandbox.workbook.errors import InvalidArgument, WorkbookError
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension

_PAGES = 1_000

Action = Callable[[File, Document, Editor], JsonObject]


@dataclass(slots=True)
class _Answers:
    """The last answer to each open page, by the number of its edit: one that is sent again, because the answer was
    lost, is answered again and not carried out twice."""

    _last: dict[str, tuple[int, int, JsonObject]] = field(default_factory=dict)

    def known(self, page: str, number: int) -> tuple[int, JsonObject] | None:
        last = self._last.get(page)
        return last[1:] if last is not None and last[0] == number else None

    def keep(self, page: str, number: int, status: int, answer: JsonObject) -> None:
        self._last.pop(page, None)
        self._last[page] = number, status, answer
        if len(self._last) > _PAGES:
            del self._last[next(iter(self._last))]


class SheetCalls:
    """All edits here are a person's."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._person = office.person
        self._answers = _Answers()
        self._actions: dict[str, Action] = {
            "type": self._type,
            "clear": self._clear,
            "paste": self._paste,
            "insert": self._insert,
            "delete": self._delete,
            "sort": self._sort,
            "fill": self._fill,
            "lines": self._lines,
            "freeze": self._freeze,
            "addSheet": self._add_sheet,
            "renameSheet": self._rename_sheet,
            "deleteSheet": self._delete_sheet,
            "undo": self._undo,
            "redo": self._redo,
        }

    def routes(self) -> list[BaseRoute]:
        one = "/spreadsheets/d/{file}"
        return [
            Route(f"{one}/cells", self._cells),
            Route(f"{one}/edge", self._edge),
            Route(f"{one}/events", self._events),
            Route(f"{one}/actions/{{action}}", self._act, methods=["POST"]),
        ]

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
        first = _number(request, "first", 0)
        content = window(
            file,
            _sheet(file, request),
            self._office.drive.calculation(file),
            first,
            _number(request, "end", first + WINDOW),
        )
        return JSONResponse(content)

    async def _edge(self, request: Request) -> Response:
        file = self._file(request)
        if file is None:
            return _unknown()
        steps = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
        step = steps.get(request.query_params.get("towards", ""))
        if step is None:
            return JSONResponse({"error": f"towards must be one of {', '.join(steps)}."}, status_code=400)
        row, column = edge(_sheet(file, request), _number(request, "row", 0), _number(request, "column", 0), *step)
        return JSONResponse({"row": row, "column": column})

    async def _act(self, request: Request) -> Response:
        file, action = self._file(request), self._actions.get(request.path_params["action"])
        if file is None or action is None:
            return _unknown()
        if media_type(request.headers) != JSON:
            return JSONResponse({"error": f"The content type must be {JSON}."}, status_code=415)
        try:
            body = read_document(await request.body())
            body.only("page", "name", "number", "edit")
            editor = Editor(body.text("name") or PERSON, body.text("page"))
            number = body.whole("number")
            known = self._answers.known(editor.page, number) if editor.page else None
            if known is None:
                known = self._carry_out(action, file, body.inner("edit"), editor)
                self._answers.keep(editor.page, number, *known)
        except (WorkbookError, ApiError) as error:
            return JSONResponse({"error": error.message}, status_code=400)
        return JSONResponse(known[1], status_code=known[0])

    def _carry_out(self, action: Action, file: File, edit: Document, editor: Editor) -> tuple[int, JsonObject]:
        try:
            answer = action(file, edit, editor)
        except WorkbookError as error:
            return 400, {"error": error.message}
        return 200, {"version": self._office.drive.files[file.file_id].version, **answer}

    def _file(self, request: Request) -> File | None:
        return self._office.drive.files.get(request.path_params["file"])

    def _type(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        edit.only("sheet", "row", "column", "uid", "values")
        sheet = file.spreadsheet.sheet(edit.whole("sheet"))
        row = _place(sheet, edit.whole("row"), edit.whole("uid"))
        block = read_block(edit.items("values"))
        self._person.cells.type_block(file.file_id, sheet.sheet_id, row, edit.whole("column"), block, editor)
        return {"row": row}

    def _clear(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        edit.only("sheet", "area")
        self._person.cells.clear(file.file_id, edit.whole("sheet"), _area(edit, "area"), editor)
        return {}

    def _paste(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        edit.only("source", "area", "sheet", "target", "cut")
        source, target = (edit.whole("source"), _area(edit, "area")), (edit.whole("sheet"), _area(edit, "target"))
        self._person.cells.paste(file.file_id, source, target, edit.flag("cut"), editor)
        return {}

    def _insert(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        self._person.lines.insert(file.file_id, *_span(edit), editor)
        return {}

    def _delete(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        self._person.lines.delete(file.file_id, *_span(edit), editor)
        return {}

    def _sort(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        edit.only("sheet", "column", "descending")
        column, descending = edit.whole("column"), edit.flag("descending")
        self._person.cells.sort(file.file_id, edit.whole("sheet"), column, descending, editor)
        return {}

    def _fill(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        edit.only("sheet", "area", "dimension", "length", "alternate")
        dimension, alternate = _dimension(edit), edit.flag("alternate")
        source, length = _area(edit, "area"), edit.whole("length")
        self._person.cells.fill(file.file_id, edit.whole("sheet"), source, dimension, length, alternate, editor)
        return {}

    def _lines(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        edit.only("sheet", "dimension", "at", "count", "hidden", "pixels")
        hidden = edit.flag("hidden") if "hidden" in edit else None
        pixels = edit.optional_whole("pixels")
        place = edit.whole("sheet"), _dimension(edit), edit.whole("at"), edit.whole("count", 1)
        self._person.lines.set_lines(file.file_id, *place, hidden, pixels, editor)
        return {}

    def _freeze(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        edit.only("sheet", "rows", "columns")
        self._person.lines.freeze(file.file_id, edit.whole("sheet"), edit.whole("rows"), edit.whole("columns"), editor)
        return {}

    def _add_sheet(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        edit.only("title")
        return {"sheet": self._person.sheets.add(file.file_id, edit.text("title"), editor)}

    def _rename_sheet(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        edit.only("sheet", "title")
        self._person.sheets.rename(file.file_id, edit.whole("sheet"), edit.text("title"), editor)
        return {}

    def _delete_sheet(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        edit.only("sheet")
        self._person.sheets.delete(file.file_id, edit.whole("sheet"), editor)
        return {}

    def _undo(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        edit.only()
        return _reverted(self._person.reverts.undo(file.file_id, editor))

    def _redo(self, file: File, edit: Document, editor: Editor) -> JsonObject:
        edit.only()
        return _reverted(self._person.reverts.redo(file.file_id, editor))


def _reverted(done: Reverted | None) -> JsonObject:
    if done is None:
        return {"reverted": None}
    area = done.area
    return {
        "reverted": {
            "kind": done.kind.name,
            "sheet": done.sheet_id,
            "area": [area.top, area.left, area.bottom, area.right],
            "kept": done.kept,
        }
    }


def _place(sheet: Sheet, row: int, uid: int) -> int:
    """Where the row is by now that the page saw at `row`.

    Raises:
        InvalidArgument: somebody deleted it.
    """
    if not uid or (0 <= row < sheet.row_count and sheet.rows[row].uid == uid):
        return row
    found = next((index for index, one in enumerate(sheet.rows) if one.uid == uid), None)
    if found is None:
        raise InvalidArgument("Somebody deleted that row meanwhile: what you typed has no place any more.")
    return found


def _sheet(file: File, request: Request) -> Sheet:
    """The sheet that is asked for; the first visible one where there is none of that id."""
    wanted = request.query_params.get("sheet", "")
    sheets = [sheet for sheet in file.spreadsheet.sheets if not sheet.hidden]
    return next((one for one in sheets if str(one.sheet_id) == wanted), sheets[0])


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else default


def _area(edit: Document, name: str) -> Area:
    """`[top, left, bottom, right]`, half-open."""
    corners = [corner for corner in edit.items(name) if isinstance(corner, int) and not isinstance(corner, bool)]
    if len(corners) != 4 or not (0 <= corners[0] < corners[2] and 0 <= corners[1] < corners[3]):
        raise InvalidArgument(f"{name} must be [top, left, bottom, right], half-open and from 0.")
    return Area(*corners)


def _span(edit: Document) -> tuple[int, Dimension, int, int]:
    edit.only("sheet", "dimension", "at", "count")
    return edit.whole("sheet"), _dimension(edit), edit.whole("at"), edit.whole("count", 1)


def _dimension(edit: Document) -> Dimension:
    return Dimension(edit.choice("dimension", ("ROWS", "COLUMNS"), "ROWS"))


def _unknown() -> Response:
    return JSONResponse({"error": "There is no such spreadsheet or action."}, status_code=404)
