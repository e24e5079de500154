"""What a look at a feed finds, for registration: its fields with their types, and the values that may be its key."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from db.feeds import FeedFormat
from db.sources import Column
from db.wire import ColumnType
from sync.feeds.infer import FieldKinds
from sync.feeds.json_records import json_cell
from sync.feeds.leaves import Value, json_leaves, json_reader, xml_leaves, xml_reader
from sync.feeds.paths import plain_field, plain_json
from sync.source import Cell
from sync.values.names import column_name

_ANY = Column("", ColumnType.TEXT, None)


@dataclass(frozen=True, slots=True)
class FeedField:
    """A field of the records. `seen`: some record has a value there; `strings`: and each of them is a text.

    `plain`: a path that can be written to. `samples` has the cell of each record, for fields that may be in the key.
    """

    path: str
    type: ColumnType
    seen: bool
    strings: bool
    plain: bool
    samples: Sequence[Cell] | None = None


@dataclass(frozen=True, slots=True)
class FeedInspection:
    """A feed as it stands. `records`: the path that was given or found. `problems` keep it from being bound."""

    format: FeedFormat
    records: str
    namespaces: Mapping[str, str]
    fields: Sequence[FeedField]
    count: int
    problems: Sequence[str] = ()


@dataclass(slots=True)
class _Found:
    kinds: FieldKinds
    samples: list[Cell] | None = None


@dataclass(slots=True)
class Inspector:
    """Takes the records one by one. `extra` are paths that a person named, `keyed` the names that may be in the key.

    BadPath for an extra that is no path.
    """

    format: FeedFormat
    namespaces: Mapping[str, str]
    extra: Sequence[str] = ()
    keyed: Collection[str] = ()
    count: int = 0
    _found: dict[str, _Found] = field(default_factory=dict)

    def add(self, record: Value) -> None:
        """A record: an object, or an element."""
        values = self._extras(record)
        for path, value in self._leaves(record):
            values.setdefault(path, value)
        for path in [path for path in values if path not in self._found]:
            keyed = path in self.extra or column_name(field_name(path)) in self.keyed
            self._found[path] = _Found(FieldKinds(self.format), [None] * self.count if keyed else None)
        for path, found in self._found.items():
            value = values.get(path)
            found.kinds.add(value)
            if found.samples is not None:
                found.samples.append(_cell(value))
        self.count += 1

    def fields(self) -> Sequence[FeedField]:
        """All that were found, in the order of their first appearance."""
        for path in self.extra:
            self._found.setdefault(path, _Found(FieldKinds(self.format), [None] * self.count))
        return [
            FeedField(path, f.kinds.type(), f.kinds.seen, f.kinds.seen and f.kinds.texts, self._plain(path), f.samples)
            for path, f in self._found.items()
        ]

    def _leaves(self, record: Value) -> Iterable[tuple[str, Value]]:
        if self.format is FeedFormat.JSON:
            return json_leaves(record) if isinstance(record, dict) else ()
        return xml_leaves(record, {namespace: prefix for prefix, namespace in self.namespaces.items()})

    def _extras(self, record: Value) -> dict[str, Value]:
        if self.format is FeedFormat.JSON:
            return {path: json_reader(path)(record) for path in self.extra}
        return {path: xml_reader(path, self.namespaces)(record) for path in self.extra}

    def _plain(self, path: str) -> bool:
        plain = plain_json(path) if self.format is FeedFormat.JSON else plain_field(path)
        return bool(plain) or path == "."


def _cell(value: Value) -> Cell:
    return json_cell(value, _ANY)


def field_name(path: str) -> str:
    """What a field's column is called after: without XPath's marks for attributes and namespaces."""
    return "/".join(step.removeprefix("@").rpartition(":")[2] for step in path.split("/"))
