"""Composition: the one place where the parts of a process are made and joined, started and stopped.

Starting needs no database: whatever is away is sought until it is there, and `/readyz` says how far that is. Checks
that should stop a start (an unfit Postgres, a missing migration) are the command line's, before this.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from api.authentication import Authentication
from api.garbage import collecting
from api.leadership import Leadership
from api.live.groups import Live
from api.loop_lag import LoopLag
from api.run_totals import RunTotals
from api.runtime import Runtime
from api.settings import Settings
from api.settings_secrets import keyring
from db.notify import Listener
from db.session import make_pool
from replication.bus import BroadcastBus
from replication.hub import Hub
from replication.recent import Recent
from replication.relay import hear_notified, send_unheard
from replication.turns import Turns
from schema.activity import Activity
from schema.context import Context, QuotaUse
from sync.adapters import Adapters
from sync.address_guard import Allowed, Guard
from sync.breaker import Breakers
from sync.feeds.client import FeedLimits
from sync.feeds.connections import Feeds
from sync.google.named_credentials import CredentialPlaces, Credentials
from sync.google.quota import QuotaLimits
from sync.registration.registrar import Registration
from sync.runs.dry_run import DryRuns

_log = structlog.stdlib.get_logger(__name__)

_NAME = "rowcast"
QUERIES = 20
"""Connections to Postgres for everybody's queries."""
_LIVE = 5
"""More of them, for the live path alone: it doesn't wait behind queries."""
_WAIT_S = 8.0  # for a connection: callers that wait longer have given up


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Runtime]:
    """The services of a process, from start to stop. `settings.database_url` is set."""
    dsn = settings.database_url
    assert dsn is not None
    keys = keyring(settings)
    breakers = Breakers()
    credentials = _credentials(settings, breakers)
    totals, lag, recent, turns = RunTotals(), LoopLag(), Recent(), Turns()
    async with (
        make_pool(dsn, _NAME, max_size=QUERIES, wait_s=_WAIT_S) as pool,
        Listener(dsn, _NAME) as listener,
        BroadcastBus(settings.broadcast_url) as bus,
        make_pool(dsn, _NAME, max_size=_LIVE, wait_s=_WAIT_S, autocommit=True) as live_pool,
        Hub(live_pool, bus, recent, turns) as hub,
    ):
        feeds = Feeds(pool, keys, Guard(Allowed.parse(settings.feed_allow)), _feed_limits(settings), breakers)
        adapters = Adapters(credentials, feeds=feeds)
        leadership = Leadership(
            dsn,
            bus,
            recent,
            turns,
            listener,
            credentials,
            breakers,
            adapters,
            keys,
            totals,
            retention=settings.retention,
            drive_hook_url=settings.drive_hook_url,
            grace=settings.write_grace,
        )
        context = Context(
            pool=pool,
            hub=hub,
            listener=listener,
            keyring=keys,
            registration=Registration(pool, keys, adapters),
            dry_runs=DryRuns(pool, adapters.reading(), lambda: datetime.now(UTC), settings.write_grace),
            activity=Activity(time.monotonic),
            public_url=settings.base_url,
            sheets_url=settings.sheets_url,
            replication=lambda: leadership.status().replication,
            quotas=lambda: _quotas(credentials),
        )
        authentication = Authentication(
            pool,
            listener,
            required=settings.require_token,
            operations_per_second=settings.token_operations_per_second,
        )
        async with _background(
            leadership.run,
            lag.run,
            authentication.run,
            collecting,
            partial(send_unheard, live_pool, bus),
            partial(hear_notified, listener, bus),
        ):
            yield Runtime(
                context=context,
                live=Live(context),
                leader=leadership.status,
                runs=totals,
                loop_lag_s=lag.seconds,
                circuits=breakers.states,
                authentication=authentication,
                bus=bus,
            )
        credentials.close()
        await feeds.close()


@asynccontextmanager
async def _background(*parts: Callable[[], Coroutine[object, object, None]]) -> AsyncIterator[None]:
    """Runs the parts beside the block. None of them may end before it: that stops the whole process, in order."""
    tasks = [asyncio.create_task(part()) for part in parts]
    for task in tasks:
        task.add_done_callback(_stop_process)
    try:
        yield
    finally:
        for task in tasks:
            task.remove_done_callback(_stop_process)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _stop_process(task: "asyncio.Task[None]") -> None:
    error = None if task.cancelled() else task.exception()
    _log.critical("a part of the process ended, so all of it stops", part=repr(task.get_coro()), exc_info=error)
    signal.raise_signal(signal.SIGTERM)


def _credentials(settings: Settings, breakers: Breakers) -> Credentials:
    limits = QuotaLimits(
        settings.google_reads_per_minute,
        settings.google_writes_per_minute,
        settings.google_project_reads_per_minute,
        settings.google_project_writes_per_minute,
    )
    places = CredentialPlaces(settings.google_credentials, settings.google_credentials_dir)
    return Credentials(
        places, breakers, limits, api_url=settings.google_api_url, timeout_s=settings.google_timeout_seconds
    )


def _feed_limits(settings: Settings) -> FeedLimits:
    return FeedLimits(
        body_bytes=settings.feed_body_bytes,
        whole_bytes=settings.feed_whole_bytes,
        timeout_s=settings.feed_timeout_seconds,
        shown_within_s=settings.feed_shown_seconds,
    )


def _quotas(credentials: Credentials) -> Sequence[QuotaUse]:
    """Google's quotas by credential or project, and kind of call."""
    now = datetime.now(UTC)
    return [
        QuotaUse(f"google {name} {kind}", use.limit, use.used, now + timedelta(seconds=use.resets_in_s))
        for name, uses in credentials.quotas().items()
        for kind, use in uses.items()
    ]
