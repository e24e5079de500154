"""One authenticated call of Drive's API, and how its answers go out."""

import re
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.google import interface
from sandbox.google.auth import Gate
from sandbox.google.document import Document
from sandbox.google.errors import ApiError, BadRequest, answer, invalid_parameter
from sandbox.google.json_text import read_document
from sandbox.google.json_value import Json, JsonObject
from sandbox.google.masks import parse_mask
from sandbox.google.payload import unknown_fields
from sandbox.workbook.errors import InvalidArgument, WorkbookError

Method = Callable[["DriveCall"], JsonObject | Response | None]
_WHOLE = re.compile(r"[0-9]{1,18}")


class DriveCall:
    """`path` has the parts of the path by name, `file` among them."""

    def __init__(self, email: str, query: Mapping[str, str], path: Mapping[str, str], body: Document) -> None:
        self.email = email
        self.query = query
        self.path = path
        self.body = body

    def page(self) -> tuple[int, int]:
        """Offset and size of the page that is asked for."""
        token, size = self.query.get("pageToken", "0"), self.query.get("pageSize", "100")
        if not _WHOLE.fullmatch(token):
            raise invalid_parameter("pageToken", "Invalid Value")
        if not _WHOLE.fullmatch(size) or not 1 <= int(size) <= 1000:
            message = f"Invalid value '{size}'. Values must be within the range: [1, 1000]"
            raise invalid_parameter("pageSize", message, "invalidParameter")
        return int(token), int(size)


def drive_route(gate: Gate, http_method: str, path: str, method: Method) -> Route:
    """A method of Drive's API with a JSON body, for callers that the gate admits; 204 where it answers nothing."""
    called = known_method(http_method, path)

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        try:
            email = gate.admit(request, called)
            _check_fields(called, request.query_params.get("fields", ""))
            result = method(DriveCall(email, request.query_params, request.path_params, read_document(body)))
        except ApiError as error:
            return answer(error, request.url.path)
        except WorkbookError as error:
            return answer(BadRequest(error.message), request.url.path)
        if result is None:
            return Response(status_code=204)
        return result if isinstance(result, Response) else shown(result, request.query_params.get("fields"))

    return Route(path, endpoint, methods=[http_method])


def known_method(http_method: str, path: str) -> interface.Method:
    """What Google's interface says of the method at that path."""
    return interface.drive().methods[f"{http_method} {re.sub(r'{[^}]*}', '*', path)}"]


def _check_fields(method: interface.Method, fields: str) -> None:
    """Raises BadRequest where `fields` names what the answer can't have."""
    try:
        unknown = unknown_fields(interface.drive(), method, parse_mask(fields))
    except InvalidArgument as error:
        raise invalid_parameter("fields", f"Invalid field selection {fields}", "invalidParameter") from error
    if unknown:
        raise invalid_parameter("fields", f"Invalid field selection {unknown[0][-1]}", "invalidParameter")


def shown(result: Json, fields: str | None) -> Response:
    """The answer with these fields, which may be none at all; where they aren't given, files and permissions are shown
    in short."""
    if fields is None:
        return JSONResponse(_in_short(result))
    return JSONResponse(parse_mask(fields).filter(result) if fields else {})


_SHORT = {
    "drive#file": parse_mask("kind,id,name,mimeType"),
    "drive#permission": parse_mask("kind,id,type,role"),
}


def _in_short(result: Json) -> Json:
    if isinstance(result, list):
        return [_in_short(item) for item in result]
    if not isinstance(result, dict):
        return result
    mask = _SHORT.get(str(result.get("kind")))
    if mask is not None:
        return mask.filter(result)
    return {name: _in_short(value) for name, value in result.items()}
