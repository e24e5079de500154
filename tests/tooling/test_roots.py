"""Names like `schema` and `api` exist on package indexes: what is imported must be ours."""

import importlib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.parametrize("root", ["api", "schema", "sync", "replication", "db", "sandbox", "bench"])
def test_each_root_is_ours(root: str) -> None:
    module = importlib.import_module(root)
    assert module.__file__ == str(CHECKOUT / root / "__init__.py")
