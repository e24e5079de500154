"""`spreadsheets.values`: get, batchGet, update, batchUpdate, append, clear, batchClear."""

from dataclasses import dataclass

from sandbox.drive import File
from sandbox.google.call import Call
from sandbox.google.cells_json import read_scalar
from sandbox.google.document import Document, as_json_number
from sandbox.google.json_value import Json, JsonObject
from sandbox.workbook import a1, structure, writing
from sandbox.workbook.a1 import Area
from sandbox.workbook.calculation import Calculation
from sandbox.workbook.cells import Cell, CellError, Effective, Scalar
from sandbox.workbook.dates import from_serial
from sandbox.workbook.display import general, show
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.locales import Locale
from sandbox.workbook.notation import localized
from sandbox.workbook.protection import check
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.spreadsheet import Spreadsheet

_RENDER = ("FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA")
_DATE_RENDER = ("SERIAL_NUMBER", "FORMATTED_STRING")
_INPUT = ("RAW", "USER_ENTERED")
_MAJOR = ("ROWS", "COLUMNS")
_UNSPECIFIED = "INPUT_VALUE_OPTION_UNSPECIFIED"


@dataclass(frozen=True, slots=True)
class Rendering:
    """How values are shown: what a cell gives, how a date is, and which way the lists run."""

    value: str
    date: str
    major: str


def get(call: Call) -> JsonObject:
    """values.get"""
    file = call.file()
    rendering = read_rendering(Document(dict(_single(call))), "valueRenderOption", "dateTimeRenderOption")
    return read_range(file, call.drive.calculation(file), call.argument, rendering)


def batch_get(call: Call) -> JsonObject:
    """values.batchGet"""
    file = call.file()
    rendering = read_rendering(Document(dict(_single(call))), "valueRenderOption", "dateTimeRenderOption")
    calculation = call.drive.calculation(file)
    ranges: list[Json] = [read_range(file, calculation, text, rendering) for text in call.query.get("ranges", ())]
    return {"spreadsheetId": call.file_id, **({"valueRanges": ranges} if ranges else {})}


def update(call: Call) -> JsonObject:
    """values.update"""
    call.file(writing=True)
    options = Document(dict(_single(call)))
    user_entered = read_input_option(options)
    named = call.body.text("range")
    if named and named != call.argument:
        raise InvalidArgument(f"Request range[{call.argument}] does not match value's range[{named}]")
    with call.edit() as draft:
        done = write_range(draft, call, call.argument, call.body, user_entered)
    return updated_json(call, done, _flag(options, "includeValuesInResponse"), options)


def batch_update(call: Call) -> JsonObject:
    """values.batchUpdate: all of its ranges or none."""
    call.file(writing=True)
    user_entered = read_input_option(call.body)
    with call.edit() as draft:
        done = [_write_one(draft, call, data, user_entered) for data in call.body.inners("data")]
    include = call.body.flag("includeValuesInResponse")
    responses: list[Json] = [updated_json(call, one, include, call.body) for one in done]
    return {"spreadsheetId": call.file_id, **totals(done), **({"responses": responses} if responses else {})}


def append(call: Call) -> JsonObject:
    """values.append"""
    call.file(writing=True)
    options = Document(dict(_single(call)))
    user_entered = read_input_option(options)
    insert_rows = options.choice("insertDataOption", ("OVERWRITE", "INSERT_ROWS"), "OVERWRITE") == "INSERT_ROWS"
    block = _block(call.body)
    with call.edit() as draft:
        sheet, searched = draft.resolve(call.argument)
        table = writing.find_table(sheet, searched)
        top, left = (table.bottom, table.left) if table else (searched.top, searched.left)
        if insert_rows and table and top < sheet.row_count:
            structure.insert(draft, sheet, Dimension.ROWS, top, len(block), inherit_before=True)
        writing.ensure_rows(sheet, top + len(block))
        draft.check_size()
        name = a1.full_name(sheet.title, Area(top, left, top + max(len(block), 1), left + max(_width(block), 1)))
        done = write_range(draft, call, name, call.body, user_entered)
    answer: JsonObject = {"spreadsheetId": call.file_id}
    if table:
        answer["tableRange"] = a1.full_name(done.sheet.title, table)
    answer["updates"] = updated_json(call, done, _flag(options, "includeValuesInResponse"), options)
    return answer


