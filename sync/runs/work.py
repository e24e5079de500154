"""One run under way, as its steps hand it on."""

from dataclasses import dataclass, field
from datetime import datetime

from db.runs import Run, RunCounts, RunTrigger
from db.sources import Side, Source
from db.sync_requests import SyncRequest
from db.sync_state import SyncState
from db.tables import Table
from sync.runs.progress import Progress
from sync.urgency import Urgency, urgency_of


@dataclass(slots=True)
class Work:
    """`source` and `state` are as the run found them, but for columns that it followed; `table` is as it was when the
    run began. `counts` are what it did so far. `rows_wait_until`: a call without an answer may insert or delete rows
    before that."""

    run: Run
    source: Source
    state: SyncState
    trigger: RunTrigger
    progress: Progress
    request: SyncRequest | None = None
    table: Table | None = None
    rows_wait_until: datetime | None = None
    counts: RunCounts = field(default_factory=RunCounts)

    @property
    def urgency(self) -> Urgency:
        """How its calls stand in line."""
        return urgency_of(self.trigger, first=self.state.cursor is None)

    @property
    def winner(self) -> Side | None:
        """The side that is to overwrite the other, if somebody asked for that."""
        return None if self.request is None else self.request.winner
