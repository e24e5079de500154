"""What holds for the merge in every state: it comes to rest, the sides agree, and no edit vanishes unrecorded."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from db.base import BaseRow, Intent, IntentKind
from db.changes import WireValue
from db.conflicts import ConflictChoice
from db.sources import Column, ConflictPolicy, DeletePolicy, Direction
from sync.merge.plan import EditKind
from sync.merge.show import shown
from sync.sheets.mapping import SheetMapping
from sync.source import Cell
from tests.examples import many
from tests.sync.row_world import AGE, AT, COLUMNS, KEY, NAME, World, rules

# Few values, so that equal edits on both sides happen; 1.5 and "x" don't fit into AGE.
_NAMES: st.SearchStrategy[str | None] = st.sampled_from([None, "", "a", "b", "c"])
_AGES: st.SearchStrategy[Cell] = st.sampled_from([None, 1.0, 2.0, 3.0, 1.5, "x"])
_AGE_TEXTS: st.SearchStrategy[str | None] = st.sampled_from([None, "1", "2", "3"])
_TOTALS: st.SearchStrategy[Cell] = st.sampled_from([None, 1.0, 2.0])
_TOTAL_TEXTS: st.SearchStrategy[str | None] = st.sampled_from([None, "1", "2"])

_sources = st.none() | st.fixed_dictionaries({"name": _NAMES, "age": _AGES})
_tables = st.none() | st.fixed_dictionaries({"name": _NAMES, "age": _AGE_TEXTS, "total": _TOTAL_TEXTS})


def _text(cell: Cell) -> str | None:
    return f"{cell:g}" if isinstance(cell, float) else None if cell is None else str(cell)


@st.composite
def _bases(draw: st.DrawFn) -> BaseRow | None:
    """Images that agree, of all columns or of some; with writes that were begun and may or may not have arrived."""
    if draw(st.integers(0, 3)) == 0:
        return None
    fits = {"name": _NAMES, "age": st.sampled_from([None, 1.0, 2.0, 3.0]), "total": _TOTALS}
    cells: dict[str, Cell] = {name: draw(values) for name, values in fits.items() if draw(st.integers(0, 5))}
    texts = {name: _text(cell) for name, cell in cells.items()}
    pending = []
    for kind in draw(st.lists(st.sampled_from(IntentKind), max_size=2)):
        wrote: dict[str, Cell] = {}
        if kind is not IntentKind.DELETE:
            wrote = {"name": draw(_NAMES), "age": draw(st.sampled_from([None, 1.0, 2.0, 3.0]))}
        if kind is IntentKind.UPDATE:
            wrote.pop(draw(st.sampled_from(["name", "age"])))
        pending.append(Intent(kind, "id", AT, wrote, {name: _text(cell) for name, cell in wrote.items()}))
    shape = draw(st.sampled_from(["both", "both", "both", "source", "table"]))
    absent = shape != "source" and draw(st.integers(0, 3)) == 0
    images = (None if shape == "table" else cells, None if shape == "source" else texts)
    return BaseRow(KEY, *images, tuple(pending), absent=absent)


@st.composite
def _worlds(draw: st.DrawFn, direction: Direction = Direction.TWO_WAY) -> World:
    made = rules(direction, draw(st.sampled_from(ConflictPolicy)), deletes=draw(st.sampled_from(DeletePolicy)))
    table = draw(_tables)
    return World(
        rules=made,
        base=draw(_bases()),
        source=draw(_sources),
        table=table,
        hidden=None if table is not None else draw(_tables),
        total=draw(_TOTALS),
        database_at=draw(st.none() | st.just(AT)),
        source_at=AT + timedelta(seconds=draw(st.integers(-1, 1))),
    )


@settings(max_examples=many(400))
@given(_worlds())
def test_it_comes_to_rest_and_the_sides_agree(world: World) -> None:
    world.rest()
    excused = {failure.column for failure in world.failures} | {conflict.column for conflict in world.conflicts}
    if None in excused:
        return
    if world.absent:
        assert (world.source, world.rules.deletes) == (None, DeletePolicy.IGNORE)
        return
    assert world.differing() <= excused


@settings(max_examples=many(200))
@given(st.sampled_from(Direction).flatmap(_worlds))
def test_what_the_delete_policy_keeps_is_kept(world: World) -> None:
    had, gone = world.table, world.source is None
    edits = [plan.table_edit for plan in world.rest() if plan.table_edit is not None]
    deleted = any(edit.kind is EditKind.DELETE for edit in edits)
    if world.rules.deletes is DeletePolicy.IGNORE and gone:
        assert not deleted
        # A row that is inserted into the source gets the formula's result from there.
        assert had is None or (world.table or {}) | {"total": None} == had | {"total": None}
    if world.rules.deletes is DeletePolicy.SOFT and deleted:
        assert world.table is not None or world.hidden is not None


@settings(max_examples=many(150))
@given(st.sampled_from(Direction).flatmap(_worlds))
def test_applying_again_does_nothing(world: World) -> None:
    world.rest()
    base, conflicts, failures = world.base, world.conflicts, world.failures
    recorded = len(world.recorded)
    plan = world.run()
    assert (plan.table_edit, plan.source_write) == (None, None)
    assert (world.base, world.failures) == (base, failures)
    assert {conflict.column for conflict in world.conflicts} == {conflict.column for conflict in conflicts}
    assert len(world.recorded) - recorded == len(conflicts), "what is open stays open, nothing is recorded anew"


@settings(max_examples=many(300))
@given(_worlds())
def test_no_edited_value_vanishes_without_a_record(world: World) -> None:
    edited = _edited(world)
    world.rest()
    _assert_kept(world, edited)


@settings(max_examples=many(150))
@given(st.sampled_from([Direction.FROM_SOURCE, Direction.TO_SOURCE]).flatmap(_worlds))
def test_one_way_no_edit_of_the_source_vanishes_without_a_record(world: World) -> None:
    """The table's edits are in the log."""
    edited = [(column, value, in_source) for column, value, in_source in _edited(world) if in_source]
    world.rest()
    _assert_kept(world, edited)


