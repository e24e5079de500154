"""Polls of all sheets of a credential at once: which of their sources are to run.

A source runs where its spreadsheet's mark isn't the one of its last complete reading, or where something waits for a
run. Its own pollSeconds say how often at most the latter happens; the former costs the same for one as for all.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from db.lease import Term
from db.runs import RunTrigger
from db.session import Pool
from db.sources import SheetBinding, Source, SourceState
from db.sync_state import PollState, poll_states
from sync.adapters import Adapters
from sync.google.drive_marks import DriveMarks
from sync.google.drive_watch import DriveWatch
from sync.google.project import Caller
from sync.google.session import GoogleSession
from sync.runs.table_edits import RETRIED
from sync.services import DEFAULT_CREDENTIAL
from sync.sheets.adapter import Shared
from sync.urgency import Urgency

_RESTLESS: Final = frozenset({SourceState.FAILING, SourceState.HELD})


@dataclass(frozen=True, slots=True)
class Due:
    """`changed` sources may differ. `waiting` ones have something to try again."""

    changed: frozenset[UUID]
    waiting: frozenset[UUID]


class SheetPolls:
    """The polls of one leadership."""

    def __init__(self, adapters: Adapters, pool: Pool, term: Term) -> None:
        self._adapters = adapters
        self._pool = pool
        self._term = term
        self._watches: dict[str, DriveWatch] = {}

    def group(self, source: Source) -> str | None:
        """What a source is polled together with: its credential. None: nothing."""
        return None if source.sheet is None else source.sheet.credential or DEFAULT_CREDENTIAL

    async def look(self, group: str, sources: Collection[Source]) -> Due:
        """Which of the group's sources are to run now. Raises SourceUnreachable: each has to find out by itself."""
        bindings = [source.sheet for source in sources if source.sheet is not None]
        await self._watch(group).look(sorted({binding.spreadsheet for binding in bindings}))
        async with self._pool.connection() as connection:
            states = await poll_states(connection, [source.id for source in sources], RETRIED)
        shared = self._adapters.shared(group)
        changed = [source for source in sources if _differs(source, states.get(source.id), shared.marks)]
        _expect(shared, changed)
        return Due(
            changed=frozenset(source.id for source in changed),
            waiting=frozenset(
                source.id
                for source in sources
                if source.state in _RESTLESS or ((state := states.get(source.id)) is not None and state.waits)
            ),
        )

    async def keep(self, group: str) -> None:
        """The sources that are due have been woken."""
        await self._watch(group).keep()

    def hinted(self, sources: Collection[Source], trigger: RunTrigger) -> None:
        """Something else than a poll wakes these sources: what was read or known of them before now is too old."""
        groups: dict[str, list[Source]] = defaultdict(list)
        for source in sources:
            if source.sheet is not None:
                groups[self.group(source) or ""].append(source)
        for group, members in groups.items():
            shared = self._adapters.shared(group)
            for binding in (source.sheet for source in members):
                assert binding is not None
                shared.reads.forget((binding.spreadsheet, binding.sheet_id))
                if trigger is not RunTrigger.CHANGE:
                    shared.marks.void(binding.spreadsheet)
            if len(members) > 1:
                _expect(shared, members)

    def ended(self, source: Source) -> None:
        """A run of the source ended, whether it read or not."""
        if source.sheet is not None:
            shared = self._adapters.shared(self.group(source))
            shared.reads.forget((source.sheet.spreadsheet, source.sheet.sheet_id))

    def _watch(self, group: str) -> DriveWatch:
        if group not in self._watches:
            session, marks = partial(self._session, group), self._adapters.shared(group).marks
            self._watches[group] = DriveWatch(session, marks, self._pool, self._term)
        return self._watches[group]

    def _session(self, group: str) -> GoogleSession:
        return self._adapters.session(group).on_behalf(Caller(group, Urgency.POLL))


def _differs(source: Source, state: PollState | None, marks: DriveMarks) -> bool:
    assert source.sheet is not None
    known = marks.known(source.sheet.spreadsheet)
    return known is None or state is None or dict(state.seen) != {"version": known.version}


def _expect(shared: Shared, sources: Iterable[Source]) -> None:
    """Who reads first brings along what the others are about to read."""
    files: dict[str, list[SheetBinding]] = defaultdict(list)
    for source in sources:
        if source.sheet is not None:
            files[source.sheet.spreadsheet].append(source.sheet)
    for file, bindings in files.items():
        titles = {one.sheet_id: shared.titles.get((file, one.sheet_id), one.worksheet) for one in bindings}
        shared.reads.expect(file, titles)
