"""What a run finds and leaves in the records: conflicts and failures opened, kept and closed, each told as an event.

It follows a run through its two transactions: what was found is recorded before the source is written, and only what
both sides show in the end closes a record.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from db.conflicts import ConflictChoice, ConflictRecord, NewConflict, close_conflict, record_conflict
from db.events import EventKind, insert_event
from db.failures import (
    Failure,
    FailureState,
    NewFailure,
    close_failures,
    move_failure,
    record_failure,
    spend_failures,
)
from db.keys import shown_key
from db.session import Connection
from db.sources import Side, Source

_EVENTS = 20
"""Single events of one kind a run at most; the rest is told in one."""

_Place = tuple[str, str | None]


@dataclass(slots=True)
class Records:
    """The records of one run. Feed it with what was found, then `close` once the run is complete."""

    source: Source
    conflicts: dict[_Place, ConflictRecord]
    failures: dict[object, Failure]
    discarded: dict[object, list[Failure]] = field(default_factory=dict)
    winner: Side | None = None
    found_conflicts: int = 0
    found_failures: int = 0
    _ids: dict[_Place, int] = field(default_factory=dict)
    _kept_conflicts: set[_Place] = field(default_factory=set)
    _kept_failures: set[object] = field(default_factory=set)
    _standing: set[int] = field(default_factory=set)
    _news: dict[EventKind, list[str]] = field(default_factory=dict)

    @property
    def open_failures(self) -> int:
        """Failures that stay after the run."""
        return len(self._kept_failures)

    async def conflict(self, connection: Connection, found: NewConflict) -> None:
        """A conflict that the row has: opened, or brought up to date. It stays open until `settled`."""
        place = (found.key, found.column)
        self._kept_conflicts.add(place)
        known = self.conflicts.get(place)
        if known is not None and _says(known, found):
            self._ids[place] = known.id
            return
        if known is not None and _overtaken(known, found):
            await close_conflict(connection, known.id)
            known = None
        self._ids[place] = await record_conflict(connection, self.source.id, found)
        if known is None:
            self.found_conflicts += 1
            where = "the row" if found.column is None else f"column {found.column}"
            how = "waits for a choice" if found.choice is None else f"is settled for {_winner(found.choice)}"
            self._news.setdefault(EventKind.CONFLICT, []).append(
                f"Conflict in {where} of {shown_key(found.key)}: it {how}."
            )

    async def failure(self, connection: Connection, found: NewFailure, *, tried: bool) -> None:
        """A failure that there is. `tried`: in this run, so that it counts as an attempt. One that was given up with
        just this value is none."""
        if (given_up := self._given_up(found)) is not None:
            self._standing.add(given_up.id)
            return
        place = found.place
        known = self.failures.get(place)
        self._kept_failures.add(place)
        waits = known is not None and known.state is FailureState.OPEN and not tried
        if known is not None and waits and (known.value, known.message) == (found.value, found.message):
            if known.address != found.address:
                await move_failure(connection, known.id, found.address)
            return
        await record_failure(connection, self.source.id, found)
        if known is None:
            self.found_failures += 1
            self._news.setdefault(EventKind.FAILURE, []).append(found.message)

    def settled(self, key: str, column: str | None) -> None:
        """Both sides agree now on what was in conflict."""
        self._kept_conflicts.discard((key, column))

    def keep(self, conflicts: Iterable[ConflictRecord], failures: Iterable[Failure]) -> None:
        """Open records of a row that the run did not deal with."""
        self._kept_conflicts.update((conflict.key, conflict.column) for conflict in conflicts)
        for failure in failures:
            if failure.state is FailureState.DISCARDED:
                self._standing.add(failure.id)
            else:
                self._kept_failures.add(failure.place)

    async def close(self, connection: Connection) -> None:
        """Close every record that is not kept. What was given up and not found again speaks for nothing any more."""
        winner = None if self.winner is None else ConflictChoice(self.winner.value)
        ids = {place: record.id for place, record in self.conflicts.items()} | self._ids
        for place, id_ in ids.items():
            if place not in self._kept_conflicts:
                await close_conflict(connection, id_, winner)
        over = [failure.id for place, failure in self.failures.items() if place not in self._kept_failures]
        if over:
            await close_failures(connection, over)
        spent = [one.id for same in self.discarded.values() for one in same if one.id not in self._standing]
        if spent:
            await spend_failures(connection, spent)

    def _given_up(self, found: NewFailure) -> Failure | None:
        return next((one for one in self.discarded.get(found.place, ()) if one.value == found.value), None)

    async def tell(self, connection: Connection) -> None:
        """Store what is new as events, in the transaction that stores it."""
        for kind, messages in self._news.items():
            for message in messages[:_EVENTS]:
                await insert_event(connection, kind, self.source.name, message)
            more = len(messages) - _EVENTS
            if more > 0:
                await insert_event(connection, kind, self.source.name, f"And {more} more.", {"count": more})
        self._news.clear()


def records_of(
    source: Source, conflicts: Iterable[ConflictRecord], failures: Iterable[Failure], *, winner: Side | None = None
) -> Records:
    """The records of a run that begins with these; `winner` settles what is settled by it."""
    records = Records(source, {(conflict.key, conflict.column): conflict for conflict in conflicts}, {}, winner=winner)
    for failure in failures:
        if failure.state is FailureState.DISCARDED:
            records.discarded.setdefault(failure.place, []).append(failure)
        else:
            records.failures[failure.place] = failure
    return records


def _says(known: ConflictRecord, found: NewConflict) -> bool:
    return found == NewConflict(
        known.key,
        known.kind,
        known.column,
        known.base,
        known.database,
        known.source_value,
        known.choice,
        known.resolved_by,
    )


def _overtaken(known: ConflictRecord, found: NewConflict) -> bool:
    """Whether a rule judged of another value of the source, which only this record has: then it is one of its own."""
    judged = known.choice is not None and not known.asked
    return judged and (known.kind, known.source_value) != (found.kind, found.source_value)


def _winner(choice: ConflictChoice) -> str:
    return {"DATABASE": "the database", "SOURCE": "the source", "VALUE": "a value that was given"}[choice]
