"""The control API: what a test or the demo's supervisor tells the sandbox. Loopback only, without authentication."""

import inspect
import re
import secrets
from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.accounts import PROJECT, SCOPE_PREFIX, SCOPES
from sandbox.faults import Fault, PersonEdit
from sandbox.feeds.server import FeedServer
from sandbox.google.auth import Quota
from sandbox.google.document import Document
from sandbox.google.errors import ApiError
from sandbox.google.json_text import read_document
from sandbox.google.json_value import Json, JsonObject
from sandbox.guard import JSON, SIMPLE_TYPES, media_type
from sandbox.office import Office
from sandbox.recorder import RecordedCall
from sandbox.typed import read_block
from sandbox.workbook.errors import InvalidArgument, NotFound, WorkbookError

Method = Callable[[Document], Json | Awaitable[Json]]
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Control:
    """`/_sandbox`."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._feeds = FeedServer(office.feeds)

    def routes(self) -> list[Route]:
        return [
            json_route("POST", "faults", self._add_fault, 201),
            json_route("GET", "faults", lambda _: [_fault_json(fault) for fault in self._office.faults.waiting]),
            json_route("DELETE", "faults", lambda _: self._office.faults.clear()),
            json_route("GET", "requests", lambda _: [_call_json(call) for call in self._office.recorder.calls]),
            json_route("DELETE", "requests", lambda _: self._office.recorder.clear()),
            json_route("POST", "edit", self._edit),
            json_route("POST", "quota", self._set_quota),
            json_route("POST", "accounts", self._account, 201),
            json_route("POST", "revoke", self._revoke),
            json_route("POST", "reset", lambda _: self._office.reset()),
            Route("/_sandbox/feeds/{name}", self._feed, methods=["GET", "PUT"]),
        ]

    def _add_fault(self, body: Document) -> Json:
        body.only("match", "status", "delaySeconds", "drop", "edit", "times", "afterApply")
        match = body.text("match")
        try:
            re.compile(match)
        except re.error as error:
            raise InvalidArgument(f"match is no regular expression: {error}") from error
        fault = Fault(
            match,
            body.optional_whole("status"),
            body.number("delaySeconds") if "delaySeconds" in body else None,
            body.flag("drop"),
            self._read_edit(body.inner("edit")) if "edit" in body else None,
            body.whole("times", 1),
            body.flag("afterApply"),
        )
        if not match:
            raise InvalidArgument('match is missing: it is searched in "METHOD path".')
        if fault.status is None and fault.delay_seconds is None and not fault.drop and fault.edit is None:
            raise InvalidArgument("A fault needs one of status, delaySeconds, drop or edit.")
        if fault.status is not None and not 400 <= fault.status <= 599:
            raise InvalidArgument("status must be an error's, 400 to 599.")
        if fault.times < 1 or (fault.delay_seconds or 0) < 0:
            raise InvalidArgument("times must be 1 or more, delaySeconds 0 or more.")
        self._office.faults.add(fault)
        return _fault_json(fault)

    def _edit(self, body: Document) -> Json:
        self._office.person.cells.edit(self._read_edit(body))
        return {}

    def _read_edit(self, body: Document) -> PersonEdit:
        body.only("spreadsheet", "worksheet", "range", "values")
        edit = PersonEdit(
            body.text("spreadsheet"), body.text("worksheet"), body.text("range"), read_block(body.items("values"))
        )
        self._office.person.cells.check(edit)
        return edit

    def _set_quota(self, body: Document) -> Json:
        body.only("reads", "writes", "perSeconds", "projectReads", "projectWrites")
        if not body.fields:
            self._office.gate.set_quota(None)
            return {}
        of_project = body.optional_whole("projectReads"), body.optional_whole("projectWrites")
        quota = Quota(body.whole("reads", 60), body.whole("writes", 60), body.number("perSeconds"), *of_project)
        if quota.seconds <= 0 or any(
            calls < 0 for calls in (quota.reads, quota.writes, *of_project) if calls is not None
        ):
            raise InvalidArgument("Numbers of calls must be 0 or more, perSeconds more than 0.")
        self._office.gate.set_quota(quota)
        return {
            "reads": quota.reads,
            "writes": quota.writes,
            "perSeconds": quota.seconds,
            "projectReads": quota.project_reads,
            "projectWrites": quota.project_writes,
        }

    def _account(self, body: Document) -> Json:
        body.only("email", "type", "scopes")
        kind = body.choice("type", ("service_account", "authorized_user"), "service_account")
        email = body.text("email") or f"account-{secrets.token_hex(4)}@{PROJECT}.iam.gserviceaccount.com"
        if _ADDRESS.fullmatch(email) is None:
            raise InvalidArgument(f"'{email}' is no email address.")
        if kind == "authorized_user":
            scopes = tuple(body.texts("scopes")) or SCOPES
            if not all(scope.startswith(SCOPE_PREFIX) for scope in scopes):
                raise InvalidArgument(f"scopes must begin with {SCOPE_PREFIX}.")
            consent = self._office.consent(email, scopes)
            return {name: list(value) if isinstance(value, list) else value for name, value in consent.items()}
        return dict(self._office.account(email))

    def _revoke(self, body: Document) -> Json:
        body.only("email")
        if not self._office.revoke(body.text("email")):
            raise NotFound(f"There is no account '{body.text('email')}'.")
        return {}

    async def _feed(self, request: Request) -> Response:
        name = request.path_params["name"]
        if request.method == "PUT":
            if media_type(request.headers) in SIMPLE_TYPES:
                return _wrong_type(
                    "A feed's content type must be its document's, such as application/json or text/csv."
                )
            kind = request.headers.get("content-type", "application/octet-stream")
            body, expected, now = await request.body(), request.headers.get("if-match"), self._office.feeds.get(name)
            if expected is not None and (now is None or now.etag != expected):
                return JSONResponse({"error": "The feed was changed meanwhile: look at it again."}, status_code=412)
            key = request.query_params.get("key") or (None if now is None else now.key)
            self._office.feeds.put(name, kind, body, key)
            return Response(status_code=204)
        return await self._feeds.whole(request)


def json_route(http_method: str, name: str, method: Method, status: int = 200) -> Route:
    """A call of the control API: JSON in, JSON out, 204 where there is nothing to say."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        # A page of another site can send any other type unasked.
        if body and media_type(request.headers) != JSON:
            return _wrong_type(f"The content type must be {JSON}.")
        try:
            result = method(read_document(b"" if body.strip() == b"null" else body))
            if inspect.isawaitable(result):
                result = await result
        except NotFound as error:
            return JSONResponse({"error": error.message}, status_code=404)
        except (WorkbookError, ApiError) as error:
            return JSONResponse({"error": error.message}, status_code=400)
        return Response(status_code=204) if result is None else JSONResponse(result, status_code=status)

    return Route(f"/_sandbox/{name}", endpoint, methods=[http_method])


def _wrong_type(message: str) -> Response:
    return JSONResponse({"error": message}, status_code=415)


def _fault_json(fault: Fault) -> JsonObject:
    data: JsonObject = {"match": fault.match, "times": fault.times, "afterApply": fault.after_apply}
    if fault.status is not None:
        data["status"] = fault.status
    if fault.delay_seconds is not None:
        data["delaySeconds"] = fault.delay_seconds
    if fault.drop:
        data["drop"] = True
    if fault.edit is not None:
        data["edit"] = {
            "spreadsheet": fault.edit.spreadsheet,
            "worksheet": fault.edit.worksheet,
            "range": fault.edit.range,
            "values": [list(row) for row in fault.edit.values],
        }
    return data


def _call_json(call: RecordedCall) -> JsonObject:
    try:
        body: Json = orjson.loads(call.body) if call.body else None
    except orjson.JSONDecodeError:
        body = call.body.decode("utf-8", "replace")
    return {
        "at": call.at.isoformat(),
        "method": call.method,
        "path": call.path,
        "query": call.query,
        "account": call.account,
        "status": call.status,
        "body": body,
    }
