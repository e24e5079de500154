"""Whether a sort left the column of our ids behind: then ids stand beside other rows' values. Pure.

Each id would overwrite its row with another one's values, and nobody edited a cell. It shows by this: many rows show,
cell for cell, what another row showed before. Lines that several rows had prove nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sync.merge.plan import Rules
from sync.runs.compare import Difference
from sync.runs.delete_guard import FEW
from sync.sheets.grid import known
from sync.source import Cell

_Line = tuple[object, ...]


def torn_rows(differences: Iterable[Difference], rules: Rules) -> int:
    """How many rows show another row's last values: FEW or more, and most of those that were edited; else 0."""
    names = [column.name for column in rules.columns if not column.read_only]
    before: list[_Line] = []
    after: list[_Line] = []
    for difference in differences:
        row, base = difference.state.source, difference.state.base
        if row is None or base is None or base.source_image is None:
            continue
        # What formulas show moves along with any sort.
        entered = [name for name in names if name not in row.formulas]
        was, now = _line(entered, base.source_image), _line(entered, row.cells)
        if was != now:
            before.append(was)
            after.append(now)
    once = {line for line, count in Counter(before).items() if count == 1}
    moved = sum(line in once for line, count in Counter(after).items() if count == 1)
    return moved if moved >= FEW and 2 * moved > len(after) else 0


def why_torn(rows: int) -> str:
    """What a run that is held says."""
    return (
        f"{rows} rows show what other rows showed before: a range was sorted without the hidden column that tells rows"
        " apart. Undo the sort, or say which side is right: syncSource with winner: DATABASE puts every row's values"
        " back, with winner: SOURCE it takes the rows as they stand now."
    )


def _line(entered: Sequence[str], cells: Mapping[str, Cell]) -> _Line:
    return tuple((name, known(cells.get(name))) for name in entered)
