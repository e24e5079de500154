"""Drive's push channels: a change of what a channel watches is told to its address, until it is stopped or expires.

As Google documents them: https://developers.google.com/workspace/drive/api/guides/push. A hint there and here: changes
that come while an address is being called are told together, and what can't be delivered is dropped.
"""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import orjson

from sandbox.drive import Drive, File
from sandbox.loopback import NO_AUTHORITIES
from sandbox.settings import SandboxSettings
from sandbox.store import SqliteStore

CHANGES = ""
"""What a channel watches that watches every file of its account."""
LONGEST = {"file": timedelta(days=1), "changes": timedelta(days=7)}
_DEFAULT = timedelta(hours=1)
_KIND = "channel"
_ATTEMPTS = 5
_FIRST_PAUSE_S = 0.25
_RETRIED = frozenset({500, 502, 503, 504})
_LOG = logging.getLogger("sandbox.channels")


@dataclass(frozen=True, slots=True)
class Channel:
    """`watched` is a file's id or CHANGES; `expiration` in Unix milliseconds; `number` the last message's."""

    channel_id: str
    token: str
    address: str
    account: str
    watched: str
    uri: str
    expiration: int
    number: int = 0

    @property
    def resource_id(self) -> str:
        """The same for every channel of one account that watches the same."""
        digest = hashlib.sha256(f"{self.account} {self.watched}".encode())
        return digest.hexdigest()[:27]

    @property
    def expires(self) -> datetime:
        return datetime.fromtimestamp(self.expiration / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """`state` is Google's X-Goog-Resource-State; `changed` says of an update what it was."""

    state: str
    changed: str = ""


class Channels:
    """The open channels, and a task for each that has something to tell. Use as an async context manager."""

    def __init__(self, settings: SandboxSettings, store: SqliteStore, drive: Drive) -> None:
        self._settings = settings
        self._store = store
        records = store.load_items(_KIND)
        self._channels = {name: Channel(**orjson.loads(record)) for name, record in records.items()}
        # Each message once: what is still to be told again says it all.
        self._untold: dict[str, dict[Message, None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        drive.listeners.append(self._changed)
        drive.removals.append(self._removed)

    async def __aenter__(self) -> "Channels":
        self._client = httpx.AsyncClient(verify=NO_AUTHORITIES, trust_env=False, timeout=10)
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert self._client is not None
        await self._client.aclose()

    @property
    def open(self) -> dict[str, Channel]:
        """Those that have not expired, by their ids."""
        now = self._settings.clock()
        for name in [name for name, channel in self._channels.items() if channel.expires <= now]:
            self.stop(name)
        return self._channels

    def watch(self, channel: Channel) -> Channel:
        """Opens a channel, whose `expiration` (0: none is asked for) may be cut, and tells its address `sync`."""
        longest = LONGEST["changes" if channel.watched == CHANGES else "file"]
        now = self._settings.clock()
        wished = channel.expires if channel.expiration else now + _DEFAULT
        until = min(wished, now + longest)
        channel = replace(channel, expiration=int(until.timestamp() * 1000))
        self._save(channel)
        self._tell(channel.channel_id, Message("sync"))
        return channel

    def stop(self, name: str) -> None:
        """Ends a channel."""
        self._store.delete_item(_KIND, name)
        del self._channels[name]
        self._untold.pop(name, None)

    def clear(self) -> None:
        """Ends them all."""
        for name in list(self._channels):
            self.stop(name)

    def _changed(self, old: File, new: File) -> None:
        for channel in list(self.open.values()):
            if channel.watched == new.file_id:
                self._tell(channel.channel_id, _message(old, new))
            elif channel.watched == CHANGES and (old.may_read(channel.account) or new.may_read(channel.account)):
                self._tell(channel.channel_id, Message("change"))

    def _removed(self, file: File) -> None:
        for channel in list(self.open.values()):
            if channel.watched == file.file_id:
                self._tell(channel.channel_id, Message("remove"))
            elif channel.watched == CHANGES and file.may_read(channel.account):
                self._tell(channel.channel_id, Message("change"))

    def _save(self, channel: Channel) -> None:
        self._store.save_item(_KIND, channel.channel_id, orjson.dumps(asdict(channel)))
        self._channels[channel.channel_id] = channel

    def _tell(self, name: str, message: Message) -> None:
        if self._client is None:
            return
        untold = self._untold.get(name)
        if untold is not None:
            untold[message] = None
            return
        self._untold[name] = {message: None}
        task = asyncio.create_task(self._deliver_all(name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver_all(self, name: str) -> None:
        with self._telling(name) as untold:
            while untold and name in self.open:
                message = next(iter(untold))
                del untold[message]
                channel = self._channels[name]
                step = 1 if message.state == "sync" else 1 + secrets.randbelow(9)
                channel = replace(channel, number=channel.number + step)
                self._save(channel)
                await self._deliver(channel, message)

    @contextmanager
    def _telling(self, name: str) -> Iterator[dict[Message, None]]:
        untold = self._untold[name]
        try:
            yield untold
        finally:
            if self._untold.get(name) is untold:
                del self._untold[name]

    async def _deliver(self, channel: Channel, message: Message) -> None:
        assert self._client is not None
        reason = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                await self._settings.sleep(_FIRST_PAUSE_S * 2 ** (attempt - 1))
            if channel.channel_id not in self.open:
                return
            try:
                response = await self._client.post(channel.address, headers=_headers(channel, message))
            except httpx.HTTPError as error:
                reason = f"{type(error).__name__}: {error}"
                continue
            if response.status_code not in _RETRIED:
                if not response.is_success:
                    _LOG.warning("%s refused a notification: %s", channel.address, response.status_code)
                return
            reason = f"status {response.status_code}"
        _LOG.warning("the channel to %s gave up after %d attempts: %s", channel.address, _ATTEMPTS, reason)


def _message(old: File, new: File) -> Message:
    if old.trashed != new.trashed:
        return Message("trash" if new.trashed else "untrash")
    changed = {
        "content": old.spreadsheet is not new.spreadsheet and old.name == new.name,
        "properties": old.name != new.name,
        "parents": old.parents != new.parents,
        "permissions": old.permissions != new.permissions,
    }
    return Message("update", ",".join(kind for kind, differs in changed.items() if differs))


def _headers(channel: Channel, message: Message) -> dict[str, str]:
    headers = {
        "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
        "X-Goog-Channel-ID": channel.channel_id,
        "X-Goog-Channel-Expiration": format_datetime(channel.expires, usegmt=True),
        "X-Goog-Resource-ID": channel.resource_id,
        "X-Goog-Resource-URI": channel.uri,
        "X-Goog-Resource-State": message.state,
        "X-Goog-Message-Number": str(channel.number),
    }
    if channel.token:
        headers["X-Goog-Channel-Token"] = channel.token
    if message.changed:
        headers["X-Goog-Changed"] = message.changed
    return headers
