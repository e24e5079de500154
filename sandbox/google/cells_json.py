"""CellData: a cell as `spreadsheets.get` shows it and as `updateCells` brings it."""

import orjson

from sandbox.google.colors import both, plain, styled
from sandbox.google.document import Document, Json, JsonObject, as_double, as_json_number
from sandbox.google.masks import FieldMask
from sandbox.workbook.cells import Cell, CellError, Effective, NumberFormat, Scalar, checked_text
from sandbox.workbook.display import DEFAULT_PATTERNS, default_pattern, show
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.locales import EN_US, Locale

_LACKING = ("pivotTable", "dataSourceTable", "dataSourceFormula", "textFormatRuns", "chipRuns")


def extended_value(value: Effective) -> JsonObject:
    """Google's ExtendedValue of a value that is there."""
    if isinstance(value, CellError):
        return {"errorValue": {"type": value.kind, "message": value.message}}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    assert value is not None
    return {"numberValue": as_json_number(value)}


def encode_cell(cell: Cell, effective: Effective, mask: FieldMask, home: Locale = EN_US) -> JsonObject:
    """The wanted fields of a cell; what is empty is left out."""
    data: JsonObject = {}
    if mask.wants("userEnteredValue") and cell.has_content:
        entered: JsonObject = {"formulaValue": cell.formula} if cell.formula else extended_value(cell.value)
        data["userEnteredValue"] = mask.below("userEnteredValue").filter(entered)
    if mask.wants("effectiveValue") and effective is not None:
        data["effectiveValue"] = mask.below("effectiveValue").filter(extended_value(effective))
    if mask.wants("formattedValue") and effective is not None:
        data["formattedValue"] = show(effective, cell.number_format, home)
    for name, with_default in (("userEnteredFormat", False), ("effectiveFormat", True)):
        if mask.wants(name):
            shown = mask.below(name).filter(styled(format_json(cell, home if with_default else None)))
            if shown:
                data[name] = shown
    if mask.wants("note") and cell.note:
        data["note"] = cell.note
    if mask.wants("dataValidation") and cell.validation:
        data["dataValidation"] = mask.below("dataValidation").filter(orjson.loads(cell.validation))
    return data


def format_json(cell: Cell, home: Locale | None = None) -> JsonObject:
    """CellFormat of what was set; with `home` also what pattern a bare kind stands for there."""
    fields: JsonObject = orjson.loads(cell.appearance) if cell.appearance else {}
    if cell.number_format is not None:
        pattern = cell.number_format.pattern
        if not pattern and home is not None:
            pattern = default_pattern(cell.number_format.kind, home)
        number_format: JsonObject = {"type": cell.number_format.kind}
        if pattern:
            number_format["pattern"] = pattern
        fields["numberFormat"] = number_format
    return fields


def merge_cell(cell: Cell, data: Document, mask: FieldMask) -> Cell:
    """The cell with the masked fields as the request has them; what the request lacks is cleared.

    Raises:
        InvalidArgument: a value of the wrong type, or too long.
    """
    data.lacks(*filter(mask.wants, _LACKING))
    value, formula = cell.value, cell.formula
    number_format, appearance = cell.number_format, cell.appearance
    note, validation = cell.note, cell.validation
    if mask.wants("userEnteredValue"):
        value, formula = read_value(data.inner("userEnteredValue"))
    if mask.wants("userEnteredFormat"):
        given = plain(data.inner("userEnteredFormat").fields)
        assert isinstance(given, dict)
        merged = both(mask.below("userEnteredFormat")).merge(format_json(cell), given)
        number_format, appearance = read_format(Document(merged, f"{data.path}.userEnteredFormat"))
    if mask.wants("note"):
        note = checked_text(data.text("note"))
    if mask.wants("dataValidation"):
        rule = data.inner("dataValidation").fields
        validation = orjson.dumps(rule).decode() if rule else ""
    return Cell(value, formula, number_format, appearance, note, validation)


def read_value(data: Document) -> tuple[Scalar | None, str | None]:
    """Value and formula of an ExtendedValue."""
    if "formulaValue" in data:
        text = checked_text(data.text("formulaValue"))
        return None, text if text.startswith("=") else f"={text}"
    if "numberValue" in data:
        return data.number("numberValue"), None
    if "boolValue" in data:
        return data.flag("boolValue"), None
    return checked_text(data.text("stringValue")) or None, None


def read_format(data: Document) -> tuple[NumberFormat | None, str]:
    """The number format, and the rest as JSON text that nothing here depends on."""
    number_format = None
    if "numberFormat" in data:
        fields = data.inner("numberFormat")
        kinds = (*DEFAULT_PATTERNS, "NUMBER_FORMAT_TYPE_UNSPECIFIED")
        kind = fields.choice("type", kinds, "NUMBER_FORMAT_TYPE_UNSPECIFIED")
        if kind != "NUMBER_FORMAT_TYPE_UNSPECIFIED":
            number_format = NumberFormat(kind, fields.text("pattern"))
    rest = {name: value for name, value in data.fields.items() if name != "numberFormat"}
    return number_format, orjson.dumps(rest, option=orjson.OPT_SORT_KEYS).decode() if rest else ""


def read_scalar(value: Json, path: str) -> Scalar | None:
    """A value of a ValueRange: None where it is null.

    Raises:
        InvalidArgument: it is a list or an object.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return as_double(value)
    raise InvalidArgument(f"Invalid {path}: {_in_words(value)}")


def _in_words(value: Json, indent: str = "") -> str:
    """The value as Google prints it: protobuf's text format of a `google.protobuf.Value`."""
    match value:
        case list():
            lines = [f"{indent}  values {{\n{_in_words(one, indent + '    ')}{indent}  }}\n" for one in value]
            return f"{indent}list_value {{\n{''.join(lines)}{indent}}}\n"
        case dict():
            lines = [
                f"{indent}  fields {{\n{indent}    key: {orjson.dumps(name).decode()}\n{indent}    value {{\n"
                f"{_in_words(one, indent + '      ')}{indent}    }}\n{indent}  }}\n"
                for name, one in value.items()
            ]
            return f"{indent}struct_value {{\n{''.join(lines)}{indent}}}\n"
        case None:
            return f"{indent}null_value: NULL_VALUE\n"
        case bool():
            return f"{indent}bool_value: {str(value).lower()}\n"
        case str():
            return f"{indent}string_value: {orjson.dumps(value).decode()}\n"
        case _:
            return f"{indent}number_value: {value}\n"
