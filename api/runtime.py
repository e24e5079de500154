"""What a running process offers its requests: made by `api.lifespan`, read from the request's state."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from starlette.requests import HTTPConnection

from api.authentication import Authentication
from api.live.groups import Live
from api.run_totals import RunTotals
from replication.bus import BroadcastBus
from replication.session import ReplicationStatus
from schema.context import Context
from sync.circuit import CircuitState


@dataclass(frozen=True, slots=True)
class LeaderStatus:
    """What this process does as the leader; all False and None where another process leads.

    `holder` is the name that its own lease has, or would have.
    """

    leading: bool
    scheduling: bool
    replication: ReplicationStatus | None
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Runtime:
    """`loop_lag_s`: by how much the event loop was late last. `circuits` by name."""

    context: Context
    live: Live
    leader: Callable[[], LeaderStatus]
    runs: RunTotals
    loop_lag_s: Callable[[], float]
    circuits: Callable[[], Mapping[str, CircuitState]]
    authentication: Authentication
    bus: BroadcastBus


def runtime(connection: HTTPConnection) -> Runtime:
    """Of the process that serves this request or WebSocket."""
    return cast("Runtime", connection.state.runtime)
