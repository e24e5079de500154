"""Drive's push channels, so that changes are told at once and not only found by polls. For the leader.

`tend` looks at what is stored and what is wanted, and does what brings the two together: it may be cut off anywhere,
and be gone on with by another leader. Whatever fails here delays nothing but the news: polls remain.
"""

import hashlib
import secrets
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import structlog

from db.drive_channels import (
    DriveChannel,
    delete_drive_channel,
    drive_channel_opened,
    drive_channels,
    insert_drive_channel,
)
from db.errors import SourceUnreachable
from db.lease import Term
from db.session import Pool
from db.sources import Source, SourceState, all_sources
from sync.google.channel_calls import open_channel, stop_channel
from sync.google.channel_plan import plan_channels
from sync.google.drive_changes import fetch_start
from sync.google.errors import GoogleBusy
from sync.google.quota import CallKind
from sync.google.session import GoogleSession
from sync.services import DEFAULT_CREDENTIAL

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(seconds=30)
LIFE: Final = timedelta(days=1)
"""What is asked for. Google allows a week; but one that nobody could stop goes on calling until its end."""

_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class _Pause:
    """After so many failures in a row nothing is tried before that time."""

    failures: int
    until: datetime


class DrivePush:
    """One leadership's care of the channels. `address` is where Google calls us; None: no channel is wanted."""

    def __init__(
        self,
        pool: Pool,
        term: Term,
        sessions: Mapping[str, GoogleSession],
        address: str | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._term = term
        self._sessions = sessions
        self._address = address
        self._clock = clock
        self._pauses: dict[Hashable, _Pause] = {}

    async def tend(self) -> None:
        """Once. Raises LeadershipLost, and what is a bug or a lost database."""
        async with self._pool.connection() as connection:
            channels = await drive_channels(connection)
            sources = await all_sources(connection) if self._address is not None else []
        if not channels and not sources:
            return
        wanted = self._wanted(sources)
        accounts = {credential: session.email for credential, session in wanted.items()}
        plan = plan_channels(channels, accounts, self._address or "", self._clock())
        for channel in plan.forget:
            await self._forget(channel)
        for channel in plan.stop:
            await self._stop(channel)
        for credential in plan.open:
            await self._open(credential, wanted[credential])

    def _wanted(self, sources: list[Source]) -> Mapping[str, GoogleSession]:
        """The credentials that have a sheet to follow, and can be used."""
        used = {
            source.sheet.credential or DEFAULT_CREDENTIAL
            for source in sources
            if source.sheet is not None and source.state is not SourceState.PAUSED
        }
        return {name: session for name in sorted(used) if (session := self._session(name)) is not None}

    def _session(self, credential: str) -> GoogleSession | None:
        """None where it can't be used now, which its sources say."""
        try:
            return self._sessions.get(credential)
        except SourceUnreachable:
            return None

    async def _open(self, credential: str, session: GoogleSession) -> None:
        if self._is_paused(credential):
            return
        assert self._address is not None
        now = self._clock()
        token = secrets.token_urlsafe(32)
        channel = DriveChannel(uuid4(), credential, session.email, self._address, None, now, now + LIFE)
        try:
            page_token, _ = await session.read(CallKind.DRIVE, fetch_start, self._term.check)
            async with self._pool.connection() as connection, connection.transaction():
                await self._term.fence(connection)
                await insert_drive_channel(connection, channel, hashlib.sha256(token.encode()).digest())
            opened = await session.attempt(
                CallKind.DRIVE, lambda client: open_channel(client, channel, token, page_token), self._term.check
            )
        except SourceUnreachable as error:
            self._pause(credential)
            log.warning(
                "no push channel can be opened; polls find what changes", credential=credential, reason=str(error)
            )
            # Where no answer came it may be open: then its first message says how to stop it.
            if not isinstance(error, GoogleBusy) or error.unsent:
                await self._forget(channel)
            return
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            await drive_channel_opened(connection, channel.id, opened.resource_id, opened.expires_at)
        self._pauses.pop(credential, None)
        log.info("a push channel is open", credential=credential, until=opened.expires_at.isoformat())

    async def _stop(self, channel: DriveChannel) -> None:
        """Only the account that opened it can; without its key the channel goes on until it expires, and is heard."""
        session = self._session(channel.credential)
        if session is None or session.email != channel.account or self._is_paused(channel.id):
            return
        try:
            await session.attempt(CallKind.DRIVE, lambda client: stop_channel(client, channel), self._term.check)
        except SourceUnreachable as error:
            self._pause(channel.id)
            log.warning("a push channel can't be stopped now", credential=channel.credential, reason=str(error))
            return
        await self._forget(channel)

    async def _forget(self, channel: DriveChannel) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await self._term.fence(connection)
            await delete_drive_channel(connection, channel.id)
        self._pauses.pop(channel.id, None)

    def _is_paused(self, what: Hashable) -> bool:
        pause = self._pauses.get(what)
        return pause is not None and self._clock() < pause.until

    def _pause(self, what: Hashable) -> None:
        known = self._pauses.get(what)
        failures = 1 if known is None else known.failures + 1
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures - 1, 10))
        self._pauses[what] = _Pause(failures, self._clock() + pause)