@settings(max_examples=many(250))
@given(_worlds(), st.sampled_from([Direction.FROM_SOURCE, Direction.TO_SOURCE]))
def test_what_overwrites_the_other_side_stays_and_the_other_becomes_like_it(world: World, direction: Direction) -> None:
    ordinary = world.rules
    edited = [(column, value, in_source) for column, value, in_source in _edited(world) if in_source]
    world.rules = replace(ordinary, direction=direction, overwrite=True)
    source, table = world.source, world.table
    world.rest()
    if direction is Direction.FROM_SOURCE:
        assert world.source == source
        assert world.absent is (source is None and table is not None and ordinary.deletes is DeletePolicy.IGNORE)
    else:
        assert world.table == table
    # A formula's result comes with the next run, which is an ordinary one.
    excused = {failure.column for failure in world.failures} | {"total"}
    assert world.absent or world.differing() <= excused
    assert (world.source is None) is (world.table is None) or world.absent
    assert world.conflicts == []
    _assert_kept(world, edited)
    world.rules = ordinary
    world.rest()
    if not world.conflicts and not world.failures:
        assert world.absent or world.differing() == set()


@settings(max_examples=many(150))
@given(_worlds())
def test_a_person_can_settle_every_open_conflict(world: World) -> None:
    for choice in (ConflictChoice.DATABASE, ConflictChoice.SOURCE, ConflictChoice.VALUE):
        one = replace(world, rules=replace(world.rules, policy=ConflictPolicy.MANUAL), conflicts=[], failures=[])
        one.recorded = []
        one.rest()
        values: dict[str | None, WireValue] = {"name": "v", "age": 3, None: {"name": "v", "age": 3}}
        one.conflicts = [
            replace(
                record, choice=choice, choice_value=values[record.column] if choice == "VALUE" else None, asked=True
            )
            for record in one.conflicts
        ]
        one.rest()
        unfit = {failure.column for failure in one.failures}
        assert all(conflict.column in unfit or (conflict.column is None and unfit) for conflict in one.conflicts)
        if one.absent:
            continue
        assert one.differing() <= unfit | {conflict.column for conflict in one.conflicts} or None in unfit


def _edited(world: World) -> list[tuple[str, WireValue, bool]]:
    """(column, wire value, in the source) of the cells that a side changed since the base, the formula's left out."""
    found: list[tuple[str, WireValue, bool]] = []
    base = world.base
    intents = () if base is None else base.pending
    for column in (NAME, AGE):
        name = column.name
        if world.source is not None and world.source[name] not in (None, ""):
            cell = world.source[name]
            images = [] if base is None or base.source_image is None else [base.source_image]
            ours = [*images, *(intent.cells for intent in intents)]
            if not any(name in image and SheetMapping().unchanged(image[name], cell) for image in ours):
                found.append((name, shown(column, cell, SheetMapping()), True))
        if world.table is not None and world.table[name]:
            text = world.table[name]
            tables = [] if base is None or base.table_image is None else [base.table_image]
            if not any(name in image and image[name] == text for image in [*tables, *(i.texts for i in intents)]):
                found.append((name, int(text) if column is AGE and text else text, False))
    return found


def _assert_kept(world: World, edited: Sequence[tuple[str, WireValue, bool]]) -> None:
    for name, value, in_source in edited:
        side = None if world.source is None else shown(_column(name), world.source[name], SheetMapping())
        other = None if world.table is None else world.table[name]
        if value in (side, other) or str(value) == other:
            continue
        records = [conflict.source_value if in_source else conflict.database for conflict in world.recorded]
        said = [record.get(name) if isinstance(record, dict) else record for record in records]
        assert value in said, f"{name}={value!r} of the {'source' if in_source else 'table'} vanished"


def _column(name: str) -> Column:
    return next(column for column in COLUMNS if column.name == name)
