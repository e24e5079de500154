"""What an operation may use: made once by the composition root, handed to every resolver.

Nothing here does anything, and no resolver reaches a service any other way.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from db.secrets import Keyring
from db.session import Pool
from db.source_status import SourceStatus, source_statuses
from db.together import Together
from schema.access import ADMINISTRATOR, Grant, Principal
from schema.snapshot_reads import SnapshotReads

if TYPE_CHECKING:
    from db.notify import Listener
    from replication.hub import Hub
    from replication.session import ReplicationStatus
    from schema.activity import Activity
    from schema.sources import Opened
    from sync.registration.registrar import Registration
    from sync.runs.dry_run import DryRuns


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """How far one of an external API's quotas is used up now; `resets_at` where that is known."""

    name: str
    limit: int
    used: int
    resets_at: datetime | None


def _no_quotas() -> Sequence[QuotaUse]:
    return ()


@dataclass(frozen=True, slots=True)
class Context:
    """The services of the process, and who asks.

    `replication` is the status of the replication that this process runs, None where another process leads.
    `public_url` is what hook URLs begin with, `sheets_url` what a sheet's own address does, both without a slash at
    their end. `rollbacks` bounds how many roll back at once: each holds a connection of the pool while it waits for
    the log. `wait_s`: how long `waitFor` waits at most. `by_get`: the request is one that a link on any page can make.
    """

    pool: Pool
    hub: "Hub"
    listener: "Listener"
    keyring: Keyring
    registration: "Registration"
    dry_runs: "DryRuns"
    activity: "Activity"
    public_url: str
    sheets_url: str
    replication: "Callable[[], ReplicationStatus | None]"
    quotas: Callable[[], Sequence[QuotaUse]] = _no_quotas
    clock: Callable[[], float] = time.monotonic
    snapshots: SnapshotReads = field(default_factory=SnapshotReads)
    rollbacks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    wait_s: float = 10.0
    run_deadline_s: float = 300.0
    opened: "dict[tuple[str, Grant], Opened]" = field(default_factory=dict)
    together: Together = field(default_factory=Together)
    principal: Principal = ADMINISTRATOR
    by_get: bool = False
    statuses: DataLoader[UUID, SourceStatus | None] = field(init=False)

    def __post_init__(self) -> None:
        # Without its cache: it only joins what one operation asks for at the same time into one query.
        object.__setattr__(self, "statuses", DataLoader(self._load_statuses, cache=False))

    async def _load_statuses(self, ids: list[UUID]) -> list[SourceStatus | None]:
        async with self.pool.connection() as connection:
            found = await source_statuses(connection, ids)
        return [found.get(id_) for id_ in ids]


Info = strawberry.Info[Context, None]
