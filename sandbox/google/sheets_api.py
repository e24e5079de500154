"""The Sheets API's paths: finds the method, checks token and quota, answers."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qs, unquote

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.drive import Drive
from sandbox.google import data_filters, interface, spreadsheets, values
from sandbox.google.auth import Gate
from sandbox.google.call import Call
from sandbox.google.errors import ApiError, BadRequest, EntityNotFound, answer
from sandbox.google.json_text import read_body
from sandbox.google.json_value import JsonObject
from sandbox.google.masks import parse_mask
from sandbox.google.payload import check_mask, read_request
from sandbox.workbook.errors import WorkbookError

Method: TypeAlias = Callable[[Call], JsonObject]
# What is read by POST, since it is asked for in a body.
_READING = ("*:getByDataFilter", "*/values:batchGetByDataFilter", "*/developerMetadata:search")


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names: `shape` is the path with its variable parts as `*`."""

    shape: str
    file_id: str
    argument: str


class SheetsApi:
    """`/v4/spreadsheets` and all below it."""

    def __init__(self, drive: Drive, gate: Gate, base_url: str) -> None:
        self._drive = drive
        self._gate = gate
        self._methods: dict[str, Method] = {
            "POST ": lambda call: spreadsheets.create(call, base_url),
            "GET *": lambda call: spreadsheets.get(call, base_url),
            "POST *:batchUpdate": lambda call: spreadsheets.batch_update(call, base_url),
            "GET */values/*": values.get,
            "PUT */values/*": values.update,
            "POST */values/*:append": values.append,
            "POST */values/*:clear": values.clear,
            "GET */values:batchGet": values.batch_get,
            "POST */values:batchUpdate": values.batch_update,
            "POST */values:batchClear": values.batch_clear,
            "GET */developerMetadata/*": spreadsheets.metadata_get,
            "POST */developerMetadata:search": spreadsheets.metadata_search,
            "POST */sheets/*:copyTo": spreadsheets.copy_to,
            "POST *:getByDataFilter": lambda call: data_filters.get(call, base_url),
            "POST */values:batchGetByDataFilter": data_filters.batch_get,
            "POST */values:batchUpdateByDataFilter": data_filters.batch_update,
            "POST */values:batchClearByDataFilter": data_filters.batch_clear,
        }

    def routes(self) -> list[Route]:
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return [
            Route("/v4/spreadsheets", self._answer, methods=methods),
            Route("/v4/spreadsheets/{rest:path}", self._answer, methods=methods),
        ]

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        try:
            return self._do(request, body)
        except ApiError as error:
            return answer(error, request.url.path)
        except WorkbookError as error:
            return answer(BadRequest(error.message), request.url.path)

    def _do(self, request: Request, body: bytes) -> Response:
        raw = request.scope.get("raw_path", request.url.path.encode()).decode("utf-8", "replace")
        target = read_path(raw.removeprefix("/v4/spreadsheets").removeprefix("/"), request.method)
        do = self._methods.get(f"{request.method} {target.shape}")
        if do is None:
            raise EntityNotFound(f"The requested URL {request.url.path} was not found on this server.")
        method = interface.sheets().methods[f"{request.method} /v4/spreadsheets/{target.shape}".removesuffix("/")]
        email = self._gate.admit(request, method)
        self._gate.spend(email, reading=request.method == "GET" or target.shape in _READING)
        query = parse_qs(request.scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True)
        read = read_request(interface.sheets(), method, query, read_body(body))
        call = Call(self._drive, email, target.file_id, target.argument, query, read)
        mask = parse_mask(call.option("fields"))
        check_mask(interface.sheets(), method, mask)
        with _uncollected():
            return Response(orjson.dumps(mask.filter(do(call))), media_type="application/json; charset=UTF-8")


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for cycles meanwhile: an answer of a million cells has none, and to look for them, again and again,
    among all that is kept takes several times what making the answer does."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def read_path(path: str, method: str) -> Target:
    """Splits a raw path below `/v4/spreadsheets/`. A range may hold `:` and, escaped, `/`; only a known verb at the
    end of a POST is one."""
    if not path:
        return Target("", "", "")
    segments = path.split("/")
    shape, arguments = [], []
    for index, segment in enumerate(segments):
        name, colon, verb = segment.rpartition(":")
        if not colon or method == "PUT" or (index == 2 and verb not in ("append", "clear", "copyTo")):
            name, colon, verb = segment, "", ""
        if index % 2 == 0:
            arguments.append(unquote(name))
            name = "*"
        shape.append(f"{name}{colon}{verb}")
    return Target("/".join(shape), arguments[0], arguments[1] if len(arguments) > 1 else "")
