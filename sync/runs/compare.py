"""Compares a source with its table: base, table and reading in step, in key order; a plan for each row that differs.

No side is held in memory but the reading; plans are kept only for rows in which something differs, and for so many
that a run may hold. The others are counted, and compared again once those are carried out.
"""

import asyncio
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

from db.base import BaseRow, IntentKind, read_base
from db.conflicts import ConflictRecord, open_conflicts
from db.failures import Failure, NewFailure, standing_failures
from db.keys import MAX_KEY_BYTES, is_too_long
from db.log import history
from db.session import Connection
from db.sources import ConflictPolicy, Side, Source
from db.sync_tables import BoundTable, TableRow, read_table
from sync.merge.latest import commit_times, edited_columns, sightings, source_times
from sync.merge.plan import EditKind, RowPlan, RowState, Rules, Times
from sync.merge.rows import merge_row
from sync.runs.advance import planned
from sync.runs.delete_guard import SideCounts
from sync.runs.progress import STEP, Tell, tell_nobody
from sync.source import Reading, SourceRow

SUSPICION = timedelta(seconds=3)
"""Between the two complete reads that a key must be missing from, whoever wants the second: rows that are cut and
pasted are missing for a moment."""

_ENTRIES = 200
"""Changes of a row that are looked through for a cell's last one; an older one counts as the oldest of these."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Of one run. `read_at`: when the reading began. `grace`: how long a write without an answer may still arrive.

    `shown` are the keys of an earlier reading of the same run: what both lack is gone. None: there was none.
    """

    now: datetime
    read_at: datetime
    grace: timedelta
    source_at: datetime
    shown: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Rest:
    """What a part of a run left: the rows behind the key `after`, without those that it dealt with, `done`."""

    after: str
    done: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A row in which something differs, or that has open records; `base` is as the plan has it before its edits."""

    state: RowState
    plan: RowPlan
    base: BaseRow


@dataclass(slots=True)
class Comparison:
    """All that a run has to do. `noted` are rows of the base of which only the count of missing reads changed.

    `suspects`: keys were missing that don't count as vanished yet. `unkept` are rows of a key too long to be kept.
    `rows_in_doubt`: an insert or delete of a row of the source was begun, and the reading doesn't show it.
    `limit`: more plans than these are not kept, but for deletes and rows with open records; `more` is true then, and
    `last` the key of the row that the kept ones end with.
    """

    conflicts: Sequence[ConflictRecord]
    failures: Sequence[Failure]
    differences: list[Difference] = field(default_factory=list)
    noted: list[BaseRow] = field(default_factory=list)
    table_rows: int = 0
    source_rows: int = 0
    suspects: bool = False
    unkept: list[NewFailure] = field(default_factory=list)
    limit: int | None = None
    more: bool = False
    last: str = ""
    rows_in_doubt: bool = False
    _limited: int = 0
    _kinds: Counter[tuple[Side, EditKind]] = field(default_factory=Counter)

    def counts(self) -> tuple[SideCounts, SideCounts]:
        """What the plans would do to the table and to the source, those that are not kept with them."""
        return self._side(Side.DATABASE, self.table_rows), self._side(Side.SOURCE, self.source_rows)

    def add(self, difference: Difference) -> None:
        """A row in which something differs."""
        edit, write = difference.plan.table_edit, difference.plan.source_write
        found = [(Side.DATABASE, edit.kind)] if edit is not None else []
        found += [(Side.SOURCE, write.kind)] if write is not None else []
        self._kinds.update(found)
        spared = any(kind is EditKind.DELETE for _, kind in found) or difference.state.conflicts
        if not spared and not difference.state.failures:
            if self.limit is not None and self._limited >= self.limit:
                self.more = True
                return
            self._limited += 1
            self.last = difference.state.key
        self.differences.append(difference)

    def _side(self, side: Side, rows: int) -> SideCounts:
        return SideCounts(rows, self._kinds[side, EditKind.DELETE], self._kinds[side, EditKind.INSERT])


async def compare(
    connection: Connection,
    source: Source,
    table: BoundTable,
    rules: Rules,
    reading: Reading,
    conditions: Conditions,
    tell: Tell = tell_nobody,
    limit: int | None = None,
    rest: Rest | None = None,
) -> Comparison:
    """Compare within the connection's transaction, which must be REPEATABLE READ. `tell` hears how far it is.

    `limit`: plans to keep, see `Comparison`. Of a `rest` nothing behind them is counted: that was done before.
    """
    conflicts = await open_conflicts(connection, source.id)
    failures = await standing_failures(connection, source.id)
    found = Comparison(conflicts, failures, source_rows=len(reading.rows), limit=limit)
    conflicts_of, failures_of = _by_key(conflicts), _by_key(failures)
    blocked = reading.copied | {problem.key for problem in reading.problems if problem.key is not None}
    compared = 0
    async for key, base, row, stored in _in_step(connection, source, table, reading, rest.after if rest else ""):
        if rest is not None and found.more:
            break
        if rest is not None and key in rest.done:
            continue
        compared += 1
        if compared % STEP == 0:
            # Rows that only the source has ask nothing of the database: others get their turn all the same.
            await asyncio.sleep(0)
            await tell(compared)
        table_row, hidden = (None, stored) if stored is not None and stored.deleted else (stored, None)
        found.table_rows += table_row is not None
        if is_too_long(key):
            found.unkept.append(_unkept(key, row, source))
            continue
        if _same(base, row, table_row, rules) and key not in conflicts_of and key not in failures_of:
            continue
        noted, vanished = _note(base, row, reading, conditions)
        if row is None and conditions.shown is not None and key not in conditions.shown:
            vanished = not reading.unsure
        if rules.policy is ConflictPolicy.LATEST_WINS:
            noted = _sighted(key, noted, row, table_row, rules, conditions)
        state = RowState(
            key,
            noted,
            row,
            table_row,
            tuple(conflicts_of.get(key, ())),
            tuple(failures_of.get(key, ())),
            vanished,
            hidden=hidden,
            now=conditions.now,
        )
        plan = RowPlan(key, wait=True) if key in blocked else merge_row(state, rules)
        if plan.conflicts and rules.policy is ConflictPolicy.LATEST_WINS:
            state = replace(
                state,
                database_at=await _committed_at(connection, source, state, rules),
                source_at=source_times(state.base or BaseRow(key, None, None), row, conditions.source_at),
            )
            plan = merge_row(state, rules)
        _collect(found, state, plan, base, rules, conditions)
    return found


def _unkept(key: str, row: SourceRow | None, source: Source) -> NewFailure:
    """Without the key, which no index takes."""
    message = (
        f"The key has {len(key.encode()):,} bytes, and {MAX_KEY_BYTES:,} at most are synced: shorten it. Until then the"
        " row stays as it is on both sides."
    )
    if row is not None:
        return NewFailure(Side.DATABASE, "KEY_TOO_LONG", message, address=row.address, value=f"{key[:100]}…")
    return NewFailure(
        Side.SOURCE, "KEY_TOO_LONG", message, address=f"{source.relation} {key[:60]}…", value=f"{key[:100]}…"
    )


def _collect(
    found: Comparison, state: RowState, plan: RowPlan, stored: BaseRow | None, rules: Rules, conditions: Conditions
) -> None:
    begun = plan.pending if not plan.wait or state.base is None else state.base.pending
    found.rows_in_doubt = found.rows_in_doubt or any(one.kind is not IntentKind.UPDATE for one in begun)
    if plan.wait:
        found.suspects = found.suspects or state.source is None
        if state.base is not None and state.base != stored:
            found.noted.append(state.base)
        if state.conflicts or state.failures:
            found.add(Difference(state, plan, state.base or BaseRow(plan.key, None, None)))
        return
    base = _without_lost(planned(plan, state.base, rules), conditions)
    edits = plan.table_edit is not None or plan.source_write is not None
    records = plan.conflicts or plan.failures or state.conflicts or state.failures
    if edits or records or base != (stored or BaseRow(plan.key, None, None)):
        found.add(Difference(state, plan, base))
    if state.base is not None and state.base != stored:
        # A held run stores no plan, but a second reading without the key has to count.
        found.noted.append(state.base)


def _without_lost(base: BaseRow, conditions: Conditions) -> BaseRow:
    """Without the writes that did not arrive: a reading that began when they could arrive no more didn't show them."""
    return replace(base, pending=tuple(one for one in base.pending if conditions.read_at - one.at < conditions.grace))


