"""The managed key: which lines need an id, and whether the ids that were written are where they belong. Pure.

An id is written by address, so a sort or an insert at that moment puts it into another line. A line that had no id may
keep what it got, whatever it is; a line that had one gets its own back. Of lines with a copied id the one that is still
most like the row keeps it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from db.keys import key_text
from sync.sheets.grid import known, same_cell
from sync.sheets.layout import in_order_of
from sync.sheets.rows import Rows
from sync.source import Cell


@dataclass(frozen=True, slots=True)
class IdWrite:
    """Put `id` (None clears) into the managed key's column of the grid's row `index`."""

    index: int
    id: str | None


def new_row_id(unix_ms: int, random_bits: int) -> str:
    """A UUIDv7 (RFC 9562) of 48 bits of time and 74 random bits.

    >>> new_row_id(0x17F22E279B0, 0xCC3 << 62 | 0x18C4DC0C0C07398F)
    '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'
    """
    high, low = random_bits >> 62 & 0xFFF, random_bits & (1 << 62) - 1
    number = (unix_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def missing_ids(
    rows: Rows, new_id: Callable[[], str], images: Mapping[str, Mapping[str, Cell]] | None = None
) -> list[IdWrite]:
    """A new id for each line that has none, and for each copy of one.

    The id stays with the line that shows most of what its row last showed (`images`, by key), the first of equal ones.
    """
    copies = [
        index
        for key, indexes in rows.repeated.items()
        for index in _copies(rows, sorted(indexes), (images or {}).get(key, {}))
    ]
    fillable = [index for index in rows.keyless if not rows.has_merged_key(index)]
    return [IdWrite(index, new_id()) for index in sorted([*fillable, *copies])]


def _copies(rows: Rows, indexes: Sequence[int], image: Mapping[str, Cell]) -> list[int]:
    def shown(index: int) -> int:
        return sum(
            same_cell(rows.grid.value(index, place), image[column.name])
            for column, place in rows.bound.data_columns
            if column.name in image
        )

    original = max(indexes, key=shown)
    return [index for index in indexes if index != original]


def misplaced_ids(before: Rows, written: Sequence[IdWrite], after: Rows) -> list[IdWrite]:
    """What puts right the ids that were written by the addresses of `before` and stand as `after` shows them."""
    before = in_order_of(before, after)
    lost = _Lost(before, [key for key in before.by_key if key not in after.by_key and key not in after.repeated])
    repairs = []
    for write in written:
        landed = None if write.id is None else after.by_key.get(key_text([write.id]))
        if landed is None or _same_line(before, write.index, after, landed.index):
            continue
        if not any(cell not in (None, "") for cell in _line(after, landed.index)):
            repairs.append(IdWrite(landed.index, None))
            continue
        owner = lost.take(after, landed.index)
        if owner is not None:
            repairs.append(IdWrite(landed.index, _id_of(before, owner)))
    return repairs


class _Lost:
    """Rows whose ids are gone, found by what their other cells held; formulas tell no row from another."""

    def __init__(self, before: Rows, keys: Sequence[str]) -> None:
        self._places = [place for _, place in before.bound.data_columns]
        self._by_line: dict[tuple[int, ...], dict[tuple[object, ...], list[str]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for key in reversed(keys):
            index = before.by_key[key].index
            entered = tuple(place for place in self._places if (index, place) not in before.grid.computed)
            self._by_line[entered][_shown(before, index, entered)].append(key)

    def take(self, after: Rows, index: int) -> str | None:
        """The row that the line is, which nobody else is from now on."""
        for entered, keys in self._by_line.items():
            found = keys.get(_shown(after, index, entered))
            if found:
                return found.pop()
        return None


def _shown(rows: Rows, index: int, places: Sequence[int]) -> tuple[object, ...]:
    return tuple(known(rows.grid.value(index, place)) for place in places)


def _same_line(before: Rows, index: int, after: Rows, landed: int) -> bool:
    return all(
        same_cell(before.grid.value(index, place), after.grid.value(landed, place))
        for _, place in before.bound.data_columns
        if (index, place) not in before.grid.computed
    )


def _line(rows: Rows, index: int) -> list[Cell]:
    return [
        rows.grid.value(index, place)
        for _, place in rows.bound.data_columns
        if (index, place) not in rows.grid.computed
    ]


def _id_of(rows: Rows, key: str) -> str:
    return str(rows.grid.value(rows.by_key[key].index, rows.bound.key[0][1]))
