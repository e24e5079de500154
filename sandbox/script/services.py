"""What a script's services do outside of it: kept properties, locks, calls, dialogs. One object an execution."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import httpx
import orjson

from sandbox.google.json_value import Json, JsonObject
from sandbox.loopback import leaves_loopback
from sandbox.script.pool import ServiceRefused
from sandbox.settings import SandboxSettings
from sandbox.store import SqliteStore
from sandbox.triggers import Trigger, new_uid

PROPERTIES = "script properties"
"""The kind of the store's items."""

_LONGEST_TEXT = 10 * 2**20


class TriggerBook(Protocol):
    """Where installable triggers are registered."""

    def of(self, spreadsheet: str, owner: str) -> list[Trigger]: ...
    def register(self, trigger: Trigger) -> None: ...
    def remove(self, name: str) -> None: ...


@dataclass(slots=True)
class Shared:
    """What all executions share. Locks and caches are by spreadsheet and scope, and end with the process."""

    settings: SandboxSettings
    store: SqliteStore
    triggers: TriggerBook
    client: httpx.AsyncClient
    locks: dict[tuple[str, str], asyncio.Lock] = field(default_factory=dict)
    caches: dict[tuple[str, str, str], tuple[str, datetime]] = field(default_factory=dict)


@dataclass(slots=True)
class Seen:
    """What an execution showed and wrote down."""

    dialogs: list[JsonObject] = field(default_factory=list)
    menus: list[Json] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)