def _same(base: BaseRow | None, row: SourceRow | None, table: TableRow | None, rules: Rules) -> bool:
    if base is None or row is None or table is None or row.errors:
        return False
    if base.pending or base.missing or base.first_seen or base.absent:
        return False
    image, texts = base.source_image, base.table_image
    if image is None or texts is None:
        return False
    for column in rules.columns:
        name = column.name
        if name not in image or name not in texts or texts[name] != table.texts[name]:
            return False
        if not rules.mapping.unchanged(row.cells.get(name), image[name]):
            return False
    return True


def _note(
    base: BaseRow | None, row: SourceRow | None, reading: Reading, conditions: Conditions
) -> tuple[BaseRow | None, bool]:
    """The base with what this reading says about the row's absence, and whether it counts as a deletion."""
    if base is None:
        return None, False
    if row is None and base.absent:
        return base, not reading.unsure
    if row is not None or base.source_image is None:
        return replace(base, missing=0, missing_at=None), False
    due = base.missing_at is None or conditions.read_at - base.missing_at >= SUSPICION
    if not reading.unsure and (base.missing == 0 or due):
        base = replace(base, missing=base.missing + 1, missing_at=base.missing_at or conditions.now)
    return base, base.missing >= 2 and not reading.unsure


def _sighted(
    key: str,
    base: BaseRow | None,
    row: SourceRow | None,
    table: TableRow | None,
    rules: Rules,
    conditions: Conditions,
) -> BaseRow | None:
    """The base with what the source shows of its own since when. A row that only it has can be in no conflict."""
    if row is None or (base is None and table is None):
        return base
    base = base or BaseRow(key, None, None)
    return replace(base, first_seen=sightings(base, row, rules, conditions.source_at))


