"""Readiness as a pure judgement; the real endpoints are in test_server.py."""

import pytest

from api.health import DatabaseState, checks
from api.runtime import LeaderStatus
from replication.session import ReplicationStatus

STREAMING = ReplicationStatus(streaming=True, lag_bytes=16, lag_seconds=0.1)
BROKEN = ReplicationStatus(streaming=False, reason="the slot is in use")
STANDBY = LeaderStatus(leading=False, scheduling=False, replication=None)


def failing(state: DatabaseState | None, leader: LeaderStatus) -> set[str]:
    return {name for name, check in checks(state, "0002", leader).items() if not check.ok}


@pytest.mark.parametrize(
    ("state", "leader", "expected"),
    [
        (DatabaseState("0002", "me"), LeaderStatus(True, True, STREAMING), set()),
        (DatabaseState("0002", "another"), STANDBY, set()),
        (DatabaseState("0002", "me"), LeaderStatus(False, False, None, "me"), {"replication", "scheduler"}),
        (DatabaseState("0002", None), STANDBY, {"replication", "scheduler"}),
        (DatabaseState("0002", "me"), LeaderStatus(True, False, BROKEN), {"replication", "scheduler"}),
        (DatabaseState("0002", "me"), LeaderStatus(True, True, None), {"replication"}),
        (DatabaseState("0001", "me"), LeaderStatus(True, True, STREAMING), {"migrated"}),
        (DatabaseState(None, None), STANDBY, {"migrated", "replication", "scheduler"}),
        (None, LeaderStatus(True, True, STREAMING), {"database", "migrated", "replication", "scheduler"}),
    ],
)
def test_each_part_is_judged(state: DatabaseState | None, leader: LeaderStatus, expected: set[str]) -> None:
    assert failing(state, leader) == expected


def test_a_standby_says_who_leads_and_a_missing_migration_how_to_run_it() -> None:
    found = checks(DatabaseState(None, None), "0002", STANDBY)
    assert "python -m api migrate" in found["migrated"].detail
    assert "another" in checks(DatabaseState("0002", "another"), "0002", STANDBY)["replication"].detail
