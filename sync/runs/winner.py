"""Runs that a person asked for with a winner: one side overwrites the other."""

from datetime import datetime

import structlog

from db.errors import SourceUnreachable
from db.sources import Side
from db.sync_requests import SyncRequest
from sync.runs.compare import Comparison
from sync.runs.rows_in_doubt import why_waiting
from sync.runs.work import Work
from sync.source import Reading

log = structlog.get_logger(__name__)


def refuse_unsure(work: Work, reading: Reading, found: Comparison) -> None:
    """SourceUnreachable where nobody can tell which rows the source lacks: the losing side's edits don't count then."""
    assert work.winner is not None
    if reading.unsure and found.suspects:
        raise SourceUnreachable(_why_not_overwritten(work.winner, reading, work.rows_wait_until))
    log.info("one side overwrites the other, as it was asked for", source=work.source.name, winner=work.winner)


def overwrote(request: SyncRequest, *, left_over: bool) -> str:
    """What a run says that wrote; `left_over`: some rows still differ."""
    side = request.winner.lower()
    if not left_over:
        return f"The {side} overwrote the other side."
    if request.last_try:
        return f"The {side} overwrote the other side, but for rows that changed in each of the runs that tried."
    return f"The {side} overwrites the other side: what moved on meanwhile is left to the next run."


def _why_not_overwritten(winner: Side, reading: Reading, rows_wait_until: datetime | None) -> str:
    if rows_wait_until is not None:
        return f"The {winner.lower()} overwrote nothing, so ask again later. {why_waiting(rows_wait_until)}"
    at = f" ({reading.problems[0].message})" if reading.problems else ""
    return (
        f"The {winner.lower()} overwrote nothing: the source has rows whose keys are missing or copied{at}, so nobody"
        " can tell which rows it lacks. Mend them, then ask again."
    )
