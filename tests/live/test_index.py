"""The index finds everybody whose filter matches, over random filters and changes."""

from hypothesis import given
from hypothesis import strategies as st

from api.live.index import MatchIndex, pin
from db.changes import Change, Operation, WireRow
from db.position import Position
from db.wire import ColumnType
from schema.comparable import comparable
from schema.filter_predicate import matcher
from schema.filters import And, Compare, Comparison, Filter, FilterColumn, IsNull, Not, OneOf, Operand, Or

COLUMNS = (FilterColumn("a", ColumnType.INTEGER, 23), FilterColumn("b", ColumnType.TEXT, 25))
VALUES = {"a": st.sampled_from([None, 1, 2, 3]), "b": st.sampled_from([None, "x", "y"])}


def operand(column: FilterColumn, value: int | str | None) -> Operand | None:
    compared = comparable(column.type, value)
    return None if compared is None else Operand(str(value), compared)


def leaves(column: FilterColumn) -> st.SearchStrategy[Filter]:
    operands = VALUES[column.name].map(lambda value: operand(column, value))
    return st.one_of(
        st.builds(Compare, st.just(column), st.sampled_from(Comparison), operands),
        st.builds(OneOf, st.just(column), st.lists(operands, max_size=3).map(tuple)),
        st.just(IsNull(column)),
    )


FILTERS: st.SearchStrategy[Filter] = st.recursive(
    st.one_of(*(leaves(column) for column in COLUMNS)),
    lambda inner: st.one_of(
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)
ROWS: st.SearchStrategy[WireRow | None] = st.none() | st.fixed_dictionaries(VALUES)
CHANGES = st.builds(
    lambda before, after: Change(Position(1, 1, 1), "public.t", Operation.UPDATE, "k", None, before, after), ROWS, ROWS
)


@given(st.lists(FILTERS, max_size=6), st.lists(CHANGES, min_size=1, max_size=5))
def test_whoever_is_concerned_is_found_with_the_changes_that_concern_it(
    filters: list[Filter], changes: list[Change]
) -> None:
    index: MatchIndex[int] = MatchIndex()
    for whose, where in enumerate(filters):
        index.add(whose, where)
    found = index.match(changes)
    for whose, where in enumerate(filters):
        matches = matcher(where)
        for place, change in enumerate(changes):
            if any(row is not None and matches(row) for row in (change.before, change.after)):
                assert whose in found
                places = found[whose]
                assert places is None or place in places
    for whose, where in enumerate(filters):
        index.remove(whose, where)
    assert index.match(changes) == {}


@given(st.lists(FILTERS, max_size=6))
def test_a_truncate_concerns_everybody(filters: list[Filter]) -> None:
    index: MatchIndex[int] = MatchIndex()
    for whose, where in enumerate(filters):
        index.add(whose, where)
    truncate = Change(Position(1, 1, 1), "public.t", Operation.TRUNCATE, None, None, None, None)
    assert index.match([truncate]) == dict.fromkeys(range(len(filters)))


def test_a_commit_costs_what_it_matches() -> None:
    index: MatchIndex[int] = MatchIndex()
    for id_ in range(1000):
        index.add(id_, And((Compare(COLUMNS[0], Comparison.EQ, operand(COLUMNS[0], id_)), IsNull(COLUMNS[1]))))
    change = Change(Position(1, 1, 1), "t", Operation.UPDATE, "k", None, {"a": 7, "b": None}, {"a": 8, "b": None})
    assert index.match([change]) == {7: [0], 8: [0]}


def test_the_fewest_values_pin() -> None:
    one = Compare(COLUMNS[0], Comparison.EQ, operand(COLUMNS[0], 1))
    many = OneOf(COLUMNS[1], (operand(COLUMNS[1], "x"), operand(COLUMNS[1], "y")))
    assert pin(And((many, And((one,))))) == (COLUMNS[0], frozenset({1}))
    assert pin(Or((one, one))) is None
