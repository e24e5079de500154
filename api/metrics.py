"""`/metrics`, for Prometheus: what this process delivers, and how the database and the sync stand.

Each number is read when it is asked for, from where it is kept anyway. `docs/operation.md` lists every metric, and a
test holds it complete.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import psycopg
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.runtime import LeaderStatus, Runtime, runtime
from db.runs import RunState, RunTrigger
from db.session import Pool
from schema.context import QuotaUse
from sync.circuit import CircuitState

_DEADLINE_S: Final = 2.0
_STATES: Final = (CircuitState.CLOSED, CircuitState.HALF_OPEN, CircuitState.OPEN)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database counts; `sources` by state."""

    sources: Mapping[str, int]
    open_conflicts: int
    open_failures: int
    pending_writes: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything that one answer shows. `stored` None: the database did not answer."""

    connections: int
    subscriptions: int
    live_groups: int
    live_members: int
    slow_readers: int
    waiting_subscriptions: int
    waiting_steps: int
    slowed: int
    snapshot_reads: int
    log_reads: int
    closed: Mapping[int, int]
    refused_requests: Mapping[int, int]
    refused_hooks: Mapping[int, int]
    refused_operations: int
    deliveries: int
    delivered_changes: int
    loop_lag_s: float
    tasks: int
    broadcast_silent_s: float
    broadcast_failures: int
    leader: LeaderStatus
    runs: Mapping[tuple[RunState, RunTrigger], int]
    api_calls: int
    quotas: tuple[QuotaUse, ...]
    circuits: Mapping[str, CircuitState]
    stored: Stored | None


def routes() -> list[BaseRoute]:
    """`/metrics`."""
    return [Route("/metrics", _metrics)]


async def _metrics(request: Request) -> Response:
    numbers = await read(runtime(request))
    return Response(exposition(numbers), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


def exposition(numbers: Numbers) -> bytes:
    """The answer in Prometheus' text format, the process' own metrics (memory, CPU, files, GC) with it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(numbers))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return generate_latest(registry)


async def read(process: Runtime) -> Numbers:
    """The numbers of now."""
    activity = process.context.activity
    return Numbers(
        connections=activity.connections,
        subscriptions=activity.subscriptions,
        live_groups=process.live.groups,
        live_members=process.live.members,
        slow_readers=activity.slow,
        waiting_subscriptions=process.live.waiting,
        waiting_steps=process.context.hub.turns.waiting,
        slowed=activity.slowed,
        snapshot_reads=process.context.snapshots.begun,
        log_reads=process.context.hub.pages_read,
        closed=dict(activity.closed),
        refused_requests=dict(activity.refused_requests),
        refused_hooks=dict(activity.refused_hooks),
        refused_operations=activity.refused_operations,
        deliveries=activity.delivered,
        delivered_changes=activity.delivered_changes,
        loop_lag_s=process.loop_lag_s(),
        tasks=len(asyncio.all_tasks()),
        broadcast_silent_s=process.bus.silent_s(),
        broadcast_failures=process.bus.failures,
        leader=process.leader(),
        runs=dict(process.runs.ended),
        api_calls=process.runs.api_calls,
        quotas=tuple(process.context.quotas()),
        circuits=process.circuits(),
        stored=await _stored(process.context.pool),
    )


_STORED: Final = """
SELECT (SELECT coalesce(json_object_agg(state, n), '{}')
        FROM (SELECT state, count(*) AS n FROM rowcast.sources GROUP BY state) AS by_state),
       (SELECT count(*) FROM rowcast.conflicts WHERE state = 'OPEN'),
       (SELECT count(*) FROM rowcast.failures WHERE state IN ('OPEN', 'RETRYING')),
       (SELECT count(*) FROM rowcast.base WHERE pending IS NOT NULL)
"""


async def _stored(pool: Pool) -> Stored | None:
    """None where the database doesn't answer within the deadline."""
    try:
        async with asyncio.timeout(_DEADLINE_S), pool.connection(timeout=_DEADLINE_S) as connection:
            row = await (await connection.execute(_STORED)).fetchone()
    except (psycopg.OperationalError, PoolTimeout, TimeoutError):
        return None
    assert row is not None
    return Stored(*row)


