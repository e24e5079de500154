"""A sheet of 1,000,000 cells is read in bounded memory. Times are only printed."""

import pytest

from bench.large_sheet import ROWS, measure


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_million_cells_take_less_than_600_mb(capsys: pytest.CaptureFixture[str]) -> None:
    found = measure()
    assert {measured.rows for measured in found.values()} == {ROWS}
    assert found["rowcast"].peak_mb < 600
    with capsys.disabled():
        print(f"\n{found}")
