"""How files, sheets and rows are written down in the store: JSON, without what is at its default."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from sandbox.drive import File, Loss, Permission
from sandbox.workbook.a1 import Area
from sandbox.workbook.cells import Cell
from sandbox.workbook.conditions import Condition, Criterion, Filter, FilterView
from sandbox.workbook.grouping import Group
from sandbox.workbook.metadata import DeveloperMetadata, Location
from sandbox.workbook.named import NamedRange
from sandbox.workbook.number_format import NumberFormat
from sandbox.workbook.protection import ProtectedRange
from sandbox.workbook.sheet import PLAIN_COLUMN, Column, Row, Sheet
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.spreadsheet import Spreadsheet
from sandbox.workbook.tables import Table, TableColumn


def encode_row(row: Row) -> bytes:
    cells = {str(column): _cell(cell) for column, cell in row.cells.items()}
    return orjson.dumps([cells, row.hidden, row.pixels, row.filtered])


def decode_row(uid: int, record: bytes) -> Row:
    cells, hidden, pixels, *filtered = orjson.loads(record)
    read = {int(column): _read_cell(cell) for column, cell in cells.items()}
    return Row(uid, read, hidden, pixels, filtered == [True])


def encode_sheet(sheet: Sheet) -> bytes:
    columns = {str(i): [c.hidden, c.pixels] for i, c in enumerate(sheet.columns) if c != PLAIN_COLUMN}
    return orjson.dumps(
        {
            "sheetId": sheet.sheet_id,
            "title": sheet.title,
            "columnCount": sheet.column_count,
            "columns": columns,
            "hidden": sheet.hidden,
            "frozenRows": sheet.frozen_rows,
            "frozenColumns": sheet.frozen_columns,
            "look": sheet.look,
            "nextUid": sheet.next_uid,
            "merges": [_corners(area) for area in sheet.merges],
            "filter": _filter(sheet.filter) if sheet.filter else None,
            "groups": [[g.dimension.value, g.start, g.end, g.depth, g.collapsed] for g in sheet.groups],
        }
    )


def decode_sheet(record: bytes, rows: list[Row]) -> Sheet:
    fields = orjson.loads(record)
    columns = [PLAIN_COLUMN] * fields["columnCount"]
    for index, (hidden, pixels) in fields["columns"].items():
        columns[int(index)] = Column(hidden, pixels)
    return Sheet(
        fields["sheetId"],
        fields["title"],
        rows,
        columns,
        fields["hidden"],
        fields["frozenRows"],
        fields["frozenColumns"],
        fields["look"],
        fields["nextUid"],
        tuple(Area(*area) for area in fields.get("merges", ())),
        _read_filter(fields["filter"]) if fields.get("filter") else None,
        tuple(Group(Dimension(along), *rest) for along, *rest in fields.get("groups", ())),
    )


def encode_file(file: File) -> bytes:
    book = file.spreadsheet
    return orjson.dumps(
        {
            "title": book.title,
            "locale": book.locale,
            "timeZone": book.time_zone,
            "sheets": [sheet.sheet_id for sheet in book.sheets],
            "metadata": [_metadata(entry) for entry in book.metadata.values()],
            "protections": [_protection(entry) for entry in book.protections.values()],
            "named": [[n.range_id, n.name, n.sheet_id, _corners(n.area)] for n in book.named.values()],
            "filterViews": [[v.view_id, v.title, v.sheet_id, _filter(v.filter)] for v in book.filter_views.values()],
            "tables": [_table(table) for table in book.tables.values()],
            "permissions": _permissions(file.permissions),
            "created": file.created.isoformat(),
            "modified": file.modified.isoformat(),
            "version": file.version,
            "change": file.change,
            "trashed": file.trashed,
            "parents": list(file.parents),
        }
    )


def decode_file(file_id: str, record: bytes, sheets: dict[int, Sheet]) -> File:
    fields = orjson.loads(record)
    metadata = [
        DeveloperMetadata(number, key, value, visibility, Location(sheet, Dimension(along) if along else None, a, b))
        for number, key, value, visibility, sheet, along, a, b in fields["metadata"]
    ]
    protections = [
        ProtectedRange(
            number,
            sheet,
            Area(*area) if area else None,
            tuple(editors),
            text,
            warning,
            tuple(Area(*one) for opened in rest for one in opened),
        )
        for number, sheet, area, editors, text, warning, *rest in fields["protections"]
    ]
    book = Spreadsheet(
        fields["title"],
        [sheets[sheet_id] for sheet_id in fields["sheets"]],
        fields["locale"],
        fields["timeZone"],
        {entry.metadata_id: entry for entry in metadata},
        {entry.protected_id: entry for entry in protections},
        {key: NamedRange(key, name, sheet, Area(*area)) for key, name, sheet, area in fields.get("named", ())},
        {
            number: FilterView(number, title, sheet, _read_filter(kept))
            for number, title, sheet, kept in fields.get("filterViews", ())
        },
        {table.table_id: table for table in map(_read_table, fields.get("tables", ()))},
    )
    return File(
        file_id,
        book,
        _read_permissions(fields["permissions"]),
        datetime.fromisoformat(fields["created"]),
        datetime.fromisoformat(fields["modified"]),
        fields["version"],
        fields["change"],
        fields["trashed"],
        tuple(fields["parents"]),
    )


def encode_loss(loss: Loss) -> bytes:
    return orjson.dumps([loss.file_id, _permissions(loss.permissions), loss.change, loss.time.isoformat()])


def decode_loss(record: bytes) -> Loss:
    file_id, permissions, change, time = orjson.loads(record)
    return Loss(file_id, _read_permissions(permissions), change, datetime.fromisoformat(time))


def _permissions(entries: Iterable[Permission]) -> list[list[str]]:
    return [[entry.permission_id, entry.kind, entry.role, entry.who] for entry in entries]


def _read_permissions(fields: Iterable[Iterable[str]]) -> tuple[Permission, ...]:
    return tuple(Permission(*one) for one in fields)


def _cell(cell: Cell) -> list[object]:
    number_format = [cell.number_format.kind, cell.number_format.pattern] if cell.number_format else None
    fields: list[object] = [cell.value, cell.formula, number_format, cell.appearance, cell.note, cell.validation]
    while fields and fields[-1] in (None, "") and len(fields) > 1:
        fields.pop()
    return fields


def _read_cell(fields: list[object]) -> Cell:
    value, formula, number_format, appearance, note, validation = [*fields, None, None, None, None, None][:6]
    if isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    assert value is None or isinstance(value, bool | float | str)
    return Cell(
        value,
        None if formula is None else str(formula),
        NumberFormat(*map(str, number_format)) if isinstance(number_format, list) else None,
        str(appearance or ""),
        str(note or ""),
        str(validation or ""),
    )


def _metadata(entry: DeveloperMetadata) -> list[object]:
    where = entry.location
    along = where.dimension.value if where.dimension else None
    return [entry.metadata_id, entry.key, entry.value, entry.visibility, where.sheet_id, along, where.start, where.end]


def _protection(entry: ProtectedRange) -> list[object]:
    area = entry.area
    corners = _corners(area) if area else None
    return [
        entry.protected_id,
        entry.sheet_id,
        corners,
        entry.editors,
        entry.description,
        entry.warning_only,
        [_corners(one) for one in entry.open_areas],
    ]


def _table(table: Table) -> list[object]:
    columns = [[one.index, one.name, one.kind, one.rule] for one in table.columns]
    return [table.table_id, table.name, table.sheet_id, _corners(table.area), columns, table.look]


def _read_table(fields: list[Any]) -> Table:
    key, name, sheet_id, area, columns, look = fields
    return Table(key, name, sheet_id, Area(*area), tuple(TableColumn(*column) for column in columns), look)


def _corners(area: Area) -> list[int]:
    return [area.top, area.left, area.bottom, area.right]


def _filter(kept: Filter) -> list[object]:
    criteria = [
        [c.column, c.hidden_values, [c.condition.kind, c.condition.values] if c.condition else None]
        for c in kept.criteria
    ]
    return [_corners(kept.area), criteria, kept.sorts]


def _read_filter(fields: list[Any]) -> Filter:
    area, criteria, sorts = fields
    return Filter(
        Area(*area),
        tuple(
            Criterion(column, tuple(hidden), Condition(condition[0], tuple(condition[1])) if condition else None)
            for column, hidden, condition in criteria
        ),
        tuple((column, descending) for column, descending in sorts),
    )
