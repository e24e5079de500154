"""Field masks: `sheets(properties,data/rowData.values(note))`. Parsed once, then asked what is wanted."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sandbox.google.json_value import Json, JsonObject
from sandbox.workbook.errors import InvalidArgument


@dataclass(slots=True)
class FieldMask:
    """A tree of names. `everything` is a leaf: all that is below it is wanted."""

    children: dict[str, "FieldMask"] = field(default_factory=dict)
    everything: bool = False

    def wants(self, name: str) -> bool:
        return self.everything or name in self.children

    def below(self, name: str) -> "FieldMask":
        """The mask for the field of that name, which must be wanted."""
        return self if self.everything else self.children[name]

    def filter(self, value: Json) -> Json:
        """The wanted part of an answer; lists are looked through, as Google does."""
        if self.everything:
            return value
        if isinstance(value, list):
            return [self.filter(item) for item in value]
        if isinstance(value, dict):
            return {name: self.children[name].filter(inner) for name, inner in value.items() if name in self.children}
        return value

    def merge(self, target: JsonObject, source: JsonObject) -> JsonObject:
        """`target` with each masked field as `source` has it; what `source` lacks is cleared."""
        if self.everything:
            return dict(source)
        result = dict(target)
        for name, mask in self.children.items():
            old, new = result.get(name), source.get(name)
            if not mask.everything and (isinstance(old, dict) or isinstance(new, dict)):
                result[name] = mask.merge(old if isinstance(old, dict) else {}, new if isinstance(new, dict) else {})
            elif name in source:
                result[name] = new
            else:
                result.pop(name, None)
        return {name: value for name, value in result.items() if value != {}}


EVERYTHING = FieldMask(everything=True)
_DEEPEST = 100


def mask_of(names: Iterable[str]) -> FieldMask:
    """A mask that wants these fields with all that is below them."""
    return FieldMask(dict.fromkeys(names, EVERYTHING))


def parse_mask(text: str) -> FieldMask:
    """Reads a mask; `*` and an empty text want everything.

    Raises:
        InvalidArgument: parentheses don't match, or a name is missing.
    """
    if text.strip() in ("", "*"):
        return EVERYTHING
    if text.count("(") > _DEEPEST:
        raise _invalid(text)
    mask, position = _group(text, 0, text)
    if position != len(text):
        raise _invalid(text)
    return mask


def _group(text: str, position: int, whole: str) -> tuple[FieldMask, int]:
    mask = FieldMask()
    while True:
        position = _path(text, position, mask, whole)
        if position < len(text) and text[position] == ",":
            position += 1
            continue
        return mask, position


def _path(text: str, position: int, mask: FieldMask, whole: str) -> int:
    node = mask
    while True:
        start = position
        while position < len(text) and text[position] not in ",()./":
            position += 1
        name = text[start:position].strip()
        if not name:
            raise _invalid(whole)
        if name == "*":
            node.everything = True
        else:
            node = node.children.setdefault(name, FieldMask())
        following = text[position : position + 1]
        if following in (".", "/") and following:
            position += 1
            continue
        if following == "(":
            inner, position = _group(text, position + 1, whole)
            if text[position : position + 1] != ")":
                raise _invalid(whole)
            _join(node, inner)
            return position + 1
        if name != "*":
            node.everything = True
        return position


def _join(node: FieldMask, other: FieldMask) -> None:
    node.everything = node.everything or other.everything
    for name, child in other.children.items():
        _join(node.children.setdefault(name, FieldMask()), child)


def _invalid(text: str) -> InvalidArgument:
    return InvalidArgument(
        f"Request contains an invalid argument. Invalid field mask '{text}': names separated by commas, "
        "with parentheses or '/' for fields of fields."
    )
