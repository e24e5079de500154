"""Rows out of bytes: each operation, each kind of old row, each type, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.changes import WireRow, WireValue
from db.keys import key_text
from db.wire import column_type, to_wire
from replication.decoder import ProtocolError, decode
from replication.messages import Relation
from replication.rows import RELATION, Layout, read_change
from tests.replication.pgoutput import TOAST, Texts, delete, insert, relation, update

OID = 4_000_000_000
COLUMNS = (("id", 23), ("name", 25), ("note", 25))
Read = tuple[str, str | None, WireRow | None, WireRow | None]


def layout(*columns: tuple[str, int], key: tuple[str, ...] = ("id",)) -> Layout:
    made = decode(relation(OID, "t", *columns))
    assert isinstance(made, Relation)
    return Layout.of(made, key)


CHANGES: list[tuple[bytes, Read]] = [
    (insert(OID, ("7", "é", None)), ('["7"]', None, None, {"id": 7, "name": "é", "note": None})),
    (
        update(OID, ("7", "a", "b"), ("7", "c", "b")),
        ('["7"]', None, {"id": 7, "name": "a", "note": "b"}, {"id": 7, "name": "c", "note": "b"}),
    ),
    (
        update(OID, ("7", None, "b"), ("8", "", None)),
        ('["8"]', '["7"]', {"id": 7, "name": None, "note": "b"}, {"id": 8, "name": "", "note": None}),
    ),
    # What was not touched is the old row's, in its place.
    (
        update(OID, ("7", "a", "b"), ("7", TOAST, "c")),
        ('["7"]', None, {"id": 7, "name": "a", "note": "b"}, {"id": 7, "name": "a", "note": "c"}),
    ),
    (
        update(OID, ("7", "a", "b"), (TOAST, "c", "b")),
        ('["7"]', None, {"id": 7, "name": "a", "note": "b"}, {"id": 7, "name": "c", "note": "b"}),
    ),
    # Without the old row it isn't known.
    (update(OID, None, ("7", TOAST, "c")), ('["7"]', None, {"id": 7}, {"id": 7, "note": "c"})),
    (
        update(OID, ("7", None, None), ("8", TOAST, "c"), b"K"),
        ('["8"]', '["7"]', {"id": 7}, {"id": 8, "note": "c"}),
    ),
    (delete(OID, ("7", "a", None)), ('["7"]', None, {"id": 7, "name": "a", "note": None}, None)),
    (delete(OID, ("7", None, None), b"K"), ('["7"]', None, {"id": 7}, None)),
]


@pytest.mark.parametrize(("data", "read"), CHANGES)
def test_changes(data: bytes, read: Read) -> None:
    assert data[RELATION] == OID.to_bytes(4)
    found = read_change(layout(*COLUMNS), data)
    assert found == read
    assert [list(row or ()) for row in found[2:]] == [list(row or ()) for row in read[2:]], "in the table's order"


def test_a_key_has_its_own_order_of_columns() -> None:
    made = layout(*COLUMNS, key=("name", "id"))
    assert read_change(made, update(OID, ("7", "a", None), ("8", "b", None)))[:2] == ('["b", "8"]', '["a", "7"]')
    assert read_change(made, delete(OID, ("7", "a", None), b"K"))[2] == {"id": 7, "name": "a"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"I" + b"\0\0\0\1" + b"N\0\3" + b"xyz", "unknown"),
        (update(OID, ("7", "a", None), ("7", "a", None))[:-1] + b"x", "unknown"),
        (insert(OID, ("7", "a", None, "more")), "columns"),
        (update(OID, ("7", "a", None), ("7", "a", None, "more")), "columns"),
        (delete(OID, ("7", "a", None, "more")), "columns"),
    ],
)
def test_what_the_protocol_does_not_have_is_an_error(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        read_change(layout(*COLUMNS), data)


TEXTS: dict[int, st.SearchStrategy[str]] = {
    16: st.sampled_from("tf"),
    20: st.integers(-(2**63), 2**63 - 1).map(str),
    23: st.integers(-(2**31), 2**31 - 1).map(str),
    25: st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300),
    701: st.floats().map(repr).map(lambda text: {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text, text)),
    1114: st.sampled_from(["2026-01-31 13:05:00", "infinity", "12026-01-31 00:00:00", "0044-03-15 12:00:00 BC"]),
    1184: st.sampled_from(
        ["2026-01-31 13:05:00+00", "-infinity", "12026-01-31 00:00:00+00", "0044-03-15 12:00:00+00 BC"]
    ),
    3802: st.sampled_from(["null", '{"a": [1, "t"]}', "1e400", '"é"']),
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[int], list[str | None], list[str | None], list[bool]]:
    """The types of the columns behind the key, an old and a new row of theirs, and which of them were not touched."""
    types = draw(st.lists(st.sampled_from(sorted(TEXTS)), max_size=6))
    old, new = ([draw(st.none() | TEXTS[type_]) for type_ in types] for _ in range(2))
    kept = draw(st.lists(st.sampled_from("kut"), min_size=len(types), max_size=len(types)))
    new = [was if keep != "t" else now for was, now, keep in zip(old, new, kept, strict=True)]
    return types, old, new, [keep == "u" for keep in kept]


@given(tables(), st.integers(-9, 9), st.integers(-9, 9))
def test_rows_are_the_wire_values_of_what_postgres_printed(
    table: tuple[list[int], list[str | None], list[str | None], list[bool]], id_: int, new_id: int
) -> None:
    types, old, new, untouched = table
    made = layout(("id", 23), *((f"c{place}", type_) for place, type_ in enumerate(types)))

    def row(key: int, texts: list[str | None]) -> dict[str, WireValue]:
        values = [to_wire(column_type(type_), text) for type_, text in zip(types, texts, strict=True)]
        return {"id": key, **{f"c{place}": value for place, value in enumerate(values)}}

    sent: Texts = [TOAST if left else text for left, text in zip(untouched, new, strict=True)]
    key, moved = key_text([str(new_id)]), None if id_ == new_id else key_text([str(id_)])
    found = [
        read_change(made, insert(OID, [str(id_), *old])),
        read_change(made, update(OID, [str(id_), *old], [str(new_id), *sent])),
        read_change(made, delete(OID, [str(id_), *old])),
    ]
    assert found == [
        (key_text([str(id_)]), None, None, row(id_, old)),
        (key, moved, row(id_, old), row(new_id, new)),
        (key_text([str(id_)]), None, row(id_, old), None),
    ]
    assert repr(found[1][2:]) == repr((row(id_, old), row(new_id, new))), "1 is not 1.0 and not true"
