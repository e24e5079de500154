"""Percentiles by nearest rank."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.percentiles import Percentiles


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([7.0], Percentiles(1, 7.0, 7.0, 7.0, 7.0)),
        ([3.0, 1.0, 2.0], Percentiles(3, 2.0, 3.0, 3.0, 3.0)),
        ([float(one) for one in range(1, 101)], Percentiles(100, 50.0, 95.0, 99.0, 100.0)),
    ],
)
def test_by_nearest_rank(times: Sequence[float], expected: Percentiles) -> None:
    assert Percentiles.of(times) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_each_is_one_that_was_measured(times: Sequence[float]) -> None:
    found = Percentiles.of(times)
    assert {found.p50, found.p95, found.p99, found.worst} <= set(times)
    assert found.p50 <= found.p95 <= found.p99 <= found.worst == max(times)