async def _committed_at(connection: Connection, source: Source, state: RowState, rules: Rules) -> Times:
    columns = edited_columns(state.base or BaseRow(state.key, None, None), state.table, rules)
    entries = await history(connection, source.logged_as, state.key, None, _ENTRIES)
    return commit_times(entries, state.table, columns)


class _OfRow(Protocol):
    @property
    def key(self) -> str | None: ...


T = TypeVar("T", bound=_OfRow)


def _by_key(records: Iterable[T]) -> Mapping[str, list[T]]:
    found: dict[str, list[T]] = {}
    for record in records:
        if record.key is not None:
            found.setdefault(record.key, []).append(record)
    return found


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


R = TypeVar("R", bound=_Keyed)


class _Head(Generic[R]):
    """The next row of a stream in key order."""

    def __init__(self, rows: AsyncIterator[R]) -> None:
        self._rows = rows
        self.row: R | None = None

    async def step(self) -> None:
        self.row = await anext(self._rows, None)

    async def take(self, key: str) -> R | None:
        """The row, if it is the one of `key`; then the next one is the head."""
        row = self.row
        if row is None or row.key != key:
            return None
        await self.step()
        return row


async def _in_step(
    connection: Connection, source: Source, table: BoundTable, reading: Reading, after: str
) -> AsyncIterator[tuple[str, BaseRow | None, SourceRow | None, TableRow | None]]:
    bases, tables = _Head(read_base(connection, source.id, after)), _Head(read_table(connection, table, after))
    await bases.step()
    await tables.step()
    begin = bisect_right(reading.rows, after, key=attrgetter("key"))
    rows = (reading.rows[index] for index in range(begin, len(reading.rows)))
    row = next(rows, None)
    while True:
        keys = [head.key for head in (bases.row, tables.row, row) if head is not None]
        if not keys:
            return
        key = min(keys)
        mine = row if row is not None and row.key == key else None
        if mine is not None:
            row = next(rows, None)
        yield key, await bases.take(key), mine, await tables.take(key)
