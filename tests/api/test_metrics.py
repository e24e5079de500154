"""What `/metrics` shows, and that the documentation lists all of it."""

import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from prometheus_client.parser import text_string_to_metric_families

from api.metrics import Numbers, Stored, exposition
from api.run_totals import RunTotals
from api.runtime import LeaderStatus
from db.runs import Run, RunCounts, RunState, RunTrigger
from replication.session import ReplicationStatus
from schema.context import QuotaUse
from sync.circuit import CircuitState

LEADING = LeaderStatus(True, True, ReplicationStatus(streaming=True, lag_bytes=16, lag_seconds=0.5))


def numbers(leader: LeaderStatus = LEADING, stored: Stored | None = None) -> Numbers:
    totals = RunTotals()
    for calls in (2, 3):
        now = datetime.now(UTC)
        counts = RunCounts(api_calls=calls)
        totals.count(Run(1, UUID(int=1), "s", RunState.SUCCEEDED, RunTrigger.HOOK, now, now, None, counts))
    return Numbers(
        connections=1,
        subscriptions=2,
        live_groups=1,
        live_members=2,
        slow_readers=1,
        waiting_subscriptions=15,
        waiting_steps=16,
        slowed=17,
        snapshot_reads=8,
        log_reads=9,
        closed={1011: 3, 4429: 1},
        refused_requests={431: 1, 503: 11},
        refused_hooks={401: 18},
        refused_operations=12,
        deliveries=3,
        delivered_changes=4,
        loop_lag_s=0.01,
        tasks=13,
        broadcast_silent_s=0.1,
        broadcast_failures=14,
        leader=leader,
        runs=totals.ended,
        api_calls=totals.api_calls,
        quotas=(QuotaUse("reads", 60, 12, None),),
        circuits={"google default": CircuitState.OPEN},
        stored=stored,
    )


def samples(of: Numbers) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(exposition(of).decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def test_everything_is_shown() -> None:
    found = samples(numbers(stored=Stored({"ACTIVE": 3, "FAILING": 1}, 5, 6, 7)))
    plain = {name: value for (name, labels), value in found.items() if not labels}
    assert plain["rowcast_connections"] == 1
    assert plain["rowcast_delivered_changes_total"] == 4
    assert plain["rowcast_waiting_subscriptions"] == 15
    assert plain["rowcast_waiting_steps"] == 16
    assert plain["rowcast_slowed_clients_total"] == 17
    assert plain["rowcast_refused_operations_total"] == 12
    assert plain["rowcast_leader"] == 1
    assert plain["rowcast_slot_lag_bytes"] == 16
    assert plain["rowcast_api_calls_total"] == 5
    assert plain["rowcast_open_failures"] == 6
    assert plain["rowcast_database_up"] == 1
    assert found["rowcast_runs_total", frozenset({("state", "SUCCEEDED"), ("trigger", "HOOK")})] == 2
    assert found["rowcast_closed_websockets_total", frozenset({("code", "1011")})] == 3
    assert found["rowcast_refused_requests_total", frozenset({("status", "503")})] == 11
    assert found["rowcast_refused_hooks_total", frozenset({("status", "401")})] == 18
    assert found["rowcast_sources", frozenset({("state", "FAILING")})] == 1
    assert found["rowcast_quota_used", frozenset({("quota", "reads")})] == 12
    assert found["rowcast_circuit_state", frozenset({("circuit", "google default")})] == 2


def test_a_standby_without_database_shows_what_it_has() -> None:
    names = {name for name, _ in samples(numbers(LeaderStatus(False, False, None)))}
    assert "rowcast_database_up" in names
    assert not names & {"rowcast_slot_lag_bytes", "rowcast_sources", "rowcast_open_conflicts"}


def test_the_documentation_lists_every_metric_with_its_type() -> None:
    documented = dict(
        re.findall(r"^\| `(rowcast_\w+)` \| (\w+) \|", Path("docs/operation.md").read_text(), re.MULTILINE)
    )
    shown = {
        sample.name: family.type
        for family in text_string_to_metric_families(
            exposition(numbers(stored=Stored({"ACTIVE": 1}, 0, 0, 0))).decode()
        )
        for sample in family.samples
        if sample.name.startswith("rowcast_")
    }
    assert documented == shown
