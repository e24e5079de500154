"""The merge as a table of cases: base, source and table of one row, and what is to become of it."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from db.base import BaseRow, Intent, IntentKind
from db.conflicts import ConflictChoice, ConflictKind
from db.sources import ConflictPolicy, DeletePolicy, Direction, Side
from sync.merge.plan import EditKind, RowPlan
from sync.merge.rows import merge_row
from sync.source import Cell, SourceRow
from tests.sync.row_world import AT, KEY, World, rules

D, S = ConflictChoice.DATABASE, ConflictChoice.SOURCE
DATABASE_WINS, SOURCE_WINS, LATEST_WINS, MANUAL = (
    ConflictPolicy.DATABASE_WINS,
    ConflictPolicy.SOURCE_WINS,
    ConflictPolicy.LATEST_WINS,
    ConflictPolicy.MANUAL,
)
IGNORE, SOFT = DeletePolicy.IGNORE, DeletePolicy.SOFT
TWO_WAY, FROM_SOURCE, TO_SOURCE = Direction.TWO_WAY, Direction.FROM_SOURCE, Direction.TO_SOURCE

Sheet = tuple[str | None, Cell] | None  # name, age
Texts = tuple[str | None, str | None] | None


def _world(
    base: tuple[Sheet, Texts] | None,
    source: Sheet,
    table: Texts,
    direction: Direction = TWO_WAY,
    policy: ConflictPolicy = DATABASE_WINS,
    deletes: DeletePolicy = DeletePolicy.PROPAGATE,
) -> World:
    stored = None
    if base is not None:
        images = (_cells(base[0]), _texts(base[1]))
        stored = BaseRow(
            KEY,
            None if images[0] is None else {**images[0], "total": None},
            images[1],
        )
    return World(
        rules(direction, policy, deletes=deletes), stored, _cells(source), _texts(table), source_at=AT, database_at=AT
    )


def _cells(row: Sheet) -> dict[str, Cell] | None:
    return None if row is None else {"name": row[0], "age": row[1]}


def _texts(row: Texts) -> dict[str, str | None] | None:
    return None if row is None else {"name": row[0], "age": row[1], "total": None}


def _done(plan: RowPlan) -> tuple[str, str, list[tuple[str | None, ConflictChoice | None]]]:
    """The plan in short: what the table gets, what the source gets, the conflicts."""
    table = source = "-"
    if plan.table_edit is not None:
        texts = ", ".join(f"{name}={text}" for name, text in sorted(plan.table_edit.texts.items()))
        table = f"{plan.table_edit.kind.lower()} {texts}".strip()
    if plan.source_write is not None:
        edit = plan.source_write.edit
        cells = ", ".join(f"{name}={cell}" for name, cell in sorted((edit.cells or {}).items()) if name != "id")
        source = f"{plan.source_write.kind.lower()} {cells}".strip()
    return table, source, [(conflict.column, conflict.choice) for conflict in plan.conflicts]


SAME = (("a", 1.0), ("a", "1"))


@dataclass(frozen=True)
class Case:
    says: str
    base: tuple[Sheet, Texts] | None
    source: Sheet
    table: Texts
    to_table: str = "-"
    to_source: str = "-"
    conflicts: tuple[tuple[str | None, ConflictChoice | None], ...] = ()
    direction: Direction = TWO_WAY
    policy: ConflictPolicy = DATABASE_WINS
    deletes: DeletePolicy = DeletePolicy.PROPAGATE


CASES = [
    # Both sides have the row.
    Case("nothing changed", SAME, ("a", 1.0), ("a", "1")),
    Case("the source changed", SAME, ("b", 1.0), ("a", "1"), "update name=b"),
    Case("the table changed", SAME, ("a", 1.0), ("b", "1"), "-", "update name=b"),
    Case("different cells", SAME, ("b", 1.0), ("a", "2"), "update name=b", "update age=2.0"),
    Case("the same edit", SAME, ("b", 1.0), ("b", "1")),
    Case("emptied in the source", SAME, ("a", None), ("a", "1"), "update age=None"),
    Case("emptied in the table", SAME, ("a", 1.0), (None, "1"), "-", "update name=None"),
    Case("an empty text is an empty cell", (("", 1.0), ("", "1")), (None, 1.0), ("", "1")),
    Case("a clash", SAME, ("b", 1.0), ("c", "1"), "-", "update name=c", (("name", D),)),
    Case("a clash", SAME, ("b", 1.0), ("c", "1"), "update name=b", "-", (("name", S),), policy=SOURCE_WINS),
    Case("a tie", SAME, ("b", 1.0), ("c", "1"), "-", "update name=c", (("name", D),), policy=LATEST_WINS),
    Case("a clash", SAME, ("b", 1.0), ("c", "1"), "-", "-", (("name", None),), policy=MANUAL),
    Case("others go on", SAME, ("b", 2.0), ("c", "1"), "update age=2", "-", (("name", None),), policy=MANUAL),
    Case("two clashes", SAME, ("b", 2.0), ("c", "3"), "-", "update age=3.0, name=c", (("name", D), ("age", D))),
    Case("unchanged though unlike", (("a", 1.0), ("A", "1")), ("a", 1.0), ("A", "1")),
    # One side deleted the row.
    Case("deleted in the source", SAME, None, ("a", "1"), "delete"),
    Case("deleted in the table", SAME, ("a", 1.0), None, "-", "delete"),
    Case("deleted on both", SAME, None, None),
    Case("deleted, edited", SAME, None, ("b", "1"), "-", "insert age=1.0, name=b", ((None, D),)),
    Case("deleted, edited", SAME, None, ("b", "1"), "delete", "-", ((None, S),), policy=SOURCE_WINS),
    Case("deleted, edited", SAME, None, ("b", "1"), "-", "-", ((None, None),), policy=MANUAL),
    Case("edited, deleted", SAME, ("b", 1.0), None, "-", "delete", ((None, D),)),
    Case("edited, deleted", SAME, ("b", 1.0), None, "insert age=1, name=b", "-", ((None, S),), policy=SOURCE_WINS),
    Case("edited, deleted", SAME, ("b", 1.0), None, "-", "-", ((None, None),), policy=MANUAL),
    # One side has a new row.
    Case("new in the source", None, ("a", 1.0), None, "insert age=1, name=a"),
    Case("new in the table", None, None, ("a", "1"), "-", "insert age=1.0, name=a"),
    Case("new and alike", None, ("a", 1.0), ("a", "1")),
    Case("each fills the other", None, ("a", None), (None, "1"), "update name=a", "update age=1.0"),
    Case("new, unlike", None, ("a", 1.0), ("b", "1"), "-", "update name=b", ((None, D),)),
    Case("new, unlike", None, ("a", 1.0), ("b", "1"), "update name=a", "-", ((None, S),), policy=SOURCE_WINS),
    Case("new, unlike", None, ("a", 1.0), ("b", None), "update age=1", "-", ((None, None),), policy=MANUAL),
    # The source lacks a row, and the table keeps it.
    Case("kept", SAME, None, ("a", "1"), deletes=IGNORE),
    Case("kept, edited", SAME, None, ("b", "1"), deletes=IGNORE),
    Case("kept, edited", SAME, None, ("b", "1"), deletes=IGNORE, direction=TO_SOURCE),
    Case("kept, edited", SAME, None, ("b", "1"), deletes=IGNORE, direction=FROM_SOURCE),
    Case("kept, the table's own", None, None, ("b", "1"), deletes=IGNORE, direction=FROM_SOURCE),
    Case("new in the table", None, None, ("a", "1"), "-", "insert age=1.0, name=a", deletes=IGNORE),
    Case("deleted in the table", SAME, ("a", 1.0), None, "-", "delete", deletes=IGNORE),
    # The source alone counts.
    Case("undone", SAME, ("a", 1.0), ("b", "1"), "update name=a", direction=FROM_SOURCE),
    Case("overrun", SAME, ("b", 1.0), ("c", "2"), "update age=1, name=b", direction=FROM_SOURCE),
    Case("put back", SAME, ("a", 1.0), None, "insert age=1, name=a", direction=FROM_SOURCE),
    Case("taken away", None, None, ("a", "1"), "delete", direction=FROM_SOURCE),
    Case("gone", SAME, None, ("b", "1"), "delete", direction=FROM_SOURCE),
    Case("was there", (None, ("a", "1")), None, ("a", "1"), direction=FROM_SOURCE),
    # The table alone counts.
    Case("undone", SAME, ("b", 1.0), ("a", "1"), "-", "update name=a", (("name", D),), direction=TO_SOURCE),
    Case("refilled", SAME, (None, 1.0), ("a", "1"), "-", "update name=a", (), direction=TO_SOURCE),
    Case("carried over", SAME, ("a", 1.0), ("b", "1"), "-", "update name=b", (), direction=TO_SOURCE),
    Case("put back", SAME, None, ("a", "1"), "-", "insert age=1.0, name=a", (), direction=TO_SOURCE),
    Case("taken away", None, ("a", 1.0), None, "-", "delete", ((None, D),), direction=TO_SOURCE),
    Case("gone", SAME, ("b", 1.0), None, "-", "delete", ((None, D),), direction=TO_SOURCE),
    Case("was there", (("a", 1.0), None), ("a", 1.0), None, direction=TO_SOURCE),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.says} ({case.direction} {case.policy} {case.deletes})")
def test_cases(case: Case) -> None:
    world = _world(case.base, case.source, case.table, case.direction, case.policy, case.deletes)
    table, source, conflicts = _done(world.merge())
    # The formula column stands apart: it has nothing here.
    table = table.replace(", total=None", "").replace("total=None", "")
    assert (table, source, tuple(conflicts)) == (case.to_table, case.to_source, case.conflicts)


@pytest.mark.parametrize(("seconds", "choice"), [(1, S), (0, D), (-1, D)])
def test_the_later_edit_wins_and_a_tie_is_the_databases(seconds: int, choice: ConflictChoice) -> None:
    world = _world(SAME, ("b", 1.0), ("c", "1"), policy=LATEST_WINS)
    world.source_at = AT + timedelta(seconds=seconds)
    assert world.merge().conflicts[0].choice is choice
    world.database_at = None
    assert world.merge().conflicts[0].choice is D, "what the log doesn't have yet is newer than the reading"


def test_a_row_that_was_away_goes_on_where_it_was() -> None:
    world = _world(SAME, None, ("a", "1"), deletes=IGNORE)
    world.rest()
    assert world.absent
    world.table = _texts(("b", "1"))
    world.rest()
    world.source = _cells(("a", 2.0))
    world.rest()
    assert (world.table, world.source) == (_texts(("b", "2")), _cells(("b", 2.0)))
    assert world.differing() == set()
    assert world.recorded == [], "different cells of one row both win, however long one side was away"


def test_a_row_deleted_from_the_table_while_it_was_away_is_new_when_it_comes_back() -> None:
    world = _world(SAME, None, ("a", "1"), deletes=IGNORE)
    world.rest()
    world.table, world.source = None, _cells(("a", 1.0))
    assert _done(world.merge()) == ("insert age=1, name=a", "-", [])


@pytest.mark.parametrize("policy", ConflictPolicy)
def test_marking_a_row_deletes_it_in_the_source_and_clearing_the_mark_brings_it_back(policy: ConflictPolicy) -> None:
    world = _world(SAME, ("a", 1.0), ("a", "1"), policy=policy, deletes=SOFT)
    world.table, world.hidden = None, world.table
    assert _done(world.merge()) == ("-", "delete", [])
    world.rest()
    assert (world.source, world.base) == (None, None)
    world.table, world.hidden = world.hidden, None
    assert _done(world.merge()) == ("-", "insert age=1.0, name=a", [])


def test_a_row_that_comes_back_is_revived_with_its_empty_cells() -> None:
    world = _world(SAME, None, ("a", "1"), deletes=SOFT)
    world.rest()
    assert (world.table, world.hidden) == (None, _texts(("a", "1")))
    world.source = _cells(("b", None))
    assert _done(world.merge()) == ("revive age=None, name=b, total=None", "-", [])
    world.rest()
    assert (world.table, world.hidden) == (_texts(("b", None)), None)


def test_absence_that_is_not_sure_changes_nothing() -> None:
    for table in (("a", "1"), ("b", "1"), None):
        world = _world(SAME, None, table)
        assert merge_row(world.state(vanished=False), world.rules) == RowPlan(KEY, wait=True)


def test_a_row_that_one_side_had_before_the_first_run_is_let_be() -> None:
    world = _world(None, None, ("a", "1"), FROM_SOURCE)
    world.rules = replace(world.rules, first=True)
    plan = world.run()
    assert (plan.table_edit, plan.table_image is not None) == (None, True)
    world.rules = replace(world.rules, first=False)
    assert world.run().table_edit is None
    world = _world(None, ("a", 1.0), None, TO_SOURCE)
    world.rules = replace(world.rules, first=True)
    world.run()
    world.rules = replace(world.rules, first=False)
    assert world.run().source_write is None


@pytest.mark.parametrize(
    ("policy", "to_source", "choice"),
    [(DATABASE_WINS, "update age=5.0", D), (SOURCE_WINS, "-", S), (MANUAL, "-", None)],
)
def test_a_cell_that_does_not_fit_counts_as_changed(
    policy: ConflictPolicy, to_source: str, choice: ConflictChoice | None
) -> None:
    world = _world(SAME, ("b", "many"), ("a", "1"), policy=policy)
    plan = world.run()
    assert _done(plan) == ("update name=b", "-", [])
    [failure] = plan.failures
    assert (failure.side, failure.code, failure.column, failure.value) == (Side.DATABASE, "VALUE", "age", "many")
    assert world.table is not None
    world.table["age"] = "5"
    plan = world.run()
    assert _done(plan) == ("-", to_source, [("age", choice)])
    assert plan.conflicts[0].source_value == "many"
    assert bool(plan.failures) is (choice is not D)


def test_an_error_cell_is_a_failure_with_what_it_shows() -> None:
    world = _world(SAME, ("a", 1.0), ("a", "1"))
    row = SourceRow(KEY, {"name": "a"}, frozenset(), {"age": "#N/A"}, "rows!A2", {"age": "rows!C2"})
    plan = merge_row(replace(world.state(), source=row), world.rules)
    [failure] = plan.failures
    assert (failure.code, failure.value, failure.address) == ("CELL_ERROR", "#N/A", "rows!C2")
    assert plan.table_edit is None


def test_a_text_too_long_for_a_cell_is_a_failure() -> None:
    long = "x" * 50_001
    plan = _world(SAME, ("a", 1.0), (long, "2")).merge()
    assert _done(plan) == ("-", "update age=2.0", [])
    assert [(failure.side, failure.column) for failure in plan.failures] == [(Side.SOURCE, "name")]
    plan = _world(None, None, (long, "2")).merge()
    assert _done(plan) == ("-", "insert age=2.0", [])
    assert [(failure.side, failure.column) for failure in plan.failures] == [(Side.SOURCE, "name")]


def _pending(world: World, kind: IntentKind, name: str | None = None) -> World:
    assert world.base is not None
    cells: dict[str, Cell] = {} if name is None else {"name": name}
    texts = {} if name is None else {"name": name}
    if kind is IntentKind.INSERT:
        cells["age"], texts["age"] = 1.0, "1"
    world.base = replace(world.base, pending=(Intent(kind, "id", AT, cells, texts),))
    return world


def test_our_own_write_is_no_edit_whether_it_arrived_or_not() -> None:
    arrived = _pending(_world(SAME, ("b", 1.0), ("b", "1")), IntentKind.UPDATE, "b")
    plan = arrived.merge()
    assert (_done(plan), plan.pending) == (("-", "-", []), ())
    assert (plan.source_image or {})["name"] == "b"
    lost = _pending(_world(SAME, ("a", 1.0), ("b", "1")), IntentKind.UPDATE, "b")
    plan = lost.merge()
    assert (_done(plan), len(plan.pending)) == (("-", "update name=b", []), 1)
    edited_since = _pending(_world(SAME, ("b", 1.0), ("c", "1")), IntentKind.UPDATE, "b")
    assert _done(edited_since.merge()) == ("-", "update name=c", [])
    by_a_person = _pending(_world(SAME, ("x", 1.0), ("b", "1")), IntentKind.UPDATE, "b")
    assert _done(by_a_person.merge())[2] == [("name", D)]


def test_our_own_insert_and_delete_are_known() -> None:
    nothing = (None, None)
    inserted = _pending(_world(nothing, ("a", 1.0), ("a", "1")), IntentKind.INSERT, "a")
    assert _done(inserted.merge()) == ("-", "-", [])
    then_deleted = _pending(_world(nothing, ("a", 1.0), None), IntentKind.INSERT, "a")
    assert _done(then_deleted.merge()) == ("-", "delete", [])
    not_arrived = _pending(_world(nothing, None, ("a", "1")), IntentKind.INSERT, "a")
    assert _done(not_arrived.merge())[1] == "insert age=1.0, name=a"
    nowhere = _pending(_world(nothing, None, None), IntentKind.INSERT, "a")
    assert len(nowhere.merge().pending) == 1, "it may still arrive"
    deleted = _pending(_world(SAME, None, None), IntentKind.DELETE)
    plan = merge_row(deleted.state(vanished=False), deleted.rules)
    assert plan == RowPlan(KEY), "one reading is enough, where we deleted ourselves"
    back_again = _pending(_world(SAME, None, ("b", "1")), IntentKind.DELETE)
    plan = merge_row(back_again.state(vanished=False), back_again.rules)
    assert _done(plan) == ("-", "insert age=1.0, name=b", [])
    refused = _pending(_world(SAME, ("a", 1.0), None), IntentKind.DELETE)
    assert _done(refused.merge())[1] == "delete"


def test_formulas_are_the_sources_alone() -> None:
    world = _world(SAME, ("a", 1.0), ("a", "1"))
    world.total = 5.0
    assert _done(world.run())[0] == "update total=5"
    assert world.table is not None
    world.table["total"] = "9"
    plan = world.run()
    assert _done(plan) == ("-", "-", [])
    assert [failure.code for failure in plan.failures] == ["FORMULA_CELL"]
    world.total = 6.0
    assert _done(world.run()) == ("update total=6", "-", [("total", S)])
    world.table = None
    world.total = 7.0
    assert _done(world.merge()) == ("-", "delete", []), "a formula's new result is nobody's edit"


def test_generated_columns_are_the_tables_alone() -> None:
    world = _world(SAME, ("a", 2.0), ("a", "1"))
    world.rules = replace(world.rules, generated=frozenset({"age"}))
    plan = world.merge()
    assert (_done(plan)[0], [failure.code for failure in plan.failures]) == ("-", ["GENERATED_COLUMN"])
    world.table = {"name": "a", "age": "3", "total": None}
    assert _done(world.merge()) == ("-", "update age=3.0", [("age", D)])
    world.rules = replace(world.rules, direction=FROM_SOURCE)
    assert _done(world.merge()) == ("-", "-", [])


def test_the_row_conflict_tells_the_whole_rows() -> None:
    [conflict] = _world(None, ("a", "x"), ("b", "1")).merge().conflicts
    assert conflict.kind is ConflictKind.INSERT_INSERT
    assert conflict.database == {"name": "b", "age": 1, "total": None}
    assert conflict.source_value == {"name": "a", "age": "x", "total": None}
    [conflict] = _world(SAME, None, ("b", "1")).merge().conflicts
    assert (conflict.kind, conflict.base) == (ConflictKind.EDIT_DELETE, {"name": "a", "age": 1, "total": None})


def test_an_edit_expects_the_cells_that_it_replaces() -> None:
    plan = _world(SAME, ("a", 2.0), ("b", "1")).merge()
    assert plan.source_write is not None
    assert plan.source_write.edit.expected == {"name": "a"}
    plan = _world(SAME, ("a", 1.0), None).merge()
    assert plan.source_write is not None
    assert plan.source_write.kind is EditKind.DELETE
    assert plan.source_write.edit.expected == {"name": "a", "age": 1.0}
