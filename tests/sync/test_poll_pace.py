"""How often what is quiet is polled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.schedule.poll_pace import PollPace, rest_s


@pytest.mark.parametrize(
    ("every", "quiet", "rest"),
    [
        (30, 0, 30),
        (30, 299, 30),
        (30, 600, 60),
        (30, 3600, 240),
        (1, 60, 6),
        (1, 86_400, 8),
        (60, 86_400, 300),
        (900, 86_400, 900),
    ],
)
def test_the_rest_between_polls(every: float, quiet: float, rest: float) -> None:
    assert rest_s(every, quiet) == pytest.approx(rest)


def test_a_quiet_source_is_polled_more_rarely_until_something_happens() -> None:
    pace = PollPace()
    asked = [at for at in range(0, 4000, 30) if pace.due("s", 30, at)]
    assert asked[:10] == list(range(0, 300, 30))
    assert asked[-1] - asked[-2] == 240
    assert len(asked) < 40
    pace.stirred("s", 4000)
    assert [at for at in range(4020, 4200, 30) if pace.due("s", 30, at)] == list(range(4020, 4200, 30))
    pace.forget("s")
    assert pace.due("s", 30, 9000)


@given(st.floats(1, 1000), st.lists(st.floats(0.9, 1.1), min_size=1, max_size=60))
def test_no_rest_is_longer_than_the_bound(every: float, jitters: list[float]) -> None:
    pace, now, polled = PollPace(), 0.0, 0.0
    for jitter in jitters:
        now += every * jitter
        if pace.due("s", every, now):
            assert now - polled <= max(every, min(8 * every, 300)) + 1.7 * every
            polled = now