class Services:
    """`answer` is the pool's service. `answers` are what the user types or presses, dialog by dialog; None: he closes
    it. Call `close` when the execution has ended: it gives its locks back."""

    def __init__(self, shared: Shared, spreadsheet: str, user: str, answers: list[str | None]) -> None:
        self.seen = Seen()
        self._shared = shared
        self._spreadsheet = spreadsheet
        self._user = user
        self._answers = list(answers)
        self._held: dict[str, asyncio.Lock] = {}
        self._methods: dict[str, Callable[..., Awaitable[Json]]] = {
            "properties": self._properties,
            "setProperties": self._set_properties,
            "deleteProperties": self._delete_properties,
            "cached": self._cached,
            "cache": self._cache,
            "uncache": self._uncache,
            "lock": self._lock,
            "hasLock": self._has_lock,
            "unlock": self._unlock,
            "fetch": self._fetch,
            "sleep": self._sleep,
            "triggers": self._triggers,
            "newTrigger": self._new_trigger,
            "deleteTrigger": self._delete_trigger,
            "dialog": self._dialog,
            "menu": self._menu,
            "log": self._log,
            "uuid": self._uuid,
            "hmacSha256": self._hmac,
            "base64Encode": self._base64_encode,
            "base64Decode": self._base64_decode,
        }

    async def answer(self, name: str, arguments: list[Json]) -> Json:
        """What the script is told. Raises ServiceRefused."""
        try:
            return await self._methods[name](*arguments)
        except (TypeError, ValueError, AttributeError) as error:
            raise ServiceRefused(f"The parameters don't match the method signature for {name}: {error}") from error

    def close(self) -> None:
        """As at Google, what a script has locked is free when it has ended."""
        for lock in self._held.values():
            lock.release()
        self._held.clear()

    # What is kept

    def _stored(self, scope: str) -> dict[str, str]:
        record = self._shared.store.load_item(PROPERTIES, f"{self._spreadsheet} {scope}")
        return orjson.loads(record) if record else {}

    def _save(self, scope: str, values: dict[str, str]) -> None:
        self._shared.store.save_item(PROPERTIES, f"{self._spreadsheet} {scope}", orjson.dumps(values))

    async def _properties(self, scope: str) -> Json:
        return dict(self._stored(scope))

    async def _set_properties(self, scope: str, values: dict[str, str]) -> Json:
        self._save(scope, self._stored(scope) | values)
        return None

    async def _delete_properties(self, scope: str, keys: list[str]) -> Json:
        self._save(scope, {key: value for key, value in self._stored(scope).items() if key not in keys})
        return None

    async def _cached(self, scope: str, key: str) -> Json:
        value, until = self._shared.caches.get((self._spreadsheet, scope, key), (None, self._shared.settings.clock()))
        return value if self._shared.settings.clock() < until else None

    async def _cache(self, scope: str, key: str, value: str, seconds: float) -> Json:
        until = self._shared.settings.clock() + timedelta(seconds=seconds)
        self._shared.caches[self._spreadsheet, scope, key] = (value, until)
        return None

    async def _uncache(self, scope: str, key: str) -> Json:
        self._shared.caches.pop((self._spreadsheet, scope, key), None)
        return None

    # Locks

    async def _lock(self, scope: str, milliseconds: float) -> Json:
        if scope in self._held:
            return True
        lock = self._shared.locks.setdefault((self._spreadsheet, scope), asyncio.Lock())
        try:
            async with asyncio.timeout(milliseconds / 1000 if lock.locked() else None):
                await lock.acquire()
        except TimeoutError:
            return False
        self._held[scope] = lock
        return True

    async def _has_lock(self, scope: str) -> Json:
        return scope in self._held

    async def _unlock(self, scope: str) -> Json:
        if scope in self._held:
            self._held.pop(scope).release()
        return None

    # The network, and time

    async def _fetch(self, requests: list[JsonObject]) -> Json:
        return list(await asyncio.gather(*(self._fetch_one(request) for request in requests)))

    async def _fetch_one(self, request: JsonObject) -> Json:
        url, headers, payload = str(request["url"]), request["headers"], request["payload"]
        assert isinstance(headers, dict)
        try:
            response = await self._shared.client.request(
                str(request["method"]),
                url,
                headers={name: str(value) for name, value in headers.items()},
                content=None if payload is None else str(payload).encode(),
                follow_redirects=bool(request["followRedirects"]),
            )
        except httpx.InvalidURL as error:
            raise ServiceRefused(f"Invalid argument: {url}") from error
        except httpx.HTTPError as error:
            raise ServiceRefused(f"Address unavailable: {url} ({type(error).__name__})") from error
        shown: JsonObject = dict(response.headers)
        return {"status": response.status_code, "headers": shown, "text": response.text[:_LONGEST_TEXT]}

    async def _sleep(self, milliseconds: float) -> Json:
        await self._shared.settings.sleep(milliseconds / 1000)
        return None

    # Triggers

    async def _triggers(self) -> Json:
        return [_trigger_json(trigger) for trigger in self._shared.triggers.of(self._spreadsheet, self._user)]

    async def _new_trigger(self, function: str, spreadsheet: str, event: str) -> Json:
        if spreadsheet != self._spreadsheet:
            raise ServiceRefused("The sandbox's scripts install triggers for their own spreadsheet only.")
        trigger = Trigger(spreadsheet, event, function=function, owner=self._user, uid=new_uid())
        self._shared.triggers.register(trigger)
        return _trigger_json(trigger)

    async def _delete_trigger(self, uid: str) -> Json:
        if all(trigger.uid != uid for trigger in self._shared.triggers.of(self._spreadsheet, self._user)):
            raise ServiceRefused("The trigger is not this user's, or there is none any more.")
        self._shared.triggers.remove(uid)
        return None

    # People

    async def _dialog(self, kind: str, title: str, text: str, buttons: str) -> Json:
        self.seen.dialogs.append({"kind": kind, "title": title, "text": text, "buttons": buttons})
        if kind == "alert" and buttons == "OK":
            return {"button": "OK", "text": ""}
        if not self._answers:
            raise ServiceRefused(f"Nobody answers the dialog “{text}”: give one more of `answers`.")
        answer = self._answers.pop(0)
        if answer is None:
            return {"button": "CANCEL" if "CANCEL" in buttons else "CLOSE", "text": ""}
        if kind == "prompt":
            return {"button": "OK", "text": answer}
        if answer not in buttons.split("_"):
            raise ServiceRefused(f"The dialog “{text}” has the buttons {buttons}, not “{answer}”.")
        return {"button": answer, "text": ""}

    async def _menu(self, content: Json) -> Json:
        self.seen.menus.append(content)
        return None

    async def _log(self, level: str, text: str) -> Json:
        self.seen.logs.append(f"{level}: {text}")
        return None

    # Utilities

    async def _uuid(self) -> Json:
        return str(uuid.uuid4())

    async def _hmac(self, value: str, key: str) -> Json:
        return list(hmac.new(key.encode(), value.encode(), hashlib.sha256).digest())

    async def _base64_encode(self, value: str | list[int]) -> Json:
        return base64.b64encode(value.encode() if isinstance(value, str) else bytes(value)).decode()

    async def _base64_decode(self, text: str) -> Json:
        try:
            return list(base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise ServiceRefused("Could not decode string.") from error


async def stay_on_loopback(request: httpx.Request) -> None:
    """A hook of httpx: asked before each request, those of redirects, too."""
    reason = leaves_loopback(str(request.url))
    if reason is not None:
        raise ServiceRefused(reason)


def _trigger_json(trigger: Trigger) -> JsonObject:
    return {
        "id": trigger.uid,
        "function": trigger.function,
        "event": trigger.event,
        "spreadsheet": trigger.spreadsheet,
    }
