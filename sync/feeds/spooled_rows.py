"""The rows of a large reading in key order: only their keys are in memory, a row is made when it is asked for."""

import marshal
import struct
import tempfile
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import BinaryIO, Final, cast, overload

from sync.source import Cell, SourceRow

_IN_MEMORY = 8 * 2**20
_SIZE: Final = struct.Struct("<I")


class _Spool:
    """The file of the rows. It goes with the last one who holds it."""

    def __init__(self) -> None:
        self.file = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - closed below
        # Not by __del__: where both are part of a cycle, the file may be told first, and warns that nobody closed it.
        weakref.finalize(self, self.file.close)


class SpooledRows(Sequence[SourceRow]):
    """Made by a `RowSpool`."""

    def __init__(
        self, spool: _Spool, names: Sequence[str], places: Sequence[tuple[str, int]], fields: Mapping[str, str]
    ) -> None:
        self._spool = spool
        self._names = names
        self._places = places
        self._fields = fields

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> SourceRow: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SourceRow]: ...
    def __getitem__(self, index: int | slice) -> SourceRow | Sequence[SourceRow]:
        if isinstance(index, slice):
            return [self._row(*place) for place in self._places[index]]
        return self._row(*self._places[index])

    def __iter__(self) -> Iterator[SourceRow]:
        return (self._row(*place) for place in self._places)

    def of(self, keys: Collection[str]) -> dict[str, SourceRow]:
        """The rows of some keys, as far as they are there; no other is made."""
        return {key: self._row(key, offset) for key, offset in self._places if key in keys}

    def _row(self, key: str, offset: int) -> SourceRow:
        self._spool.file.seek(offset)
        (size,) = _SIZE.unpack(self._spool.file.read(_SIZE.size))
        # Of nobody but ourselves.
        address, errors, cells = marshal.loads(self._spool.file.read(size))  # noqa: S302
        shown: dict[str, Cell] = {
            # A field that appeared later is none of this row's.
            name: cell
            for name, cell in zip_longest(self._names, cells)
            if name not in errors
        }
        return SourceRow(key, shown, frozenset(), errors, address, _Addresses(address, self._fields))


class RowSpool:
    """Takes rows in any order."""

    def __init__(self) -> None:
        self._spool = _Spool()
        self._places: dict[str, int] = {}
        self._end = 0

    def add(self, key: str, address: str, cells: Sequence[Cell], errors: Mapping[str, str]) -> bool:
        """False where the key is there already: nothing is added then."""
        if key in self._places:
            return False
        row = marshal.dumps((address, dict(errors), tuple(cells)))
        self._places[key] = self._end
        self._end += self._spool.file.write(_SIZE.pack(len(row)) + row)
        return True

    def rows(self, fields: Mapping[str, str], without: frozenset[str] = frozenset()) -> SpooledRows:
        """Those that were added, in the order of their keys; not those of the keys `without`.

        `fields`: by the names of the columns, in the order of the cells, the places within a record, for addresses. A
        row that was added with fewer cells has none for the last.
        """
        places = sorted((key, offset) for key, offset in self._places.items() if key not in without)
        return SpooledRows(self._spool, tuple(fields), places, fields)


class _Addresses(Mapping[str, str]):
    """The address of each cell, made when it is asked for."""

    __slots__ = ("_fields", "_record")

    def __init__(self, record: str, fields: Mapping[str, str]) -> None:
        self._record = record
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return f"{self._record}{self._fields[name]}"

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)
