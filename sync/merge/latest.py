"""When the two edits of a conflict were made, as far as can be told: what LATEST_WINS goes by. Pure.

A commit has its time in the log. An edit of the source has none: it is not later than the first reading that showed it,
than the source's own time of its last change, and than a hook that came since the reading before.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from db.base import BaseRow, Sighting
from db.slices import LogEntry
from db.sources import DELETED_AT, Column
from db.sync_tables import TableRow
from db.wire import to_wire
from sync.merge.plan import Rules, Times
from sync.source import Cell, SourceRow


def latest_possible(seen_at: datetime, *bounds: datetime | None) -> datetime:
    """The latest time that an edit can be from which a reading that ended at `seen_at` is the first to show."""
    return min((seen_at, *(bound for bound in bounds if bound is not None)))


def hook_bound(hooked_at: datetime | None, read_at: datetime | None) -> datetime | None:
    """The last hook's time, if it can speak of what the reading before did not show yet."""
    return None if hooked_at is None or (read_at is not None and hooked_at < read_at) else hooked_at


def sightings(base: BaseRow, row: SourceRow, rules: Rules, at: datetime) -> Mapping[str, Sighting]:
    """The cells in which the row differs from the base, each since when it shows what it does."""
    image = base.source_image or {}
    found = {}
    for column in rules.columns:
        name = column.name
        cell = _shown(row, name)
        if name in image and name not in row.errors and rules.mapping.unchanged(cell, image[name]):
            continue
        known = base.first_seen.get(name)
        found[name] = known if known is not None and rules.mapping.unchanged(known.cell, cell) else Sighting(cell, at)
    return found


def source_times(base: BaseRow, row: SourceRow | None, at: datetime) -> Times:
    """When the source's edits were made; a row that it lacks was deleted before it was first missing."""
    if row is None:
        return {None: at if base.missing_at is None else min(at, base.missing_at)}
    times: dict[str | None, datetime] = {name: sighting.at for name, sighting in base.first_seen.items()}
    return {**times, None: max(times.values(), default=at)}


def edited_columns(base: BaseRow, row: TableRow | None, rules: Rules) -> Sequence[Column]:
    """The columns in which the table differs from the base."""
    image = base.table_image or {}
    return [c for c in rules.columns if row is not None and (c.name not in image or row.texts[c.name] != image[c.name])]


def commit_times(entries: Iterable[LogEntry], row: TableRow | None, columns: Sequence[Column]) -> Times:
    """When the table's cells, or its deletion, were committed, by the row's entries of the log, newest first.

    Whatever the log doesn't have as the table shows it was committed after all that it has: it is left out.
    """
    if row is None:
        return _deleted_at(entries)
    sought = {column.name: to_wire(column.type, row.texts[column.name]) for column in columns}
    times: dict[str | None, datetime] = {}
    for entry in entries:
        before, after = entry.change.before or {}, entry.change.after or {}
        for name, value in list(sought.items()):
            if name in after and after[name] == value:
                # What no entry changed was so before the oldest of them.
                times[name] = entry.committed_at
                if name in before and before[name] == value:
                    continue
            del sought[name]
    if times and len(times) == len(columns):
        times[None] = max(times.values())
    return times


def _deleted_at(entries: Iterable[LogEntry]) -> Times:
    """Of a row that is deleted, or marked so: the entry that did it is the last one that found it otherwise."""
    at = None
    for entry in entries:
        before, after = entry.change.before or {}, entry.change.after
        if after is None or entry.change.old_key is not None:
            return {None: entry.committed_at}
        if after.get(DELETED_AT) is None:
            break
        at = entry.committed_at
        if before.get(DELETED_AT) is None:
            break
    return {} if at is None else {None: at}


def _shown(row: SourceRow, name: str) -> Cell:
    return row.errors.get(name) or row.cells.get(name)
