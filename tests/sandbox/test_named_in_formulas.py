"""Named ranges in formulas: computed, followed as cells move and names change."""

from typing import Any

from tests.sandbox.client import Api
from tests.sandbox.test_shifts import area, done


def formulas(api: Api, file_id: str, where: str) -> Any:
    return api.read(file_id, where, valueRenderOption="FORMULA")[0]


def test_named_ranges_are_computed_and_followed(api: Api, file_id: str) -> None:
    api.write(file_id, "A1", [[1], [2], [3]])
    api.write(file_id, "C1", [["=SUM(rates)", "=Rate*2", '="rate"', "=ARRAYFORMULA(rates*10)"]], "USER_ENTERED")
    assert api.read(file_id, "C1:D1") == [["#NAME?", "#NAME?"]]
    rates, rate = {"name": "rates", "range": area(0, 0, 3, 1)}, {"name": "rate", "range": area(1, 0, 2, 1)}
    added = done(api, file_id, {"addNamedRange": {"namedRange": rates}}, {"addNamedRange": {"namedRange": rate}})
    key = added[1]["addNamedRange"]["namedRange"]["namedRangeId"]
    assert api.read(file_id, "C1:F3") == [[6, 4, "rate", 10], ["", "", "", 20], ["", "", "", 30]]
    api.write(file_id, "A2", [[5]])
    assert api.read(file_id, "C1:D1") == [[9, 10]]
    done(api, file_id, {"insertDimension": {"range": {"dimension": "ROWS", "startIndex": 1, "endIndex": 2}}})
    api.write(file_id, "A2", [[100]])
    assert api.read(file_id, "C1:D1") == [[109, 10]], "the range grew, and the cell moved"
    renamed = {"namedRangeId": key, "name": "price"}
    done(api, file_id, {"updateNamedRange": {"namedRange": renamed, "fields": "name"}})
    assert formulas(api, file_id, "C1:E1") == ["=SUM(rates)", "=price*2", '="rate"']
    assert api.read(file_id, "D1") == [[10]]
    done(api, file_id, {"deleteNamedRange": {"namedRangeId": key}})
    assert api.read(file_id, "C1:D1") == [[109, "#NAME?"]]