def clear(call: Call) -> JsonObject:
    """values.clear"""
    call.file(writing=True)
    with call.edit() as draft:
        cleared = clear_range(draft, call, call.argument)
    return {"spreadsheetId": call.file_id, "clearedRange": cleared}


def batch_clear(call: Call) -> JsonObject:
    """values.batchClear"""
    call.file(writing=True)
    with call.edit() as draft:
        cleared: list[Json] = [clear_range(draft, call, text) for text in call.body.texts("ranges")]
    return {"spreadsheetId": call.file_id, "clearedRanges": cleared}


def read_values(sheet: Sheet, area: Area, calculation: Calculation, rendering: Rendering, home: Locale) -> list[Json]:
    """The values of an area as lists, without the empty cells and rows at their ends."""
    lines: list[list[Json]] = []
    spills, formatted = calculation.spills(sheet), rendering.value == "FORMATTED_VALUE"
    left, right = area.left, area.right
    for index in range(area.top, area.bottom):
        row = sheet.rows[index]
        line: list[Json] = []
        if row.formulas or (spills and calculation.spilled(sheet, index)):
            _render_computed(line, sheet, index, area, calculation, rendering, home)
        else:
            # By far the most rows: what was entered is what there is.
            for column, cell in row.cells.items():
                value = cell.value
                if value is None or not left <= column < right:
                    continue
                if type(value) is str:
                    shown: Json = value
                elif cell.number_format is None and type(value) is float:
                    shown = general(value, home) if formatted else as_json_number(value)
                else:
                    shown = _render(cell, value, rendering, home)
                place = column - left
                if place == len(line):
                    line.append(shown)
                    continue
                if place > len(line):
                    line.extend([""] * (place - len(line) + 1))
                line[place] = shown
        lines.append(line)
    while lines and not lines[-1]:
        lines.pop()
    if rendering.major == "COLUMNS":
        lines = _transpose(lines)
    return list(lines)


def _render_computed(
    line: list[Json],
    sheet: Sheet,
    index: int,
    area: Area,
    calculation: Calculation,
    rendering: Rendering,
    home: Locale,
) -> None:
    """A row with formulas, or with what formulas elsewhere put into it."""
    row, spilled = sheet.rows[index], calculation.spilled(sheet, index)
    for column in sorted(row.cells.keys() | spilled.keys()):
        cell = row.cell(column)
        if not area.left <= column < area.right or not (cell.has_content or column in spilled):
            continue
        line.extend([""] * (column - area.left - len(line)))
        line.append(_render(cell, calculation.value(sheet, index, column, cell), rendering, home))


@dataclass(frozen=True, slots=True)
class Done:
    """One write: where, how many cells, and which rows and columns."""

    sheet: Sheet
    area: Area
    cells: int
    rows: frozenset[int]
    columns: frozenset[int]


def totals(done: list[Done]) -> JsonObject:
    """What several writes did together: distinct rows and columns count. What is 0 is left out, as anywhere."""
    counted: JsonObject = {
        "totalUpdatedRows": len({(one.sheet.sheet_id, row) for one in done for row in one.rows}),
        "totalUpdatedColumns": len({(one.sheet.sheet_id, column) for one in done for column in one.columns}),
        "totalUpdatedCells": sum(one.cells for one in done),
        "totalUpdatedSheets": len({one.sheet.sheet_id for one in done}),
    }
    return {name: number for name, number in counted.items() if number}


def read_range(file: File, calculation: Calculation, text: str, rendering: Rendering) -> JsonObject:
    """A ValueRange of what the text names."""
    sheet, area = file.spreadsheet.resolve(text)
    answer: JsonObject = {"range": a1.full_name(sheet.title, area), "majorDimension": rendering.major}
    values = read_values(sheet, area, calculation, rendering, file.spreadsheet.home)
    if values:
        answer["values"] = values
    return answer


def _render(cell: Cell, effective: Effective, rendering: Rendering, home: Locale) -> Json:
    if rendering.value == "FORMULA" and cell.formula is not None:
        return localized(cell.formula, home)
    if rendering.value == "FORMATTED_VALUE" or isinstance(effective, CellError):
        return show(effective, cell.shown_format, home)
    if effective is None:
        return ""
    if isinstance(effective, bool | str):
        return effective
    number_format = cell.shown_format
    is_date = number_format is not None and number_format.kind in ("DATE", "TIME", "DATE_TIME")
    if is_date and rendering.date == "FORMATTED_STRING" and from_serial(effective) is not None:
        return show(effective, cell.shown_format, home)
    return as_json_number(effective)


