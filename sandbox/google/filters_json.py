"""BasicFilter and FilterView: in requests and in answers."""

import re
from collections.abc import Iterator

from sandbox.google.document import Document
from sandbox.google.errors import NotSupported
from sandbox.google.json_value import JsonObject
from sandbox.google.ranges import grid_range_json, read_grid_range
from sandbox.workbook import conditions
from sandbox.workbook.a1 import Area
from sandbox.workbook.conditions import Condition, Criterion, Filter, FilterView
from sandbox.workbook.entry import Typing
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.sheet import Sheet
from sandbox.workbook.spreadsheet import Spreadsheet

_COLORS = (
    "visibleBackgroundColor", "visibleBackgroundColorStyle", "visibleForegroundColor", "visibleForegroundColorStyle",
)  # fmt: skip


def read_filter(book: Spreadsheet, data: Document) -> tuple[Sheet, Filter]:
    """The sheet and the filter of a BasicFilter or FilterView.

    Raises:
        InvalidArgument: a bad range, a column outside of it, or a condition with the wrong values.
        NotSupported: by color or relative date.
    """
    sheet, area = read_grid_range(book, data.inner("range"))
    return sheet, Filter(area, tuple(_criteria(data, area, book.typing)), read_sorts(data, area))


def read_sorts(data: Document, area: Area) -> tuple[tuple[int, bool], ...]:
    """Columns to sort by, and whether descending.

    Raises:
        InvalidArgument: a column outside of the range.
        NotSupported: by color.
    """
    sorts = []
    for spec in data.inners("sortSpecs"):
        if {"backgroundColor", "foregroundColor", "backgroundColorStyle", "foregroundColorStyle"} & set(spec.fields):
            raise NotSupported("sorting by color")
        descending = spec.choice("sortOrder", ("ASCENDING", "DESCENDING"), "ASCENDING") == "DESCENDING"
        sorts.append((spec.whole("dimensionIndex"), descending))
    if any(not area.left <= column < area.right for column, _ in sorts):
        raise InvalidArgument("Sort specs' dimension indexes must be within the range.")
    return tuple(sorts)


def read_condition(data: Document, typing: Typing) -> Condition:
    """A BooleanCondition.

    Raises:
        InvalidArgument: an unknown kind, or not as many values as it takes.
    """
    kind = data.choice("type", conditions.KINDS, "")
    values = []
    for value in data.inners("values"):
        if "relativeDate" in value:
            raise NotSupported("relative dates")
        values.append(value.text("userEnteredValue"))
    least, most = conditions.takes(kind)
    if not least <= len(values) <= most:
        needed = str(least) if least == most else f"at least {least}" if len(values) < least else f"at most {most}"
        raise InvalidArgument(f"{kind} needs {needed} ConditionValues, it has {len(values)}.")
    if kind.startswith(("NUMBER_", "DATE_")):
        for text in values:
            if not conditions.is_number(text, typing):
                raise InvalidArgument(f"Invalid ConditionValue.userEnteredValue: {text}")
    return Condition(kind, tuple(values))


def check_rule(rule: Document, typing: Typing) -> None:
    """Raises InvalidArgument where a DataValidationRule has no condition, or one with the wrong values."""
    if "condition" not in rule:
        raise InvalidArgument("No condition specified in the data validation rule.")
    condition = read_condition(rule.inner("condition"), typing)
    if condition.kind in conditions.OF_FILTERS:
        raise InvalidArgument(f"Data validation has no conditions of the type {condition.kind}.")


def filter_json(sheet: Sheet, kept: Filter) -> JsonObject:
    """BasicFilter, with its criteria both ways, as Google shows them."""
    data: JsonObject = {"range": grid_range_json(sheet, kept.area)}
    if kept.sorts:
        data["sortSpecs"] = [
            {"dimensionIndex": column, "sortOrder": "DESCENDING" if descending else "ASCENDING"}
            for column, descending in kept.sorts
        ]
    if kept.criteria:
        data["criteria"] = {str(one.column): _criterion_json(one) for one in kept.criteria}
        data["filterSpecs"] = [_spec_json(one) for one in kept.criteria]
    return data


def filter_view_json(sheet: Sheet, view: FilterView) -> JsonObject:
    """FilterView."""
    named: JsonObject = {"filterViewId": view.view_id, "title": view.title}
    return named | filter_json(sheet, view.filter)


def _criteria(data: Document, area: Area, typing: Typing) -> Iterator[Criterion]:
    found: dict[int, Document] = {}
    by_column = data.inner("criteria")
    for name in by_column.fields:
        if re.fullmatch(r"[0-9]{1,9}", name) is None:
            raise InvalidArgument(f"Invalid value at '{by_column.path}' (TYPE_INT32), \"{name}\"")
        found[int(name)] = by_column.inner(name)
    for spec in data.inners("filterSpecs"):
        found[spec.whole("columnIndex")] = spec.inner("filterCriteria")
    for column, given in sorted(found.items()):
        if not area.left <= column < area.right:
            raise InvalidArgument(f"The filter's column {column} is outside of its range.")
        if any(name in given for name in _COLORS):
            raise NotSupported("filters by color")
        condition = read_condition(given.inner("condition"), typing) if "condition" in given else None
        if condition is not None and condition.kind in conditions.OF_RULES:
            raise InvalidArgument(f"Filters have no conditions of the type {condition.kind}.")
        yield Criterion(column, tuple(given.texts("hiddenValues")), condition)


def _spec_json(one: Criterion) -> JsonObject:
    return {"columnIndex": one.column, "filterCriteria": _criterion_json(one)}


def _criterion_json(one: Criterion) -> JsonObject:
    data: JsonObject = {}
    if one.hidden_values:
        data["hiddenValues"] = list(one.hidden_values)
    if one.condition is not None:
        condition: JsonObject = {"type": one.condition.kind}
        if one.condition.values:
            condition["values"] = [{"userEnteredValue": text} for text in one.condition.values]
        data["condition"] = condition
    return data
