"""CellData: a cell as `spreadsheets.get` shows it and as `updateCells` brings it."""

from json.encoder import encode_basestring
from typing import Final

import orjson

from sandbox.google.colors import both, plain, styled
from sandbox.google.document import Document, as_double, as_json_number
from sandbox.google.filters_json import check_rule
from sandbox.google.json_value import Json, JsonObject
from sandbox.google.masks import FieldMask
from sandbox.workbook.cells import Cell, CellError, Effective, Scalar, checked_text
from sandbox.workbook.display import DEFAULT_PATTERNS, default_pattern, general, show
from sandbox.workbook.entry import Typing
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.locales import Locale
from sandbox.workbook.notation import canonical, localized
from sandbox.workbook.number_format import NumberFormat

_SAMPLE_TEXT: Final = "text"
_SAMPLE_NUMBER: Final = 7.5
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


class CellEncoder:
    """Shows cells with the fields that a mask wants. One for all cells of an answer: what the mask says is looked up
    once, formats that are alike are made once, and so is the text around the value of a cell that has nothing else."""

    def __init__(self, mask: FieldMask, home: Locale) -> None:
        self._home = home
        names = ("userEnteredValue", "effectiveValue", "userEnteredFormat", "effectiveFormat", "dataValidation")
        below = {name: mask.below(name) for name in names if mask.wants(name)}
        self._entered = below.get("userEnteredValue")
        self._effective = below.get("effectiveValue")
        self._formats = [(name, below[name]) for name in ("userEnteredFormat", "effectiveFormat") if name in below]
        self._validation = below.get("dataValidation")
        self._shown = mask.wants("formattedValue")
        self._note = mask.wants("note")
        self._made: dict[tuple[str, NumberFormat | None, str], Json] = {}
        # What stands before, between and after the value, as often as a cell shows it.
        self._around_text = self._sample(_SAMPLE_TEXT).split(f'"{_SAMPLE_TEXT}"')
        number, *shown = self._sample(_SAMPLE_NUMBER).split(f'"{general(_SAMPLE_NUMBER, home)}"')
        self._around_number, self._after_shown = number.split(str(_SAMPLE_NUMBER)), shown

    def text(self, cell: Cell, effective: Effective) -> str:
        """CellData as JSON text; what is empty is left out."""
        if (
            cell.formula is None
            and cell.number_format is None
            and not (cell.appearance or cell.note or cell.validation)
            and cell.value is not None
        ):
            if type(effective) is str:
                return encode_basestring(effective).join(self._around_text)
            if type(effective) is float:
                return self._number(effective)
        return orjson.dumps(self.encode(cell, effective)).decode()

    def _number(self, value: float) -> str:
        if value.is_integer() and -1e15 < value < 1e15:
            entered = shown = str(int(value))
        else:
            entered, shown = str(as_json_number(value)), general(value, self._home)
        text = entered.join(self._around_number)
        return f'{text}"{shown}"{self._after_shown[0]}' if self._after_shown else text

    def _sample(self, value: Scalar) -> str:
        return orjson.dumps(self.encode(Cell(value), value)).decode()

    def encode(self, cell: Cell, effective: Effective) -> JsonObject:
        """CellData; what is empty is left out."""
        data: JsonObject = {}
        if self._entered is not None and (cell.value is not None or cell.formula is not None):
            entered: JsonObject = (
                {"formulaValue": localized(cell.formula, self._home)} if cell.formula else extended_value(cell.value)
            )
            data["userEnteredValue"] = self._entered.filter(entered)
        if effective is not None:
            if self._effective is not None:
                data["effectiveValue"] = self._effective.filter(extended_value(effective))
            if self._shown:
                data["formattedValue"] = show(effective, cell.shown_format, self._home)
        if cell.shown_format is not None or cell.appearance:
            for name, mask in self._formats:
                shown = self._format(name, mask, cell)
                if shown:
                    data[name] = shown
        if self._note and cell.note:
            data["note"] = cell.note
        if self._validation is not None and cell.validation:
            data["dataValidation"] = self._validation.filter(orjson.loads(cell.validation))
        return data

    def _format(self, name: str, mask: FieldMask, cell: Cell) -> Json:
        home = self._home if name == "effectiveFormat" else None
        key = (name, cell.shown_format if home else cell.number_format, cell.appearance)
        if key not in self._made:
            self._made[key] = mask.filter(styled(format_json(cell, home)))
        return self._made[key]


def format_json(cell: Cell, home: Locale | None = None) -> JsonObject:
    """CellFormat of what was set; with `home` also what pattern a bare kind stands for there."""
    fields: JsonObject = orjson.loads(cell.appearance) if cell.appearance else {}
    kept = cell.number_format if home is None else cell.shown_format
    if kept is not None:
        pattern = kept.pattern
        if not pattern and home is not None:
            pattern = default_pattern(kept.kind, home)
        number_format: JsonObject = {"type": kept.kind}
        if pattern:
            number_format["pattern"] = pattern
        fields["numberFormat"] = number_format
    return fields


def merge_cell(cell: Cell, data: Document, mask: FieldMask, home: Locale) -> Cell:
    """The cell with the masked fields as the request has them; what the request lacks is cleared.

    Raises:
        InvalidArgument: a value of the wrong type, or too long.
    """
    data.lacks(*filter(mask.wants, _LACKING))
    value, formula = cell.value, cell.formula
    number_format, appearance = cell.number_format, cell.appearance
    note, validation = cell.note, cell.validation
    if mask.wants("userEnteredValue"):
        value, formula = read_value(data.inner("userEnteredValue"), home)
    if mask.wants("userEnteredFormat"):
        given = plain(data.inner("userEnteredFormat").fields)
        assert isinstance(given, dict)
        merged = both(mask.below("userEnteredFormat")).merge(format_json(cell), given)
        number_format, appearance = read_format(Document(merged, f"{data.path}.userEnteredFormat"))
    if mask.wants("note"):
        note = checked_text(data.text("note"))
    if mask.wants("dataValidation"):
        rule = data.inner("dataValidation")
        if rule.fields:
            check_rule(rule, Typing(home))
        validation = orjson.dumps(rule.fields).decode() if rule.fields else ""
    return Cell(value, formula, number_format, appearance, note, validation)


def read_value(data: Document, home: Locale) -> tuple[Scalar | None, str | None]:
    """Value and formula of an ExtendedValue; formulas come as they are typed in that locale."""
    if "formulaValue" in data:
        text = checked_text(data.text("formulaValue"))
        return None, canonical(text if text.startswith("=") else f"={text}", home)
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
        case int() | float():
            return f"{indent}number_value: {float(value)}\n"
        case _:
            raise TypeError("No request has fragments.")
