"""Types inferred from cells."""

import pytest

from db.wire import ColumnType as T
from sync.values.infer import Sample, infer


def _cells(*cells: str | float | bool | None) -> list[Sample]:
    return [Sample(cell) for cell in cells]


@pytest.mark.parametrize(
    ("samples", "type_"),
    [
        ([], T.TEXT),
        (_cells(None, ""), T.TEXT),
        (_cells(1.0, None, -7.0), T.INTEGER),
        (_cells(1.0, 2.0**31), T.BIGINT),
        (_cells(2.0**53 + 2), T.FLOAT),
        (_cells(1.0, 1.5), T.FLOAT),
        (_cells(1.5, 2.0**40), T.FLOAT),
        (_cells(True, False, None), T.BOOLEAN),
        (_cells(True, 1.0), T.TEXT),
        (_cells("007", "008"), T.TEXT),
        (_cells("a", 1.0), T.TEXT),
        ([Sample(46053.0, "DATE")], T.DATE),
        ([Sample(46053.25, "DATE")], T.TIMESTAMP),
        ([Sample(46053.0, "DATE"), Sample(46053.5, "DATE_TIME")], T.TIMESTAMP),
        ([Sample(46053.0, "DATE"), Sample(5.0)], T.TEXT),
        ([Sample(1.0, "PERCENT")], T.FLOAT),
        ([Sample(5.0, "CURRENCY"), Sample(6.0, "NUMBER")], T.FLOAT),
        ([Sample(0.5, "TIME")], T.FLOAT),
    ],
)
def test_types(samples: list[Sample], type_: T) -> None:
    assert infer(samples).type is type_


def test_a_column_of_formulas_alone_is_a_formula_column() -> None:
    assert infer([Sample(3.0, formula=True), Sample(None)]).formula
    assert infer([Sample(None, formula=True)]).formula, "a formula that shows nothing is one"
    assert not infer([Sample(3.0, formula=True), Sample(4.0)]).formula
    assert not infer([Sample(None)]).formula
