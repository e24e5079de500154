"""The control API's part for installable triggers and the scripts that are bound to spreadsheets."""

from starlette.routing import Route

from sandbox.accounts import PERSON
from sandbox.control import json_route
from sandbox.google.document import Document
from sandbox.google.json_value import Json, JsonObject
from sandbox.loopback import leaves_loopback
from sandbox.office import Office
from sandbox.script.projects import Execution
from sandbox.triggers import Trigger, new_uid
from sandbox.workbook.errors import InvalidArgument, NotFound

_HANDLERS = {"edit": "onEdit", "change": "onChange"}


class TriggerControl:
    """`/_sandbox/triggers` and `/_sandbox/scripts`."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def routes(self) -> list[Route]:
        return [
            json_route("POST", "triggers", self._trigger, 201),
            json_route(
                "GET", "triggers", lambda _: [_trigger_json(t) for t in self._office.triggers.registered.values()]
            ),
            json_route("POST", "scripts", self._script),
            json_route("GET", "scripts", lambda _: [_execution_json(e) for e in self._office.scripts.executions]),
        ]

    def _trigger(self, body: Document) -> Json:
        body.only("spreadsheet", "event", "url", "secret", "source", "script", "function")
        spreadsheet = self._spreadsheet(body)
        event = body.choice("event", tuple(_HANDLERS), "")
        if "script" in body:
            function = body.text("function") or _HANDLERS[event]
            known = (one.uid for one in self._office.triggers.of(spreadsheet, PERSON) if one.handles(event, function))
            trigger = Trigger(spreadsheet, event, function=function, owner=PERSON, uid=next(known, new_uid()))
            self._office.scripts.bind(spreadsheet, body.text("script"))
        else:
            trigger = Trigger(spreadsheet, event, body.text("url"), body.text("secret"), body.text("source"))
            reason = leaves_loopback(trigger.url)
            if reason is not None:
                raise InvalidArgument(f"url: {reason}")
        self._office.triggers.register(trigger)
        return _trigger_json(trigger)

    async def _script(self, body: Document) -> Json:
        body.only("spreadsheet", "script", "function", "user", "answers")
        spreadsheet = self._spreadsheet(body)
        if "script" in body:
            self._office.scripts.bind(spreadsheet, body.text("script"))
        if self._office.scripts.bound(spreadsheet) is None:
            raise InvalidArgument("The spreadsheet has no script yet: give its text as `script`.")
        if "function" not in body:
            return {}
        answers = body.items("answers")
        if not all(answer is None or isinstance(answer, str) for answer in answers):
            raise InvalidArgument("answers must be texts, or null where the user closes a dialog.")
        execution = await self._office.scripts.run(
            spreadsheet,
            body.text("function"),
            body.text("user") or PERSON,
            [None if answer is None else str(answer) for answer in answers],
        )
        return _execution_json(execution)

    def _spreadsheet(self, body: Document) -> str:
        spreadsheet = body.text("spreadsheet")
        if spreadsheet not in self._office.drive.files:
            raise NotFound(f"No spreadsheet has the id '{spreadsheet}'.")
        return spreadsheet


def _trigger_json(trigger: Trigger) -> JsonObject:
    shown: JsonObject = {"id": trigger.name, "spreadsheet": trigger.spreadsheet, "event": trigger.event}
    if trigger.function:
        return shown | {"function": trigger.function, "owner": trigger.owner}
    return shown | {"url": trigger.url, "source": trigger.source}


def _execution_json(execution: Execution) -> JsonObject:
    logs: list[Json] = list(execution.seen.logs)
    dialogs: list[Json] = list(execution.seen.dialogs)
    return {
        "at": execution.at.isoformat(),
        "spreadsheet": execution.spreadsheet,
        "function": execution.function,
        "user": execution.user,
        "value": execution.value,
        "error": execution.error,
        "dialogs": dialogs,
        "menus": execution.seen.menus,
        "logs": logs,
    }
