"""What a call wrote into a worksheet by address, with the worksheet as its sender saw it: all that is needed to judge
it. Pure.

It is kept from before the call until it was judged, so that whoever comes after a process that ended between the two
looks back as that process would have.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from sync.sheets.grid import Grid, same_cell
from sync.sheets.ids import IdWrite
from sync.sheets.plan import CellWrite
from sync.sheets.rows import Rows
from sync.source import Edit


@dataclass(frozen=True, slots=True)
class Sent:
    """Either cells, or rows that were inserted and deleted (key to the grid's row), or ids of rows."""

    spreadsheet: str
    grid: Grid
    cells: Sequence[CellWrite] = ()
    inserts: Sequence[Edit] = ()
    deletes: Mapping[str, int] = field(default_factory=dict)
    ids: Sequence[IdWrite] = ()

    def encoded(self) -> bytes:
        """To be kept."""
        return zlib.compress(_ENCODER.encode(replace(self, grid=replace(self.grid, formats={}))), level=1)


def decoded(kept: bytes) -> Sent | None:
    """What was kept; None where another version of rowcast kept it in a form that this one doesn't know."""
    try:
        return _DECODER.decode(zlib.decompress(kept))
    except (zlib.error, msgspec.DecodeError):
        return None


def is_done(sent: Sent, after: Rows) -> bool:
    """Whether the sheet shows all that was to be written, so that nothing of it is still to come."""
    places = after.bound.places
    return (
        all(
            write.key in after.by_key
            and write.name in places
            and same_cell(after.grid.value(after.by_key[write.key].index, places[write.name]), write.value)
            for write in sent.cells
        )
        and all(edit.key in after.by_key for edit in sent.inserts)
        and not any(key in after.by_key for key in sent.deletes)
    )


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Sent)