def write_range(draft: Spreadsheet, call: Call, name: str, data: Document, user_entered: bool) -> Done:
    """Writes the ValueRange `data` where `name` says."""
    block = _block(data)
    sheet, area = draft.resolve_for_writing(name, len(block), _width(block))
    check(draft.protections, call.editor, sheet.sheet_id, area)
    written = writing.write_block(sheet, area.top, area.left, block, user_entered, draft.typing)
    return Done(
        sheet,
        area,
        written.cells,
        frozenset(range(area.top, area.top + len(block))),
        frozenset(range(area.left, area.left + _width(block))),
    )


def _write_one(draft: Spreadsheet, call: Call, data: Document, user_entered: bool) -> Done:
    try:
        return write_range(draft, call, data.text("range"), data, user_entered)
    except InvalidArgument as error:
        raise InvalidArgument(f"Invalid {data.path}: {error.message}") from error


def clear_range(draft: Spreadsheet, call: Call, text: str) -> str:
    """Clears the values of what the text names; the name of what was cleared."""
    sheet, area = draft.resolve(text)
    check(draft.protections, call.editor, sheet.sheet_id, area)
    writing.clear(sheet, area)
    return a1.full_name(sheet.title, area)


def _block(data: Document) -> list[list[Scalar | None]]:
    """The values as rows, whichever way the request has them."""
    lines: list[list[Scalar | None]] = []
    for index, line in enumerate(data.items("values")):
        assert isinstance(line, list)  # the payload's reader takes no other
        lines.append([read_scalar(value, f"values[{index}][{step}]") for step, value in enumerate(line)])
    if data.choice("majorDimension", _MAJOR, "ROWS") == "COLUMNS":
        width = max((len(line) for line in lines), default=0)
        return [[line[step] if step < len(line) else None for line in lines] for step in range(width)]
    return lines


def _width(block: list[list[Scalar | None]]) -> int:
    return max((len(line) for line in block), default=0)


def updated_json(call: Call, done: Done, include: bool, options: Document) -> JsonObject:
    """UpdateValuesResponse."""
    answer: JsonObject = {"spreadsheetId": call.file_id, "updatedRange": a1.full_name(done.sheet.title, done.area)}
    if done.cells:
        answer["updatedRows"] = len(done.rows)
        answer["updatedColumns"] = len(done.columns)
        answer["updatedCells"] = done.cells
    if include:
        rendering = read_rendering(options, "responseValueRenderOption", "responseDateTimeRenderOption")
        file = call.drive.files[call.file_id]
        name = a1.full_name(done.sheet.title, done.area)
        answer["updatedData"] = read_range(file, call.drive.calculation(file), name, rendering)
    return answer


def read_rendering(options: Document, value: str, date: str) -> Rendering:
    """The rendering that the options ask for, under these names."""
    return Rendering(
        options.choice(value, _RENDER, "FORMATTED_VALUE"),
        options.choice(date, _DATE_RENDER, "SERIAL_NUMBER"),
        options.choice("majorDimension", _MAJOR, "ROWS"),
    )


def read_input_option(options: Document) -> bool:
    """Whether values are to be read as if typed; the option must be given."""
    if options.text("valueInputOption", _UNSPECIFIED) == _UNSPECIFIED:
        raise InvalidArgument("'valueInputOption' is required but not specified")
    return options.choice("valueInputOption", _INPUT, "RAW") == "USER_ENTERED"


def _single(call: Call) -> dict[str, Json]:
    return {name: values[-1] for name, values in call.query.items()}


def _flag(options: Document, name: str) -> bool:
    return options.text(name, "false").lower() in ("true", "1")


def _transpose(lines: list[list[Json]]) -> list[list[Json]]:
    width = max((len(line) for line in lines), default=0)
    columns: list[list[Json]] = []
    for step in range(width):
        column = [line[step] if step < len(line) else "" for line in lines]
        while column and column[-1] == "":
            column.pop()
        columns.append(column)
    return columns
