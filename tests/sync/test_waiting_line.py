"""Who is next: urgency, turns between owners, shares of the places; and that nobody waits for ever."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sync.urgency import Urgency
from sync.waiting_line import WaitingLine

NOW, POLL, IMPORT = Urgency
AGING_S = 30.0


def line(places: int = 1, share: int = 1) -> WaitingLine[str]:
    return WaitingLine(places, share, AGING_S)


def order(line: WaitingLine[str], now: float) -> list[str]:
    found = []
    while (ticket := line.next(now)) is not None:
        found.append(ticket)
        line.leave(ticket)
    return found


def test_the_urgent_go_first_and_owners_take_turns() -> None:
    waiting = line()
    for ticket, owner, urgency in [
        ("import", "new", IMPORT),
        ("poll", "idle", POLL),
        ("hot1", "hot", NOW),
        ("hot2", "hot", NOW),
        ("hot3", "hot", NOW),
        ("calm", "calm", NOW),
    ]:
        waiting.join(ticket, owner, urgency, 0.0)
    assert order(waiting, 0.0) == ["hot1", "calm", "hot2", "hot3", "poll", "import"]


def test_places_and_shares_are_kept() -> None:
    waiting = line(places=3, share=2)
    for number in range(4):
        waiting.join(f"hot{number}", "hot", NOW, 0.0)
    waiting.join("other", "other", IMPORT, 0.0)
    assert [waiting.next(0.0) for _ in range(4)] == ["hot0", "hot1", "other", None]
    waiting.leave("other")
    assert waiting.next(0.0) is None, "hot holds its share"
    waiting.leave("hot0")
    assert waiting.next(0.0) == "hot2"


def test_a_group_shares_places() -> None:
    waiting = line(places=3, share=2)
    for number in range(3):
        waiting.join(f"sick{number}", f"source{number}", NOW, 0.0, group="sick")
    waiting.join("well", "other", IMPORT, 0.0, group="well")
    assert [waiting.next(0.0) for _ in range(4)] == ["sick0", "sick1", "well", None]


def test_what_is_not_ready_is_passed_over() -> None:
    waiting = line()
    waiting.join("write", "a", NOW, 0.0)
    waiting.join("read", "b", IMPORT, 0.0)
    assert waiting.next(0.0, lambda ticket: ticket == "read") == "read"


def test_hurry_and_leave() -> None:
    waiting = line()
    waiting.join("a", "a", POLL, 0.0)
    waiting.join("b", "b", IMPORT, 0.0)
    waiting.join("c", "c", IMPORT, 0.0)
    waiting.hurry("b", NOW)
    waiting.hurry("a", IMPORT)
    waiting.hurry("gone", NOW)
    waiting.leave("c")
    assert order(waiting, 0.0) == ["b", "a"]
    assert len(waiting) == 0


@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from(Urgency)), min_size=1, max_size=40),
    st.integers(1, 3),
)
def test_nobody_waits_for_ever_behind_a_flood(joined: Sequence[tuple[int, Urgency]], flood: int) -> None:
    """Each second one turn, while `flood` urgent owners join again and again."""
    waiting = line()
    for number, (owner, urgency) in enumerate(joined):
        waiting.join(f"{number}", owner, urgency, 0.0)
    left = {f"{number}" for number in range(len(joined))}
    bound = len(joined) * (flood + 1) + 2 * AGING_S * (flood + 1) + 10
    now = 0.0
    while left:
        assert now <= bound, left
        for one in range(flood):
            waiting.join(f"flood {one} {now}", f"flood {one}", NOW, now)
        ticket = waiting.next(now)
        assert ticket is not None
        waiting.leave(ticket)
        left.discard(ticket)
        now += 1.0


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(Urgency)), max_size=30), st.integers(1, 4))
def test_no_one_has_more_than_its_share(joined: Sequence[tuple[int, Urgency]], share: int) -> None:
    waiting: WaitingLine[int] = WaitingLine(4, share, AGING_S)
    for number, (owner, urgency) in enumerate(joined):
        waiting.join(number, owner, urgency, 0.0)
    held = []
    while (ticket := waiting.next(0.0)) is not None:
        held.append(joined[ticket][0])
    assert len(held) <= 4
    assert all(held.count(owner) <= share for owner in held)
    owners = [owner for owner, _ in joined]
    assert len(held) == min(4, sum(min(share, owners.count(owner)) for owner in set(owners)))
