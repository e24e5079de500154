"""The records of a JSON feed: read one by one where the path to them is plain. Numbers keep every digit they have.

>>> render({"n": Decimal("1.50"), "big": 2**70})
'{"n": 1.50, "big": 1180591620717411303424}'
"""

import codecs
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, BinaryIO, Final

import ijson
import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from db.sources import Column
from db.wire import ColumnType
from sync.feeds.mapping import STRINGS, number_cell
from sync.feeds.paths import plain_json
from sync.feeds.records import Body, FeedUnreadable, Record
from sync.source import Cell

_NUMBERS: Final = frozenset({ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.FLOAT, ColumnType.NUMERIC})
_EXACT: Final = 2**53
_MOST_DIGITS: Final = 4300
_LONG: Final = b"0" * _MOST_DIGITS
_ALIKE: Final = bytes(ord("0") if ord("0") <= byte <= ord("9") else ord(" ") for byte in range(256))


class JsonRecords:
    """Implements `sync.feeds.records.RecordFormat`. `whole_limit`: bytes of a document that must be held whole."""

    content_type = "application/json"

    def __init__(self, records: str, columns: Sequence[Column], whole_limit: int) -> None:
        self._records = records
        self._path = plain_json(records)
        self._whole_limit = whole_limit
        self._ways = {column.field: _Way(column.field) for column in columns if column.field is not None}

    def records(self, body: Body) -> Iterator[tuple[str, Record]]:
        """As the protocol says."""
        where = self._records if self._path is None else ".".join(("$", *self._path))
        for index, record in enumerate(self._found(body)):
            yield f"{where}[{index}]", record

    def cell(self, record: Record, column: Column) -> Cell:
        """As the protocol says."""
        assert column.field is not None
        try:
            return json_cell(self._ways[column.field].of(record), column)
        except RecursionError as error:
            raise ValueError(f"`{column.field}` is nested too deep to be read") from error

    def has(self, record: Record, column: Column) -> bool:
        """As the protocol says."""
        assert column.field is not None
        return self._ways[column.field].is_there(record)

    def follow(self, body: Body, path: str) -> str | None:
        """As the protocol says."""
        names = plain_json(path)
        if names and _tellable(names):
            value = next(_items(body, ".".join(names)), None)
        else:
            value = _search(jmespath.compile(path), _load(body, self._whole_limit), path)
        return None if value is None or isinstance(value, dict | list | bool) else str(value)

    def keep(self, record: Record) -> bytes:
        """As the protocol says."""
        return render(record).encode("utf-8", "surrogatepass")

    def changed(self, kept: bytes | None, cells: Mapping[Column, Cell], *, whole: bool) -> Record:
        """As the protocol says."""
        record: dict[str, Any] = {}
        if kept is not None and whole:
            record = json.loads(kept.decode("utf-8", "surrogatepass"), parse_float=Decimal)
        for column, cell in cells.items():
            names = plain_json(column.field or "")
            if names:
                _put(record, names, _value(column, cell), fresh=kept is None)
        return record

    def body(self, records: Sequence[Record], *, many: bool) -> bytes:
        """As the protocol says."""
        return render(list(records) if many else records[0]).encode()

    def _found(self, body: Body) -> Iterator[Any]:
        if self._path is None or not _tellable(self._path):
            found = _search(jmespath.compile(self._records), _load(body, self._whole_limit), self._records)
            if not isinstance(found, list):
                raise FeedUnreadable(_no_list(self._records))
            return iter(found)
        self._check_list(body)
        return _items(body, ".".join((*self._path, "item")))

    def _check_list(self, body: Body) -> None:
        """An empty list is one; a document without the list is no empty feed, or every row would count as deleted."""
        prefix = ".".join(self._path or ())
        try:
            for at, event, _ in ijson.parse(Watched(utf8_stream(body)), use_float=False):
                if at == prefix and event != "map_key":
                    if event == "start_array":
                        return
                    break
        except (ijson.JSONError, ValueError) as error:
            raise _unreadable(error) from error
        raise FeedUnreadable(_no_list(self._records))


class _Way:
    """How a field is found in a record."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._names = plain_json(field)
        self._compiled: ParsedResult | None = None if self._names is not None else jmespath.compile(field)

    def is_there(self, record: Any) -> bool:
        """Whether the record has it, be it null. True where the way isn't one by names alone."""
        for name in self._names or ():
            if not isinstance(record, dict) or name not in record:
                return False
            record = record[name]
        return True

    def of(self, record: Any) -> Any:
        if self._compiled is not None:
            return _search(self._compiled, record, self._field)
        for name in self._names or ():
            if not isinstance(record, dict):
                return None
            record = record.get(name)
        return record


