"""Column names from headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.values.names import MAX_NAME, column_names


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        (["id", "Name"], ["id", "name"]),
        (["Customer ID"], ["customer_id"]),
        (["a.b", "a..b"], ["a_b", "a_b_2"]),
        (["2024"], ["c_2024"]),
        (["x", "X", "x"], ["x", "x_2", "x_3"]),
        (["a", "a", "a_2"], ["a", "a_2", "a_2_2"]),
        (["名前", "價格"], ["_", "__2"]),
        (["xmin"], ["xmin_2"]),
        (["Price (EUR)"], ["price_eur_"]),
        (["y" * 70, "y" * 70], ["y" * 63, "y" * 61 + "_2"]),
    ],
)
def test_names(headers: list[str], names: list[str]) -> None:
    assert column_names(headers) == names


@given(st.lists(st.text(min_size=1, max_size=80), max_size=20))
def test_names_are_distinct_identifiers(headers: list[str]) -> None:
    names = column_names(headers)
    assert len(set(names)) == len(headers) == len(names)
    assert all(0 < len(name.encode()) <= MAX_NAME and not name[0].isdigit() for name in names)
