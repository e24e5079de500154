"""Cursors, positions, snapshots: pure, by tables and properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.cursor import Cursor, View
from db.errors import BadUserInput
from db.position import LAST_INDEX, Position, format_lsn, parse_lsn
from db.snapshot import Snapshot, widen_xid

XIDS = st.integers(3, 2**40)
LSNS = st.integers(0, 2**63 - 1)
POSITIONS = st.builds(Position, st.integers(0, 2**31 - 1), LSNS, st.integers(0, LAST_INDEX))
SNAPSHOTS = st.builds(
    lambda xmin, running: Snapshot(xmin, max([xmin, *running]) + 1, frozenset(x for x in running if x >= xmin)),
    XIDS,
    st.sets(XIDS, max_size=5),
)
VIEWS = st.none() | st.builds(View, SNAPSHOTS, LSNS)
FORMS = st.sampled_from([{}, {"partial": True}, {"within": True}])
CURSORS = st.builds(lambda position, view, form: Cursor(position, view, **form), POSITIONS, VIEWS, FORMS)


@given(CURSORS)
def test_a_cursor_is_read_as_it_was_written(cursor: Cursor) -> None:
    assert Cursor.decode(cursor.encode()) == cursor


@given(st.text(max_size=60))
def test_any_other_text_is_bad_input(text: str) -> None:
    with pytest.raises(BadUserInput, match="not a cursor"):
        Cursor.decode(text)


@pytest.mark.parametrize("text", ["", "x", "MXxjfDF8Mg", "Mnxjfzf8Mg==", Cursor(Position(1, 2, 3)).encode()[:-3]])
def test_a_damaged_cursor_is_bad_input(text: str) -> None:
    with pytest.raises(BadUserInput):
        Cursor.decode(text)


VIEW = View(Snapshot(10, 20, frozenset({12})), until=500)


@pytest.mark.parametrize(
    ("position", "xid", "admitted"),
    [
        (Position(1, 100, 5), 15, False),  # at the cursor
        (Position(1, 100, 6), 15, False),  # seen
        (Position(1, 100, 6), 12, True),  # was running
        (Position(1, 100, 6), 20, True),  # began later
        (Position(1, 500, 1), 9, False),  # seen, just where the view ends
        (Position(1, 501, 1), 9, True),  # behind the view all is new
        (Position(1, 99, 1), 30, False),  # before the cursor
    ],
)
def test_what_a_cursor_with_a_view_admits(position: Position, xid: int, admitted: bool) -> None:
    assert Cursor(Position(1, 100, 5), VIEW).admits(position, xid) is admitted


def test_a_cursor_advances_and_drops_its_view_behind_it() -> None:
    cursor = Cursor(Position(1, 100, 5), VIEW, partial=True)
    assert cursor.advanced(Position(1, 50, 1)) == Cursor(Position(1, 100, 5), VIEW)
    assert cursor.advanced(Position(1, 500, 1)).view == VIEW
    assert cursor.advanced(Position(1, 501, 1)) == Cursor(Position(1, 501, 1))


@given(LSNS)
def test_lsns_print_as_postgres_does(lsn: int) -> None:
    assert parse_lsn(format_lsn(lsn)) == lsn


def test_no_lsn_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid"):
        parse_lsn("12")


@given(SNAPSHOTS)
def test_a_snapshot_is_read_as_it_was_written(snapshot: Snapshot) -> None:
    assert Snapshot.parse(str(snapshot)) == snapshot


@given(st.integers(2**33, 2**60), st.integers(-(2**31) + 1, 2**31 - 1))
def test_an_xid_is_widened_to_the_nearest(reference: int, distance: int) -> None:
    wide = reference + distance
    assert widen_xid(wide % 2**32, reference) == wide
