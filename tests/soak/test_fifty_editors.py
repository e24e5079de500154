"""Fifty editors and a thousand edits: nothing is lost, whatever Google's quotas and hooks. Times are only printed."""

from collections import Counter
from pathlib import Path

import pytest

from bench.fifty_editors import MODES, Mode, simulate


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", MODES, ids=str)
async def test_no_edit_is_lost(database: str, tmp_path: Path, mode: Mode, capsys: pytest.CaptureFixture[str]) -> None:
    report = await simulate(database, tmp_path, mode)
    assert len(report.edits) == 1000
    assert len(Counter(edit.value for edit in report.edits)) == 1000
    for edit in report.edits:
        assert report.table[edit.cell] == report.sheet[edit.cell] == edit.value
        assert edit.value in report.arrived
    assert report.table == report.sheet
    assert (report.open_failures, report.open_conflicts) == (0, 0)
    with capsys.disabled():
        print(f"\n{report}")
