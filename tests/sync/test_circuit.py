"""The circuit: a table of its transitions, what holds under every sequence of calls, and its breaker's words."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.breaker import Breaker, Breakers, CircuitOpen
from sync.circuit import Circuit, CircuitPolicy, CircuitState, Pauses

POLICY = CircuitPolicy(failures=3, outage=Pauses(10, 100), refusal=Pauses(60, 600))
CLOSED, OPEN, HALF_OPEN = CircuitState
NOW = 1000.0


def opened(openings: int = 1) -> Circuit:
    return Circuit(OPEN, 0, openings, NOW + 10, "why")


@pytest.mark.parametrize(
    ("before", "what", "probe", "after"),
    [
        (Circuit(), "succeeded", False, Circuit()),
        (Circuit(failures=2), "succeeded", False, Circuit()),
        (Circuit(), "failed", False, Circuit(failures=1, reason="r")),
        (Circuit(failures=2), "failed", False, Circuit(OPEN, 0, 1, NOW + 10, "r")),
        (Circuit(), "refused", False, Circuit(OPEN, 0, 1, NOW + 60, "r")),
        (opened(), "succeeded", False, opened()),
        (opened(), "failed", False, opened()),
        (opened(), "refused", False, opened()),
        (Circuit(HALF_OPEN, openings=1), "succeeded", False, Circuit(HALF_OPEN, openings=1)),
        (Circuit(HALF_OPEN, openings=1), "failed", False, Circuit(HALF_OPEN, openings=1)),
        (Circuit(HALF_OPEN, openings=1), "succeeded", True, Circuit()),
        (Circuit(HALF_OPEN, openings=1), "failed", True, Circuit(OPEN, 0, 2, NOW + 20, "r")),
        (Circuit(HALF_OPEN, openings=9), "failed", True, Circuit(OPEN, 0, 10, NOW + 100, "r")),
        (Circuit(HALF_OPEN, openings=2), "refused", True, Circuit(OPEN, 0, 3, NOW + 240, "r")),
        (Circuit(HALF_OPEN, openings=9), "refused", True, Circuit(OPEN, 0, 10, NOW + 600, "r")),
    ],
)
def test_transitions(before: Circuit, what: str, probe: bool, after: Circuit) -> None:
    if what == "succeeded":
        assert before.succeeded(probe=probe) == after
    else:
        assert getattr(before, what)(NOW, "r", POLICY, 1.0, probe=probe) == after


def test_an_open_one_admits_one_probe_after_its_pause() -> None:
    assert opened().admit(NOW + 9.9) is None
    half = opened().admit(NOW + 10)
    assert half is not None
    assert half.state is HALF_OPEN
    assert half.admit(NOW + 99) is None
    again = half.abandoned(probe=True).admit(NOW + 99)
    assert again is not None
    assert again.state is HALF_OPEN
    assert half.abandoned(probe=False) == half


@given(st.lists(st.tuples(st.sampled_from(["succeeded", "failed", "refused", "broken off"]), st.floats(0, 700))))
def test_no_two_calls_while_it_does_not_work(calls: list[tuple[str, float]]) -> None:
    circuit, now, failing = Circuit(), 0.0, 0
    for outcome, seconds in calls:
        now += seconds
        admitted = circuit.admit(now)
        if admitted is None:
            assert now < circuit.until <= circuit.until + 600
            assert failing >= 1
            continue
        probe = admitted.state is HALF_OPEN
        assert not probe or admitted.admit(now) is None
        if outcome == "succeeded":
            circuit, failing = admitted.succeeded(probe=probe), 0
            assert circuit == Circuit()
        elif outcome == "broken off":
            circuit = admitted.abandoned(probe=probe)
        else:
            failing += 1
            circuit = getattr(admitted, outcome)(now, "r", POLICY, 0.5, probe=probe)
            assert (circuit.state is OPEN) == (probe or outcome == "refused" or admitted.failures + 1 >= 3)
            assert circuit.state is CLOSED or circuit.until > now


def test_a_breaker_says_why_and_until_when() -> None:
    now, closings = [NOW], []
    breaker = Breaker(
        "feed example.org",
        POLICY,
        clock=lambda: now[0],
        utc=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        closed=lambda: closings.append(1),
    )
    for _ in range(3):
        with breaker.passing() as passage:
            passage.failed("It doesn't answer.")
    with pytest.raises(CircuitOpen, match=r"It doesn't answer\. No call is made until 2026-01-01 00:00:0\d UTC"):
        breaker.check()
    with pytest.raises(CircuitOpen), breaker.passing():
        raise AssertionError("a call was made")
    now[0] += 10
    with breaker.passing(), pytest.raises(CircuitOpen, match="One call is under way"):
        breaker.check()
    assert breaker.state is OPEN, "what was broken off says nothing"
    with breaker.passing() as passage:
        passage.succeeded()
    assert (breaker.state, closings) == (CLOSED, [1])


def test_breakers_are_one_for_each_name() -> None:
    breakers = Breakers()
    assert breakers.of("a") is breakers.of("a")
    breakers.of("b")
    assert breakers.states() == {"a": CLOSED, "b": CLOSED}
