"""What is forgotten after its days: runs, events, settled conflicts and failures. A bounded batch a call.

Never: a run that holds deletes, a source's last one and those under way; what is open; a failure that was given up and
is still so, since it speaks for what the next runs find. The change log goes by whole days: `db.log.drop_history`.
"""

from dataclasses import dataclass
from typing import Final

from db.session import Connection

BATCH: Final = 1000
"""Rows of one statement at most, so that none holds locks or a snapshot for long."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days are kept: of the change log; of runs and events since they ended or came; of conflicts and failures
    since they were settled."""

    history_days: int
    run_days: int
    event_days: int
    settled_days: int


_OLD_RUN: Final = """r.finished_at < clock_timestamp() - make_interval(days => %(days)s)
    AND NOT EXISTS (SELECT FROM rowcast.sync_state s WHERE s.held_run = r.id)
    AND EXISTS (SELECT FROM rowcast.runs later WHERE later.source_id = r.source_id AND later.id > r.id)"""

_HELD: Final = f"""DELETE FROM rowcast.held_deletes WHERE ctid = ANY(ARRAY(
    SELECT h.ctid FROM rowcast.held_deletes h JOIN rowcast.runs r ON r.id = h.run_id
    WHERE {_OLD_RUN} LIMIT %(batch)s))"""  # noqa: S608 - ours, above

_RUNS: Final = f"""DELETE FROM rowcast.runs WHERE id = ANY(ARRAY(
    SELECT r.id FROM rowcast.runs r WHERE {_OLD_RUN}
      AND NOT EXISTS (SELECT FROM rowcast.held_deletes h WHERE h.run_id = r.id)
    ORDER BY r.id LIMIT %(batch)s))"""  # noqa: S608 - ours, above

_EVENTS: Final = """DELETE FROM rowcast.events WHERE id = ANY(ARRAY(
    SELECT id FROM rowcast.events WHERE at < clock_timestamp() - make_interval(days => %(days)s)
    ORDER BY id LIMIT %(batch)s))"""

_CONFLICTS: Final = """DELETE FROM rowcast.conflicts WHERE id = ANY(ARRAY(
    SELECT id FROM rowcast.conflicts
    WHERE state = 'RESOLVED' AND resolved_at < clock_timestamp() - make_interval(days => %(days)s)
    ORDER BY id LIMIT %(batch)s))"""

_FAILURES: Final = """DELETE FROM rowcast.failures WHERE id = ANY(ARRAY(
    SELECT id FROM rowcast.failures
    WHERE (state = 'RESOLVED' OR (state = 'DISCARDED' AND NOT stands))
      AND last_at < clock_timestamp() - make_interval(days => %(days)s)
    ORDER BY id LIMIT %(batch)s))"""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to forget: how it is called, the statement, and the days that are kept."""

    name: str
    statement: str
    days: int


def steps(retention: Retention) -> tuple[Step, ...]:
    """In order: what a run held goes before the run."""
    return (
        Step("held_deletes", _HELD, retention.run_days),
        Step("runs", _RUNS, retention.run_days),
        Step("events", _EVENTS, retention.event_days),
        Step("conflicts", _CONFLICTS, retention.settled_days),
        Step("failures", _FAILURES, retention.settled_days),
    )


async def forget(connection: Connection, step: Step, batch: int = BATCH) -> int:
    """One batch, in the caller's transaction; returns how many rows went: fewer than `batch`, and it is done."""
    cursor = await connection.execute(step.statement.encode(), {"days": step.days, "batch": batch})
    return cursor.rowcount
