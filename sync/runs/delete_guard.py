"""The delete guard: whether a run would delete so much of a side that a person should look first. Pure, on counts.

>>> holds(SideCounts(rows=100, deletes=51, inserts=0), 0.5)
True
>>> holds(SideCounts(rows=100, deletes=50, inserts=0), 0.5)
False
"""

from dataclasses import dataclass

from sync.counted import counted

FEW = 5
"""Fewer deletes than these pass, unless they leave the side empty."""


@dataclass(frozen=True, slots=True)
class SideCounts:
    """Rows of a side before the run, and what the run would delete and insert there."""

    rows: int
    deletes: int
    inserts: int


def holds(counts: SideCounts, max_share: float) -> bool:
    """Whether the guard holds: FEW deletes and more than the share of the side, or a side of 2 and more left empty."""
    if counts.deletes == 0:
        return False
    too_many = counts.deletes >= FEW and counts.deletes > max_share * counts.rows
    emptied = counts.rows >= 2 and counts.rows - counts.deletes + counts.inserts <= 0
    return too_many or emptied


def why_held(table: SideCounts, source: SideCounts) -> str:
    """What a run that is held says."""
    return (
        f"A run would delete {table.deletes:,} of {counted(table.rows, 'row')} from the database and"
        f" {source.deletes:,} of {source.rows:,} from the source."
        " Look at heldRun, then confirmDeletes, or bring the rows back."
    )
