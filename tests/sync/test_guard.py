"""The delete guard on counts."""

import pytest

from sync.runs.delete_guard import SideCounts, holds


@pytest.mark.parametrize(
    ("rows", "deletes", "inserts", "share", "held"),
    [
        (100, 0, 0, 0.0, False),
        (100, 50, 0, 0.5, False),
        (100, 51, 0, 0.5, True),
        (9, 5, 0, 0.5, True),
        (7, 4, 0, 0.5, False),
        (5, 4, 0, 0.0, False),
        (100, 5, 0, 0.0, True),
        (100, 100, 0, 1.0, True),
        (100, 100, 1, 1.0, False),
        (2, 2, 0, 1.0, True),
        (1, 1, 0, 0.5, False),
        (2, 2, 2, 0.5, False),
        (0, 0, 5, 0.5, False),
    ],
)
def test_thresholds(rows: int, deletes: int, inserts: int, share: float, held: bool) -> None:
    assert holds(SideCounts(rows, deletes, inserts), share) is held
