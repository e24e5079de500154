"""Google's error bodies, for Sheets and for Drive, which word the same refusals differently.

ApiError
├── Unauthenticated      401 a token that isn't valid any more
├── PermissionDenied     403 no token; the file isn't shared with the account, or not for writing
├── EntityNotFound       404
├── BadRequest           400
├── NotSupported         400 Google can do this, the sandbox can't
└── QuotaExceeded        429
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from sandbox.google.json_value import Json, JsonObject

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_MESSAGES = {
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
    504: "Deadline expired before operation could complete.",
}
_CHALLENGE = 'Bearer realm="https://accounts.google.com/"'
_LOGIN = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


class ApiError(Exception):
    """A refusal with its HTTP status, Google's message and Drive's reason."""

    status = 500
    reason = "backendError"
    short = ""  # Drive's own words, where they aren't the message
    location: tuple[str, str] | None = None  # Drive's name of what is at fault, and the kind of thing that it is
    at_the_gate = False  # refused before the API saw it: Drive's own refusals bear no name of the status

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.details: list[Json] = []
        self.headers: dict[str, str] = {}


class Unauthenticated(ApiError):
    status = 401
    reason = "authError"
    location = ("Authorization", "header")
    at_the_gate = True


class PermissionDenied(ApiError):
    status = 403
    reason = "forbidden"


class EntityNotFound(ApiError):
    status = 404
    reason = "notFound"


class BadRequest(ApiError):
    status = 400
    reason = "badRequest"


class NotSupported(BadRequest):
    """Google can do this and the sandbox can't."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The sandbox doesn't support {what}. Google does: see docs/sandbox.md for what is covered.")


class QuotaExceeded(ApiError):
    status = 429
    reason = "rateLimitExceeded"


def missing_token(http_method: str) -> ApiError:
    """A GET could come with an API key: without any credentials it is for Google an unknown program's."""
    if http_method != "GET":
        unsigned = Unauthenticated(f"Request is missing required authentication credential. {_LOGIN}")
        unsigned.reason, unsigned.short = "required", "Login Required."
        unsigned.headers = {"WWW-Authenticate": _CHALLENGE}
        return unsigned
    error = PermissionDenied(
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API."
    )
    error.at_the_gate = True
    return error


def invalid_token() -> Unauthenticated:
    error = Unauthenticated(f"Request had invalid authentication credentials. {_LOGIN}")
    error.short = "Invalid Credentials"
    error.headers = {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'}
    return error


def insufficient_scopes(api: str, rpc: str, scopes: Iterable[str]) -> PermissionDenied:
    """The token isn't for any of these scopes, one of which the API's method needs."""
    error = PermissionDenied("Request had insufficient authentication scopes.")
    error.reason, error.short, error.at_the_gate = "insufficientPermissions", "Insufficient Permission", True
    accepted = " ".join(f"https://www.googleapis.com/auth/{scope}" for scope in sorted(scopes))
    error.headers = {"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope", scope="{accepted}"'}
    error.details = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
            "metadata": {"service": f"{api}.googleapis.com", "method": rpc},
        }
    ]
    return error


def no_permission() -> PermissionDenied:
    return PermissionDenied("The caller does not have permission")


def no_entity() -> EntityNotFound:
    return EntityNotFound("Requested entity was not found.")


def invalid_parameter(name: str, message: str, reason: str = "invalid", kind: str = "parameter") -> BadRequest:
    """Drive's refusal of one parameter; of `kind` `other` it is a part of the body."""
    error = BadRequest(message)
    error.reason, error.location = reason, (name, kind)
    return error


def required_parameter(name: str) -> BadRequest:
    return invalid_parameter(name, f"Required parameter: {name}", "required")


def not_found(parameter: str, message: str) -> EntityNotFound:
    """Drive's refusal of an id that names nothing."""
    error = EntityNotFound(message)
    error.location = (parameter, "parameter")
    return error


def invalid_fields(violations: Sequence[tuple[str, str]], message: str = "") -> BadRequest:
    """The refusal of a request for what stands in it: each place (empty: the request itself), and what is wrong."""
    error = BadRequest(message or "\n".join(text for _, text in violations))
    found: list[Json] = [{"field": at, "description": text} if at else {"description": text} for at, text in violations]
    error.details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": found}]
    return error


def of_status(status: int) -> ApiError:
    """The error that Google answers with such a status, for faults."""
    error = ApiError(_MESSAGES.get(status, "The request failed, as a fault of the sandbox asked for."))
    error.status = status
    return error


def answer(error: ApiError, path: str) -> JSONResponse:
    """The response, worded for the API that the path belongs to."""
    body: JsonObject = {"code": error.status, "message": error.message}
    if path.startswith(("/drive/", "/upload/")):
        one: JsonObject = {"message": error.short or error.message, "domain": "global", "reason": error.reason}
        if error.location is not None:
            one["location"], one["locationType"] = error.location
        body["errors"] = [one]
    if error.at_the_gate or "errors" not in body:
        body["status"] = STATUS_NAMES.get(error.status, "UNKNOWN")
    if error.details:
        body["details"] = error.details
    return JSONResponse({"error": body}, status_code=error.status, headers=error.headers)
