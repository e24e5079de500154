"""Who wins a conflict: what a person asked for, else the source's policy. Pure."""

from dataclasses import dataclass
from datetime import datetime

from db.changes import WireValue
from db.conflicts import ConflictChoice, ConflictKind, ConflictRecord
from db.sources import ConflictPolicy
from db.wire import to_text
from sync.merge.plan import RowState, Rules


@dataclass(frozen=True, slots=True)
class Verdict:
    """`choice` None leaves the conflict open. `by` says whose verdict it is, `value` is what VALUE sets."""

    choice: ConflictChoice | None
    by: str | None = None
    value: WireValue = None


def verdict_on_row(state: RowState, rules: Rules) -> Verdict:
    """The verdict on a conflict of the whole row."""
    return _verdict(state, rules, None)


def verdict_on_cell(state: RowState, rules: Rules, column: str) -> Verdict:
    """The verdict on a conflict in one cell."""
    return _verdict(state, rules, column)


def verdict_on_cell_of_row(verdict: Verdict, column: str) -> Verdict:
    """What a verdict on the row means for a cell: a row object leaves what it doesn't name to the database."""
    if verdict.choice is not ConflictChoice.VALUE:
        return verdict
    if isinstance(verdict.value, dict) and column in verdict.value:
        return Verdict(ConflictChoice.VALUE, verdict.by, verdict.value[column])
    return Verdict(ConflictChoice.DATABASE, verdict.by)


def both_inserted(state: RowState) -> bool:
    """Whether the row's open conflict is that both sides have it anew."""
    record = _open(state, None)
    return record is not None and record.kind is ConflictKind.INSERT_INSERT


def _verdict(state: RowState, rules: Rules, column: str | None) -> Verdict:
    record = _open(state, column)
    # A policy, too, left its choice there; but it judges anew, as the sides are now and as the source's settings are.
    if record is not None and record.choice is not None and record.asked and _fits(record, rules):
        return Verdict(record.choice, record.resolved_by, record.choice_value)
    return _by_policy(rules.policy, state.database_at.get(column), state.source_at.get(column))


def _fits(record: ConflictRecord, rules: Rules) -> bool:
    """Whether the value that was given still is one of its column, whose type may have changed since."""
    if record.choice is not ConflictChoice.VALUE:
        return True
    given = record.choice_value if isinstance(record.choice_value, dict) else {}
    values = given if record.column is None else {record.column: record.choice_value}
    try:
        for column in rules.columns:
            to_text(column.type, values.get(column.name))
    except ValueError:
        return False
    return True


def _open(state: RowState, column: str | None) -> ConflictRecord | None:
    return next((record for record in state.conflicts if record.column == column), None)


def _by_policy(policy: ConflictPolicy, database_at: datetime | None, source_at: datetime | None) -> Verdict:
    match policy:
        case ConflictPolicy.MANUAL:
            return Verdict(None)
        case ConflictPolicy.DATABASE_WINS:
            return Verdict(ConflictChoice.DATABASE, policy)
        case ConflictPolicy.SOURCE_WINS:
            return Verdict(ConflictChoice.SOURCE, policy)
        case ConflictPolicy.LATEST_WINS:
            # A tie is the database's, and so is a commit that the log doesn't have yet: it is newer than the reading.
            later = database_at is not None and source_at is not None and source_at > database_at
            return Verdict(ConflictChoice.SOURCE if later else ConflictChoice.DATABASE, policy)
