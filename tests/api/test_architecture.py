"""The architecture's text names real things."""

import pkgutil
import re
from pathlib import Path

import pytest

TEXT = Path("docs/architecture.md").read_text()
ROOTS = ("api", "schema", "sync", "replication", "db", "sandbox")
NAMES = sorted(set(re.findall(rf"`((?:{'|'.join(ROOTS)})\.\w+(?:\.\w+)*)`", TEXT)))


@pytest.mark.parametrize("name", NAMES)
def test_what_it_names_exists(name: str) -> None:
    assert pkgutil.resolve_name(name) is not None


def test_it_names_a_good_deal_and_every_folder() -> None:
    assert len(NAMES) > 30
    for root in (*ROOTS, "web"):
        assert f"| `{root}/` |" in TEXT
