"""The scripts that are bound to spreadsheets: at most one each, run by their triggers and by whoever asks."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from sandbox.accounts import PERSON
from sandbox.drive import Drive
from sandbox.google.json_value import Json, JsonObject
from sandbox.loopback import NO_AUTHORITIES
from sandbox.person.edits import Edited
from sandbox.script.pool import Call, ScriptFailed, ScriptPool
from sandbox.script.services import PROPERTIES, Seen, Services, Shared, stay_on_loopback
from sandbox.settings import SandboxSettings
from sandbox.store import SqliteStore
from sandbox.triggers import Trigger, Triggers
from sandbox.workbook import a1

_KIND = "script"
_KEPT = 200
_FETCH_S = 60
_LOG = logging.getLogger("sandbox.scripts")


@dataclass(frozen=True, slots=True)
class Execution:
    """One that has ended. `error` is None where it went well; `value` is what the function returned."""

    at: datetime
    spreadsheet: str
    function: str
    user: str
    value: Json
    error: str | None
    seen: Seen = field(default_factory=Seen)


class Scripts:
    """Use as an async context manager. `executions` are the last that ended, oldest first."""

    def __init__(self, settings: SandboxSettings, store: SqliteStore, drive: Drive, triggers: Triggers) -> None:
        self.executions: deque[Execution] = deque(maxlen=_KEPT)
        self._settings = settings
        self._store = store
        self._drive = drive
        self._triggers = triggers
        self._pool = ScriptPool()
        self._tasks: set[asyncio.Task[Execution]] = set()
        self._shared: Shared | None = None

    async def __aenter__(self) -> "Scripts":
        client = httpx.AsyncClient(
            verify=NO_AUTHORITIES, trust_env=False, timeout=_FETCH_S, event_hooks={"request": [stay_on_loopback]}
        )
        self._shared = Shared(self._settings, self._store, self._triggers, client)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._shared is not None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._pool.close()
        await self._shared.client.aclose()

    def bind(self, spreadsheet: str, script: str) -> None:
        """Makes this the spreadsheet's script; properties and triggers of the one before stay, as when one saves."""
        self._store.save_item(_KIND, spreadsheet, script.encode())

    def bound(self, spreadsheet: str) -> str | None:
        """The spreadsheet's script."""
        record = self._store.load_item(_KIND, spreadsheet)
        return None if record is None else record.decode()

    def keep_only(self, spreadsheets: set[str]) -> None:
        """Forgets the scripts of all other spreadsheets, and what they kept."""
        for kind in (_KIND, PROPERTIES):
            for name in self._store.load_items(kind):
                if name.partition(" ")[0] not in spreadsheets:
                    self._store.delete_item(kind, name)
        self.executions.clear()

    def fire(self, edited: Edited) -> None:
        """Begins an execution for each trigger that wants the edit; at Google, too, they don't wait for each other."""
        for trigger in self._triggers.registered.values():
            if trigger.function and trigger.wants(edited):
                task = asyncio.create_task(
                    self._run(trigger.spreadsheet, trigger.function, trigger.owner, [], event_json(trigger, edited))
                )
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def run(self, spreadsheet: str, function: str, user: str, answers: list[str | None]) -> Execution:
        """A person runs a function of the script: from the menu, or in the editor."""
        return await self._run(spreadsheet, function, user, answers, None)

    async def _run(
        self, spreadsheet: str, function: str, user: str, answers: list[str | None], event: JsonObject | None
    ) -> Execution:
        assert self._shared is not None
        at = self._settings.clock()
        services = Services(self._shared, spreadsheet, user, answers)
        value: Json = None
        error: str | None = None
        try:
            context: JsonObject = {"user": user, "spreadsheet": self._spreadsheet_json(spreadsheet), "event": event}
            call = Call(self.bound(spreadsheet) or "", function, context)
            value = await self._pool.run(call, services.answer)
        except ScriptFailed as failed:
            error = str(failed)
            _LOG.warning("the script's %s failed: %s\n%s", function, error, failed.stack.rstrip())
        finally:
            services.close()
        execution = Execution(at, spreadsheet, function, user, value, error, services.seen)
        self.executions.append(execution)
        return execution

    def _spreadsheet_json(self, spreadsheet: str) -> JsonObject:
        file = self._drive.files.get(spreadsheet)
        if file is None:
            raise ScriptFailed(f"No spreadsheet has the id '{spreadsheet}'.")
        sheets: list[Json] = [{"sheetId": s.sheet_id, "title": s.title} for s in file.spreadsheet.sheets]
        url = f"{self._settings.base_url}/spreadsheets/d/{spreadsheet}/edit"
        return {"id": spreadsheet, "title": file.name, "url": url, "sheets": sheets}


def event_json(trigger: Trigger, edited: Edited) -> JsonObject:
    """The event object, but for what services.js makes of it. `user` is who edited; the trigger's owner runs it.

    https://developers.google.com/apps-script/guides/triggers/events
    """
    event: JsonObject = {"authMode": "FULL", "triggerUid": trigger.uid, "user": PERSON}
    if trigger.event == "change":
        return event | {"changeType": edited.change}
    area = a1.parse(edited.range)
    place: JsonObject = {
        "a1": edited.range,
        "rowStart": (area.top or 0) + 1,
        "columnStart": (area.left or 0) + 1,
        "rowEnd": area.bottom,
        "columnEnd": area.right,
    }
    event["range"] = {"sheet": {"sheetId": edited.sheet_id, "title": edited.sheet_title}, "place": place}
    if edited.value is not None:
        event["value"] = edited.value
    if edited.old_value is not None:
        event["oldValue"] = edited.old_value
    return event
