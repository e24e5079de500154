"""Which fields the records of a feed have, noted while they are read: those that no column is bound to, and which bound
ones no record has any more. Pure.

A field that is left out and one that is null are two things in JSON, and only the first can be a field that went. In
XML a field is gone where no record has its element or attribute.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from db.feeds import FeedBinding, FeedFormat
from db.sources import Column, Source
from db.wire import ColumnType
from sync.feeds.infer import FieldKinds
from sync.feeds.inspection import field_name
from sync.feeds.json_records import json_cell
from sync.feeds.leaves import Value, json_leaves, xml_leaves
from sync.feeds.paths import plain_field, plain_json
from sync.feeds.records import Record, RecordFormat
from sync.seen_columns import NewColumn, SeenColumns
from sync.source import Cell
from sync.values.names import column_names

_MOST_NEW: Final = 200
"""Members whose names are data, such as one for each day, would make a column each."""
_ANY: Final = Column("", ColumnType.TEXT, None)


def readable(source: Source) -> Sequence[Column]:
    """The bound columns, and those whose field went, as bound to it: it may be back."""
    columns = [
        column if column.field is not None else replace(column, field=column.former, former=None)
        for column in source.columns
    ]
    return [column for column in columns if column.field is not None]


@dataclass(slots=True)
class _New:
    kinds: FieldKinds
    address: str


class FieldWatch:
    """Is shown every record of one reading."""

    def __init__(self, source: Source, binding: FeedBinding, records: RecordFormat) -> None:
        self._source = source
        self._records = records
        self._format = binding.format
        self._prefixes = {namespace: prefix for prefix, namespace in binding.namespaces.items()}
        columns = readable(source)
        self._known = frozenset(column.field for column in columns)
        self._tree = _Names()
        for column in columns:
            self._tree.add(plain_json(column.field or "") or ())
        self._missing = {column.name: column for column in columns}
        self._new: dict[str, _New] = {}
        self._count = 0

    def see(self, address: str, record: Record) -> Sequence[Cell]:
        """The record's cells of the fields that are new so far, in the order in which they appeared."""
        self._count += 1
        if self._missing:
            here = [name for name, column in self._missing.items() if self._records.has(record, column)]
            for name in here:
                del self._missing[name]
        values = dict(self._unknown(record))
        for path, value in values.items():
            if path not in self._new and value is not None and len(self._new) < _MOST_NEW:
                dot = "." if self._format is FeedFormat.JSON else "/"
                self._new[path] = _New(FieldKinds(self._format), f"{address}{dot}{path}")
        cells = []
        for path, new in self._new.items():
            new.kinds.add(values.get(path))
            cells.append(json_cell(values.get(path), _ANY))
        return cells

    def columns(self) -> SeenColumns:
        """What all of the records say. A feed without records says nothing."""
        bound = {column.name: column for column in readable(self._source)}
        columns = tuple(
            bound[column.name] if column.name in bound and column.name not in self._missing else column
            for column in self._source.columns
        )
        gone = {name for name in self._missing if name not in self._source.key} if self._count else set[str]()
        lost = frozenset(column.name for column in self._source.bound if column.name in gone)
        return SeenColumns(tuple(columns), lost, self._new_columns())

    def _new_columns(self) -> tuple[NewColumn, ...]:
        names = column_names([field_name(path) for path in self._new], [column.name for column in self._source.columns])
        return tuple(
            NewColumn(Column(name, _type(new.kinds), path, read_only=not self._plain(path)), new.address)
            for name, (path, new) in zip(names, self._new.items(), strict=True)
        )

    def _unknown(self, record: Record) -> Iterable[tuple[str, Value]]:
        if self._format is FeedFormat.JSON:
            return self._tree.unknown((), record) if isinstance(record, dict) else ()
        leaves = xml_leaves(record, self._prefixes)  # type: ignore[arg-type]
        return ((path, text) for path, text in leaves if path not in self._known)

    def _plain(self, path: str) -> bool:
        return bool(plain_json(path) if self._format is FeedFormat.JSON else plain_field(path))


def _type(kinds: FieldKinds) -> ColumnType:
    # Texts beside lists were read as they are, which is no JSON.
    return ColumnType.TEXT if len(kinds.kinds) > 1 and ColumnType.JSON in kinds.kinds else kinds.type()


class _Names:
    """The names of bound fields, as the objects that they are in. What is beneath a bound field is no field of its
    own."""

    def __init__(self) -> None:
        self._all: set[str] = set()
        self._inner: dict[str, _Names] = {}
        self._ends: set[str] = set()

    def add(self, path: Sequence[str]) -> None:
        if path:
            self._all.add(path[0])
            if len(path) == 1:
                self._ends.add(path[0])
            else:
                self._inner.setdefault(path[0], _Names()).add(path[1:])

    def unknown(self, way: tuple[str, ...], record: Mapping[str, Any]) -> Iterable[tuple[str, Value]]:
        """The leaves that no field is bound to."""
        if not record.keys() <= self._all:
            yield from json_leaves({name: one for name, one in record.items() if name not in self._all}, way)
        for name, inner in self._inner.items():
            value = record.get(name)
            if name not in self._ends and isinstance(value, dict):
                yield from inner.unknown((*way, name), value)
