"""Google's error bodies, for Sheets and for Drive, which word the same refusals differently.

ApiError
├── Unauthenticated      401 no token, or one that isn't valid any more
├── PermissionDenied     403 the file isn't shared with the account, or not for writing
├── EntityNotFound       404
├── BadRequest           400
├── NotSupported         400 Google can do this, the sandbox can't
└── QuotaExceeded        429
"""

from starlette.responses import JSONResponse

from sandbox.google.document import Json, JsonObject

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
_LOGIN = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


class ApiError(Exception):
    """A refusal with its HTTP status, Google's message and Drive's reason."""

    status = 500
    reason = "backendError"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.details: list[Json] = []


class Unauthenticated(ApiError):
    status = 401
    reason = "authError"


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


def missing_token() -> Unauthenticated:
    return Unauthenticated(f"Request is missing required authentication credential. {_LOGIN}")


def invalid_token() -> Unauthenticated:
    return Unauthenticated(f"Request had invalid authentication credentials. {_LOGIN}")


def no_permission() -> PermissionDenied:
    return PermissionDenied("The caller does not have permission")


def no_entity() -> EntityNotFound:
    return EntityNotFound("Requested entity was not found.")


def of_status(status: int) -> ApiError:
    """The error that Google answers with such a status, for faults."""
    error = ApiError(_MESSAGES.get(status, "The request failed, as a fault of the sandbox asked for."))
    error.status = status
    return error


def answer(error: ApiError, path: str) -> JSONResponse:
    """The response, worded for the API that the path belongs to."""
    body: JsonObject = {"code": error.status, "message": error.message}
    if path.startswith(("/drive/", "/upload/")):
        body["errors"] = [{"message": error.message, "domain": "global", "reason": error.reason}]
    body["status"] = STATUS_NAMES.get(error.status, "UNKNOWN")
    if error.details:
        body["details"] = error.details
    return JSONResponse({"error": body}, status_code=error.status)