class _Families(Collector):
    """One answer as metric families."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        yield from _delivery(self._numbers)
        yield from _leading(self._numbers.leader)
        yield from _syncing(self._numbers)
        yield from _database(self._numbers.stored)


def _delivery(numbers: Numbers) -> Iterator[Metric]:
    yield _gauge("rowcast_connections", "Open WebSocket, multipart and event-stream connections.", numbers.connections)
    yield _gauge("rowcast_subscriptions", "Live subscriptions.", numbers.subscriptions)
    yield _gauge("rowcast_live_groups", "Groups of subscriptions that are delivered together.", numbers.live_groups)
    yield _gauge("rowcast_live_members", "Subscriptions that are delivered together.", numbers.live_members)
    slow = "Times that a subscription read too slowly, and went on from the log."
    yield CounterMetricFamily("rowcast_slow_readers", slow, value=numbers.slow_readers)
    waiting = "Subscriptions that wait to begin."
    yield _gauge("rowcast_waiting_subscriptions", waiting, numbers.waiting_subscriptions)
    steps = "Steps of clients that begin, end or catch up, which wait for their turn of the event loop."
    yield _gauge("rowcast_waiting_steps", steps, numbers.waiting_steps)
    slowed = "Times that a client that sent more than it may was read more slowly."
    yield CounterMetricFamily("rowcast_slowed_clients", slowed, value=numbers.slowed)
    snapshots = "Snapshots read, each for all subscriptions that began with the same one at the same time."
    yield CounterMetricFamily("rowcast_snapshot_reads", snapshots, value=numbers.snapshot_reads)
    yield CounterMetricFamily(
        "rowcast_log_reads", "Pages of the change log read for who comes back.", value=numbers.log_reads
    )
    yield _by("rowcast_closed_websockets", "WebSockets that the server closed.", "code", numbers.closed)
    refused = "Requests that were refused before they were there: too many connections, too large a head, too slow."
    yield _by("rowcast_refused_requests", refused, "status", numbers.refused_requests)
    yield _by("rowcast_refused_hooks", "Hooks of nobody we know, or wrongly signed.", "status", numbers.refused_hooks)
    refused = "Operations that were too many for their WebSocket, or came too fast for their token."
    yield CounterMetricFamily("rowcast_refused_operations", refused, value=numbers.refused_operations)
    yield CounterMetricFamily("rowcast_deliveries", "Batches sent to subscribers.", value=numbers.deliveries)
    yield CounterMetricFamily(
        "rowcast_delivered_changes", "Changes sent to subscribers.", value=numbers.delivered_changes
    )
    yield _gauge("rowcast_event_loop_lag_seconds", "By how much the event loop was late last.", numbers.loop_lag_s)
    yield _gauge("rowcast_event_loop_tasks", "What the event loop has under way.", numbers.tasks)
    silent = "Since when nothing was heard of how far the log goes."
    yield _gauge("rowcast_broadcast_silent_seconds", silent, numbers.broadcast_silent_s)
    failures = "Times that the broadcast backend could not be reached, or fell silent."
    yield CounterMetricFamily("rowcast_broadcast_failures", failures, value=numbers.broadcast_failures)


def _leading(leader: LeaderStatus) -> Iterator[Metric]:
    yield _gauge("rowcast_leader", "1 where this process leads.", leader.leading)
    yield _gauge("rowcast_scheduler_on", "1 where this process schedules runs.", leader.scheduling)
    status = leader.replication
    streaming = status is not None and status.streaming
    yield _gauge("rowcast_replication_streaming", "1 where this process reads the replication slot.", streaming)
    if status is not None:
        yield _gauge("rowcast_slot_lag_bytes", "Flushed WAL that is not in the log yet.", status.lag_bytes)
        yield _gauge("rowcast_slot_lag_seconds", "For how long that WAL has been waiting.", status.lag_seconds)


def _syncing(numbers: Numbers) -> Iterator[Metric]:
    runs = CounterMetricFamily("rowcast_runs", "Runs that this process finished.", labels=("state", "trigger"))
    for labels, count in sorted(numbers.runs.items()):
        runs.add_metric(labels, count)
    yield runs
    yield CounterMetricFamily("rowcast_api_calls", "Calls to sources by this process' runs.", value=numbers.api_calls)
    used = GaugeMetricFamily("rowcast_quota_used", "How much of an external API's quota is used.", labels=("quota",))
    limit = GaugeMetricFamily("rowcast_quota_limit", "What an external API allows in a period.", labels=("quota",))
    for quota in numbers.quotas:
        used.add_metric((quota.name,), quota.used)
        limit.add_metric((quota.name,), quota.limit)
    yield used
    yield limit
    circuits = GaugeMetricFamily(
        "rowcast_circuit_state", "0: calls are made, 1: one, to see, 2: none.", labels=("circuit",)
    )
    for name, state in sorted(numbers.circuits.items()):
        circuits.add_metric((name,), _STATES.index(state))
    yield circuits


def _database(stored: Stored | None) -> Iterator[Metric]:
    yield _gauge(
        "rowcast_database_up", "1 where Postgres answers; the metrics below are absent otherwise.", stored is not None
    )
    if stored is None:
        return
    sources = GaugeMetricFamily("rowcast_sources", "Registered sources.", labels=("state",))
    for state, count in sorted(stored.sources.items()):
        sources.add_metric((state,), count)
    yield sources
    yield _gauge("rowcast_open_conflicts", "Conflicts that wait.", stored.open_conflicts)
    yield _gauge("rowcast_open_failures", "Failures that wait.", stored.open_failures)
    yield _gauge("rowcast_pending_writes", "Writes to a source that are under way.", stored.pending_writes)


def _by(name: str, documentation: str, label: str, counts: Mapping[int, int]) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=(label,))
    for value, count in sorted(counts.items()):
        family.add_metric((str(value),), count)
    return family


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=float(value))
