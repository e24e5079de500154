"""Who calls, and what they may: access tokens with their scopes, and the quota of each account."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request

from sandbox.accounts import LEGACY_SCOPE
from sandbox.google.errors import QuotaExceeded, insufficient_scopes, invalid_token, missing_token
from sandbox.google.interface import Method
from sandbox.tokens import TokenOffice


@dataclass(frozen=True, slots=True)
class Quota:
    """Calls that each account, and all of a project's together, may make within `seconds`; None: any number.

    Reads and writes count apart.
    """

    reads: int
    writes: int
    seconds: float
    project_reads: int | None = None
    project_writes: int | None = None

    def limits(self, email: str, reading: bool) -> tuple[tuple[str, str, int | None], ...]:
        """What a call counts against: Google's word for it, whose, and how many there may be."""
        return (
            ("Project", email.partition("@")[2], self.project_reads if reading else self.project_writes),
            ("User", email, self.reads if reading else self.writes),
        )


class Gate:
    """Admits calls: by token, and by quota where one is set. `clock` gives the moment, with an offset."""

    def __init__(self, tokens: TokenOffice, clock: Callable[[], datetime]) -> None:
        self._tokens = tokens
        self._clock = clock
        self._spent: dict[tuple[str, str, bool], deque[datetime]] = {}
        self._quota: Quota | None = None

    @property
    def quota(self) -> Quota | None:
        return self._quota

    def set_quota(self, quota: Quota | None) -> None:
        """Sets the quota, or none; counting begins anew."""
        self._quota = quota
        self._spent.clear()

    def admit(self, request: Request, method: Method) -> str:
        """The account that calls.

        Raises:
            Unauthenticated: no token, an unknown one, or one that has expired.
            PermissionDenied: the token is for other scopes than the method's.
        """
        header = request.headers.get("authorization", "")
        token = header[7:].strip() if header[:7].lower() == "bearer " else request.query_params.get("access_token", "")
        if not token:
            raise missing_token(request.method)
        held = self._tokens.find(token)
        if held is None:
            raise invalid_token()
        request.scope["sandbox.account"] = held.email
        allowed = {"spreadsheets" if scope == LEGACY_SCOPE else scope.rpartition("/")[2] for scope in held.scopes}
        if method.scopes.isdisjoint(allowed):
            raise insufficient_scopes(method.method_id.partition(".")[0], method.rpc, method.scopes)
        return held.email

    def spend(self, email: str, reading: bool) -> None:
        """Counts a call of the Sheets API.

        Raises:
            QuotaExceeded: the account, or its project, has made too many.
        """
        if self._quota is None:
            return
        now = self._clock()
        kind = "Read" if reading else "Write"
        counted = []
        for per, whose, limit in self._quota.limits(email, reading):
            if limit is None:
                continue
            spent = self._spent.setdefault((per, whose, reading), deque())
            while spent and spent[0] <= now - timedelta(seconds=self._quota.seconds):
                spent.popleft()
            if len(spent) >= limit:
                raise _exceeded(kind, per, limit)
            counted.append(spent)
        for spent in counted:
            spent.append(now)


def _exceeded(kind: str, per: str, limit: int) -> QuotaExceeded:
    whose = "per minute per user" if per == "User" else "per minute"
    error = QuotaExceeded(
        f"Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests {whose}' of "
        "service 'sheets.googleapis.com' for consumer 'project_number:0'."
    )
    error.details = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": {
                "service": "sheets.googleapis.com",
                "quota_metric": f"sheets.googleapis.com/{kind.lower()}_requests",
                "quota_limit": f"{kind}RequestsPerMinutePer{per}",
                "quota_limit_value": str(limit),
                "quota_location": "global",
                "consumer": "projects/0",
            },
        },
        {
            "@type": "type.googleapis.com/google.rpc.Help",
            "links": [
                {
                    "description": "Request a higher quota limit.",
                    "url": "https://cloud.google.com/docs/quotas/help/request_increase",
                }
            ],
        },
    ]
    return error
