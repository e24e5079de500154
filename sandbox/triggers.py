"""Installable triggers: who wants to hear of a person's edits. Those with a URL are told here, signed, in order, with
retries; those with a function of the spreadsheet's script are run by `sandbox.script`.

A hint as at Google: what can't be delivered after some attempts is dropped, with a line in the log.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import httpx
import orjson

from sandbox.accounts import PERSON
from sandbox.loopback import NO_AUTHORITIES
from sandbox.person.edits import Edited
from sandbox.settings import SandboxSettings
from sandbox.store import SqliteStore

ATTEMPTS = 6
FIRST_PAUSE = 0.25
_KIND = "trigger"
_LOG = logging.getLogger("sandbox.triggers")


@dataclass(frozen=True, slots=True)
class Trigger:
    """`event` is edit (cells only) or change (structure, too). Either `url` is called, and `source` named in what is
    sent; or `function` is run for `owner`, under the trigger's `uid`."""

    spreadsheet: str
    event: str
    url: str = ""
    secret: str = ""
    source: str = ""
    function: str = ""
    owner: str = ""
    uid: str = ""

    @property
    def name(self) -> str:
        """The same for the same spreadsheet, event and URL; of a script's, its uid."""
        return self.uid or hashlib.sha256(f"{self.spreadsheet} {self.event} {self.url}".encode()).hexdigest()[:16]

    def handles(self, event: str, function: str) -> bool:
        return (self.event, self.function) == (event, function)

    def wants(self, edited: Edited) -> bool:
        return self.spreadsheet == edited.file_id and (self.event == "change" or edited.change == "EDIT")


class Triggers:
    """The registered triggers, and the task of each that delivers. Use as an async context manager."""

    def __init__(self, settings: SandboxSettings, store: SqliteStore) -> None:
        self._settings = settings
        self._store = store
        self._triggers = {name: Trigger(**orjson.loads(record)) for name, record in store.load_items(_KIND).items()}
        self._queues: dict[str, asyncio.Queue[Edited]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> "Triggers":
        self._client = httpx.AsyncClient(verify=NO_AUTHORITIES, trust_env=False, timeout=10)
        for name in self._triggers:
            self._start(name)
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert self._client is not None
        await self._client.aclose()

    @property
    def registered(self) -> Mapping[str, Trigger]:
        return self._triggers

    def register(self, trigger: Trigger) -> None:
        """Adds a trigger; one of the same name takes the old one's place."""
        self._store.save_item(_KIND, trigger.name, orjson.dumps(asdict(trigger)))
        self._triggers[trigger.name] = trigger
        self._start(trigger.name)

    def remove(self, name: str) -> None:
        """Forgets one trigger."""
        self._store.delete_item(_KIND, name)
        del self._triggers[name]

    def of(self, spreadsheet: str, owner: str) -> list[Trigger]:
        """The triggers that the scripts of that user have for a spreadsheet."""
        return [
            one
            for one in self._triggers.values()
            if one.function and (one.spreadsheet, one.owner) == (spreadsheet, owner)
        ]

    def keep_only(self, spreadsheets: set[str]) -> None:
        """Forgets the triggers of all other spreadsheets."""
        self._triggers = {name: one for name, one in self._triggers.items() if one.spreadsheet in spreadsheets}
        self._store.delete_items(_KIND)
        for name, trigger in self._triggers.items():
            self._store.save_item(_KIND, name, orjson.dumps(asdict(trigger)))

    def fire(self, edited: Edited) -> None:
        """Queues the edit for each URL that wants it."""
        for name, trigger in self._triggers.items():
            if trigger.url and trigger.wants(edited):
                self._queues[name].put_nowait(edited)

    def _start(self, name: str) -> None:
        if name not in self._queues and self._client is not None and self._triggers[name].url:
            self._queues[name] = asyncio.Queue()
            self._tasks.append(asyncio.create_task(self._deliver_all(name)))

    async def _deliver_all(self, name: str) -> None:
        queue = self._queues[name]
        while True:
            edited = await queue.get()
            trigger = self._triggers.get(name)
            if trigger is not None:
                await self._deliver(trigger, edited)

    async def _deliver(self, trigger: Trigger, edited: Edited) -> None:
        body = orjson.dumps(event_json(trigger, edited))
        for attempt in range(ATTEMPTS):
            reason = await self._post(trigger, body)
            if not reason:
                return
            if attempt + 1 < ATTEMPTS:
                await self._settings.sleep(FIRST_PAUSE * 2**attempt)
            else:
                _LOG.warning("trigger for %s gave up after %d attempts: %s", trigger.url, ATTEMPTS, reason)

    async def _post(self, trigger: Trigger, body: bytes) -> str:
        """Why it failed, or nothing. A refusal for good (4xx) counts as delivered: repeating wouldn't help."""
        assert self._client is not None
        timestamp = str(int(self._settings.clock().timestamp()))
        headers = {"Content-Type": "application/json", "X-Rowcast-Timestamp": timestamp}
        if trigger.secret:
            headers["X-Rowcast-Signature"] = sign(trigger.secret, timestamp, body)
        try:
            response = await self._client.post(trigger.url, content=body, headers=headers)
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"
        if response.is_client_error and response.status_code not in (408, 425, 429):
            _LOG.warning("%s refused a trigger's call: %s %s", trigger.url, response.status_code, response.text[:200])
            return ""
        return "" if response.is_success else f"status {response.status_code}"


def new_uid() -> str:
    """As Google's: a long number, as text."""
    return str(secrets.randbelow(9 * 10**18) + 10**18)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """`sha256=<hex>`: HMAC-SHA256 of the timestamp, a dot and the body."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def event_json(trigger: Trigger, edited: Edited) -> dict[str, object]:
    """Google's event fields, flattened as a script would send them on."""
    event: dict[str, object] = {
        "event": trigger.event,
        "spreadsheetId": edited.file_id,
        "sheetId": edited.sheet_id,
        "sheet": edited.sheet_title,
        "range": edited.range,
        "changeType": edited.change,
        "authMode": "FULL",
        "triggerUid": trigger.name,
        "user": {"email": PERSON},
    }
    if trigger.source:
        event["source"] = trigger.source
    if edited.value is not None:
        event["value"] = edited.value
    if edited.old_value is not None:
        event["oldValue"] = edited.old_value
    return event
