"""How fast a token may begin operations: so many a second, ten seconds' worth at once."""

from dataclasses import replace

import pytest

from api.token_rates import TokenRates
from db.errors import RateLimited
from schema.access import ADMINISTRATOR

ONE, OTHER = (replace(ADMINISTRATOR, name=f"token {id_}", token=id_) for id_ in (1, 2))


def test_ten_seconds_worth_at_once_then_as_they_come_back() -> None:
    now = [100.0]
    rates = TokenRates(2, lambda: now[0])
    for _ in range(20):
        rates.take(ONE)
    with pytest.raises(RateLimited, match="token 1 begins more than 2 operations a second") as limited:
        rates.take(ONE)
    assert limited.value.after_s == pytest.approx(0.5)
    rates.take(OTHER)
    now[0] += 0.5
    rates.take(ONE)
    with pytest.raises(RateLimited):
        rates.take(ONE)
    # Who asked for too much has lost nothing by asking.
    now[0] += 10
    for _ in range(20):
        rates.take(ONE)


def test_nobody_in_particular_and_no_limit() -> None:
    rates = TokenRates(0.1, lambda: 0.0)
    for _ in range(5):
        rates.take(ADMINISTRATOR)
    for _ in range(5):
        TokenRates(0, lambda: 0.0).take(ONE)


def test_buckets_that_are_full_again_are_forgotten() -> None:
    now = [0.0]
    rates = TokenRates(1, lambda: now[0])
    for id_ in range(100):
        now[0] = float(id_)
        rates.take(replace(ONE, token=id_))
    assert len(rates._full_at) <= 2
