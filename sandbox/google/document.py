"""JSON as it comes in: typed access with Google's messages for what is wrong. Nothing untyped leaves the parser."""

from collections.abc import Iterator

from sandbox.google.errors import NotSupported
from sandbox.google.json_value import Json, JsonObject
from sandbox.workbook.errors import InvalidArgument


def without_nulls(value: Json) -> Json:
    """`null` in a field means that the field is absent; in a list it stays, as values use it to skip a cell."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(inner) for inner in value]
    return value


class Document:
    """One JSON object of a request, and where in the request it stands (`requests[0].insertDimension`)."""

    def __init__(self, fields: JsonObject, path: str = "") -> None:
        self.fields = fields
        self.path = path

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def only(self, *names: str) -> None:
        """Raises InvalidArgument, in Google's words, where the object has any other field."""
        for name in self.fields:
            if name not in names:
                place = f" at '{self.path}'" if self.path else ""
                raise InvalidArgument(
                    f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.'
                )

    def lacks(self, *names: str) -> None:
        """Raises NotSupported where the object has one of these, which the sandbox doesn't know what to do with."""
        for name in names:
            if name in self.fields:
                raise NotSupported(self._at(name))

    def text(self, name: str, default: str = "") -> str:
        value = self.fields.get(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, "TYPE_STRING", value)
        return value

    def whole(self, name: str, default: int = 0) -> int:
        """A whole number; as in protobuf's JSON, also as text or with a zero fraction."""
        value = self.fields.get(name, default)
        if isinstance(value, str):
            try:
                return int(value)
            except ValueError as error:
                raise self._wrong(name, "TYPE_INT32", value) from error
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name, "TYPE_INT32", value)
        return value

    def optional_whole(self, name: str) -> int | None:
        return self.whole(name) if name in self.fields else None

    def number(self, name: str) -> float:
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, "TYPE_DOUBLE", value)
        return as_double(value)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.fields.get(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, "TYPE_BOOL", value)
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.fields.get(name, default)
        if not isinstance(value, str) or value not in choices:
            raise self._wrong(name, f"type.googleapis.com/{name}", value)
        return value

    def inner(self, name: str) -> "Document":
        """The object of that name; an empty one where it is absent."""
        value = self.fields.get(name, {})
        if not isinstance(value, dict):
            raise self._wrong(name, "an object", value)
        return Document(value, self._at(name))

    def items(self, name: str) -> list[Json]:
        value = self.fields.get(name, [])
        if not isinstance(value, list):
            raise self._wrong(name, "a list", value)
        return value

    def inners(self, name: str) -> Iterator["Document"]:
        for index, value in enumerate(self.items(name)):
            if value is not None and not isinstance(value, dict):
                raise self._wrong(f"{name}[{index}]", "an object", value)
            yield Document(value or {}, f"{self._at(name)}[{index}]")

    def texts(self, name: str) -> list[str]:
        found = []
        for index, value in enumerate(self.items(name)):
            if not isinstance(value, str):
                raise self._wrong(f"{name}[{index}]", "TYPE_STRING", value)
            found.append(value)
        return found

    def _at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _wrong(self, name: str, kind: str, value: Json) -> InvalidArgument:
        shown = f'"{value}"' if isinstance(value, str) else str(value)
        return InvalidArgument(f"Invalid value at '{self._at(name)}' ({kind}), {shown}")


def as_double(value: int | float) -> float:
    """The number as a cell holds it.

    Raises:
        InvalidArgument: beyond what a double holds.
    """
    try:
        return float(value)
    except OverflowError as error:
        raise InvalidArgument(f"Invalid value: {value} is out of range for a number.") from error


def as_json_number(value: float) -> int | float:
    """Google writes doubles without a fraction as whole numbers."""
    return int(value) if value.is_integer() and abs(value) < 1e16 else value
