"""Each event once, however its news gets here."""

from schema.seen_events import REACH, SeenEvents


def test_what_was_sent_or_was_there_before_is_not_sent_again() -> None:
    seen = SeenEvents([3, 5])
    assert seen.first_time(6, missed=False)
    assert not seen.first_time(6, missed=True)
    assert not seen.first_time(3, missed=True)
    # Its id was given before 5 and 6 were, its commit came later.
    assert seen.first_time(4, missed=True)
    assert not seen.first_time(4, missed=False)
    # Committed just before the subscriber looked, notified after.
    assert seen.first_time(5, missed=False)
    assert not seen.first_time(5, missed=False)


def test_it_remembers_as_far_as_it_looks_back_and_no_farther() -> None:
    seen = SeenEvents([])
    assert seen.look_after == 0
    for id_ in range(1, 5 * REACH):
        assert seen.first_time(id_, missed=False)
    assert seen.look_after == 4 * REACH - 1
    assert not any(seen.first_time(id_, missed=True) for id_ in range(seen.look_after + 1, 5 * REACH))
