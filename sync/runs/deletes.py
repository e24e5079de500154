"""The deletes of a run: what the guard shows of them, and letting go of exactly those that a person confirmed. Pure."""

from dataclasses import replace

from db.changes import WireRow
from db.held import HeldDelete
from db.keys import key_values
from db.sources import Side
from db.wire import to_wire
from sync.merge.plan import EditKind, RowPlan, Rules
from sync.runs.compare import Comparison, Difference


def held(found: Comparison, rules: Rules) -> list[HeldDelete]:
    """What the run would delete, with the rows' values where they are."""
    deletes = []
    for difference in found.differences:
        plan = difference.plan
        if plan.table_edit is not None and plan.table_edit.kind is EditKind.DELETE:
            deletes.append(_held(Side.DATABASE, plan.key, plan.table_edit.value, rules))
        if plan.source_write is not None and plan.source_write.kind is EditKind.DELETE:
            deletes.append(_held(Side.SOURCE, plan.key, plan.source_write.value, rules))
    return deletes


def only_permitted(found: Comparison, permitted: frozenset[tuple[Side, str]]) -> bool:
    """Leave every other delete to the next run, which judges it anew; whether there were any."""
    postponed = False
    for index, difference in enumerate(found.differences):
        if not _sides(difference.plan) <= {side for side in Side if (side, difference.plan.key) in permitted}:
            found.differences[index] = _waiting(difference)
            postponed = True
    return postponed


def _sides(plan: RowPlan) -> set[Side]:
    sides = set()
    if plan.table_edit is not None and plan.table_edit.kind is EditKind.DELETE:
        sides.add(Side.DATABASE)
    if plan.source_write is not None and plan.source_write.kind is EditKind.DELETE:
        sides.add(Side.SOURCE)
    return sides


def _waiting(difference: Difference) -> Difference:
    return replace(difference, plan=RowPlan(difference.plan.key, wait=True))


def _held(side: Side, key: str, value: WireRow, rules: Rules) -> HeldDelete:
    names = {column.name: to_wire(column.type, text) for column, text in zip(rules.key, key_values(key), strict=True)}
    return HeldDelete(side, key, {**names, **value})
