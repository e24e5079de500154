"""What Google's answers mean, and what the user does about them.

    SourceUnreachable
    ├── GoogleBusy           a server's error, a time-out, no connection: it may pass by itself
    │   └── QuotaUsedUp      too many calls in a minute
    ├── CredentialRefused    the key or the token: every call by this credential would be refused
    ├── GoogleRefused        400: just this request can't be carried out (a protected cell, a value too long)
    └── WorksheetMoved       the range's worksheet is not there: renamed or deleted since it was looked up

Anything else (403, 404) is a plain SourceUnreachable: the user has to act. Pure: answers in, errors out.
"""

import re
from collections.abc import Mapping
from typing import Final

import requests
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from gspread.exceptions import APIError

from db.errors import SourceUnreachable
from sync.google.credentials import ServiceAccount

_BUSY_STATUS: Final = frozenset({408, 429, 500, 502, 503, 504})
_GATEWAY_TIMEOUTS: Final = frozenset({408, 504})
_BUSY_REASONS: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"})
_DISABLED_REASONS: Final = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
_FULL: Final = "above the limit of"
# Of a write of several ranges the answer says first which of them it is about.
_RANGE_GONE: Final = re.compile(r"(Invalid data\[\d+\]: )?(Unable to parse range|No grid with id)")


class GoogleBusy(SourceUnreachable):
    """`unsent`: the request surely changed nothing. `over`: whatever it did is done by now; False while it may still
    be carried out (no answer came). `retry_after_s`: what Google asked for."""

    def __init__(self, message: str, *, unsent: bool, over: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.unsent = unsent
        self.over = over or unsent
        self.retry_after_s = retry_after_s


class QuotaUsedUp(GoogleBusy):
    """Nothing was carried out. `whole_project`: it is the project's quota, not the user's."""

    def __init__(self, retry_after_s: float | None, *, whole_project: bool) -> None:
        whose = "project" if whole_project else "service account"
        super().__init__(f"Google's quota of the {whose} is used up for now.", unsent=True, retry_after_s=retry_after_s)
        self.whole_project = whole_project


class CredentialRefused(SourceUnreachable):
    """A new key mends it, and nothing else does."""


class GoogleRefused(SourceUnreachable):
    """The request is wrong in itself: sending it again gives the same answer, and nothing of it was carried out."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def is_full(self) -> bool:
        """Whether the spreadsheet has as many cells as it may have."""
        return _FULL in self.reason


class WorksheetMoved(SourceUnreachable):
    """Look the worksheet up by its id again."""


def explain(error: Exception, account: ServiceAccount) -> SourceUnreachable:
    """The error of ours for what a call by that account raised. Reraises what is none of Google's."""
    email = account.email
    if isinstance(error, APIError):
        return _explain_answer(error.response, error.error, account)
    if isinstance(error, RefreshError) and not getattr(error, "retryable", False):
        return CredentialRefused(
            f"Google refused the key of {email} ({_first(error)}): it was revoked or deleted, or this machine's clock"
            f" is wrong. Create a new key for the service account and {account.mend}."
        )
    if isinstance(error, TransportError | RefreshError):
        # The token is fetched before the call: the call itself was never made.
        return GoogleBusy(f"Google's token endpoint could not be reached ({_first(error)}).", unsent=True)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return GoogleBusy("Google could not be reached: no connection in time.", unsent=True)
    if isinstance(error, requests.exceptions.Timeout):
        return GoogleBusy("Google did not answer in time.", unsent=False)
    if isinstance(error, requests.exceptions.RequestException):
        unsent = "NewConnectionError" in repr(error)
        return GoogleBusy("The connection to Google failed.", unsent=unsent)
    if isinstance(error, GoogleAuthError):
        return SourceUnreachable(f"The credential of {email} can't be used ({_first(error)}).")
    raise error


def _explain_answer(
    response: requests.Response, error: Mapping[str, object], account: ServiceAccount
) -> SourceUnreachable:
    status = response.status_code
    message = str(error.get("message", "")).strip() or response.reason
    reasons = _reasons(error)
    if status == 429 or reasons & _BUSY_REASONS:
        return QuotaUsedUp(_retry_after(response), whole_project=_limit(error).endswith("PerProject"))
    if status in _BUSY_STATUS:
        return GoogleBusy(
            f"Google answered {status}: {message}",
            unsent=False,
            over=status not in _GATEWAY_TIMEOUTS,
            retry_after_s=_retry_after(response),
        )
    if status == 400 and _RANGE_GONE.match(message):
        return WorksheetMoved(f"The worksheet is not in the spreadsheet any more (Google: {message}).")
    if status == 400:
        return GoogleRefused(f"Google refused the request: {message}", message)
    if status == 401:
        return CredentialRefused(
            f"Google refused the credential of {account.email}: its key was revoked or deleted. Create a new key and"
            f" {account.mend}."
        )
    return SourceUnreachable(_remedy(status, message, reasons, account.email))


def _remedy(status: int, message: str, reasons: frozenset[str], email: str) -> str:
    if status == 403 and reasons & _DISABLED_REASONS:
        return f"The API is not enabled in the service account's Google Cloud project: enable it there. ({message})"
    if status == 403:
        return (
            f"The spreadsheet is not shared with {email}, or only for reading: share it with that address as Editor"
            f" (Viewer is enough for FROM_SOURCE). Google: {message}"
        )
    if status == 404:
        return (
            f"There is no spreadsheet of that id, or it isn't shared with {email}: check the id in the sheet's address,"
            " and share the spreadsheet with that address as Editor."
        )
    return f"Google answered {status}: {message}"


def _reasons(error: Mapping[str, object]) -> frozenset[str]:
    """The machine-readable reasons: `errors[].reason` (Drive), `details[].reason` (Sheets)."""
    found: set[str] = set()
    for name in ("errors", "details"):
        entries = error.get(name)
        if isinstance(entries, list):
            found.update(str(entry["reason"]) for entry in entries if isinstance(entry, dict) and "reason" in entry)
    return frozenset(found)


def _limit(error: Mapping[str, object]) -> str:
    """The name of the limit that was passed, such as ReadRequestsPerMinutePerUser."""
    details = error.get("details")
    for entry in details if isinstance(details, list) else ():
        metadata = entry.get("metadata") if isinstance(entry, dict) else None
        if isinstance(metadata, dict) and "quota_limit" in metadata:
            return str(metadata["quota_limit"])
    return ""


def _retry_after(response: requests.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _first(error: Exception) -> str:
    return str(error.args[0]) if error.args else type(error).__name__