def json_cell(value: Any, column: Column) -> Cell:
    """A value as the cell of a column, as `sync.feeds.mapping` has it."""
    if value is None:
        return None
    if column.type is ColumnType.JSON:
        return render(value)
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int) and -_EXACT <= value <= _EXACT:
        return float(value)
    if isinstance(value, int | Decimal):
        return number_cell(str(value))
    return render(value)


def render(value: Any) -> str:
    """A document as JSON text, its Decimals as numbers."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(name)}: {render(one)}' for name, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(render, value))}]"
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value)


def _value(column: Column, cell: Cell) -> Any:
    """What a cell is in the document: a text that stands for a number is one."""
    if not isinstance(cell, str):
        return int(cell) if isinstance(cell, float) and cell.is_integer() else cell
    if column.type is ColumnType.JSON:
        return json.loads(cell, parse_float=Decimal)
    if column.type in _NUMBERS and column.format != STRINGS:
        number = Decimal(cell)
        return (int(number) if number == number.to_integral_value() else number) if number.is_finite() else cell
    return cell


def _put(record: dict[str, Any], names: Sequence[str], value: Any, *, fresh: bool) -> None:
    """Set a value deep in a record. Nothing where a new record would only get a null there."""
    if fresh and value is None:
        return
    for name in names[:-1]:
        inner = record.get(name)
        if not isinstance(inner, dict):
            inner = record[name] = {}
        record = inner
    record[names[-1]] = value


def _search(path: ParsedResult, document: Any, text: str) -> Any:
    try:
        return path.search(document)
    except JMESPathError as error:
        raise FeedUnreadable(f"`{text}` can't be applied to the feed ({error}): correct it.") from error


def _tellable(names: Sequence[str]) -> bool:
    """Whether ijson tells a way by these names from others: it joins them by dots, and calls what a list has `item`."""
    return not any("." in name or name == "item" for name in names)


def _items(body: Body, prefix: str) -> Iterator[Any]:
    try:
        yield from ijson.items(Watched(utf8_stream(body)), prefix, use_float=False)
    except (ijson.JSONError, ValueError) as error:
        raise _unreadable(error) from error


def _load(body: Body, limit: int) -> Any:
    stream = utf8_stream(body)
    text = stream.read(limit + 1)
    if len(text) > limit:
        raise FeedUnreadable(
            f"The feed is larger than {limit:,} bytes, and its paths need it whole: use plain paths, or raise "
            "ROWCAST_FEED_WHOLE_BYTES."
        )
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _unreadable(error) from error


class Watched:
    """A document on its way to ijson, whose parser in C ends the process at a number that Python takes for too long."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._tail = b""

    def read(self, size: int) -> bytes:
        part = self._stream.read(size)
        # In each part are all digits made alike, so that a plain search finds a run of them.
        alike = self._tail + part.translate(_ALIKE)
        if _LONG in alike:
            raise ValueError(f"it has a number of {_MOST_DIGITS:,} digits or more")
        self._tail = alike[1 - _MOST_DIGITS :]
        return part


def utf8_stream(body: Body) -> BinaryIO:
    """The document from its start in UTF-8, without a byte order mark."""
    body.stream.seek(0)
    start = body.stream.read(4)
    body.stream.seek(0)
    charset = body.charset or "utf-8"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        charset = "utf-16"
    elif start.startswith(codecs.BOM_UTF8):
        body.stream.seek(len(codecs.BOM_UTF8))
        charset = "utf-8"
    try:
        # Python has codecs that unpack archives, too: this refuses all but charsets.
        io.TextIOWrapper(io.BytesIO(), encoding=charset)
        name = codecs.lookup(charset).name
    except LookupError as error:
        raise FeedUnreadable(f"The feed says that it is in {charset!r}, which is no known charset.") from error
    if name in ("utf-8", "ascii"):
        return body.stream
    return codecs.EncodedFile(body.stream, "utf-8", name)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _unreadable(error: Exception) -> FeedUnreadable:
    return FeedUnreadable(f"The feed is not JSON ({str(error).splitlines()[0][:200]}): correct it, or its `format`.")


def _no_list(records: str) -> str:
    return f"The feed has no list at `{records}`: correct `feed.records`, or the feed."
