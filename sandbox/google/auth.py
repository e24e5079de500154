"""Who calls: access tokens, the token endpoint, and the quota of each account."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.accounts import TOKEN_LIFETIME, GrantRefused, TokenOffice
from sandbox.google.errors import QuotaExceeded, invalid_token, missing_token

_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


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

    def admit(self, request: Request) -> str:
        """The account that calls.

        Raises:
            Unauthenticated: no token, an unknown one, or one that has expired.
        """
        header = request.headers.get("authorization", "")
        token = header[7:].strip() if header[:7].lower() == "bearer " else request.query_params.get("access_token", "")
        if not token:
            raise missing_token()
        email = self._tokens.owner(token)
        if email is None:
            raise invalid_token()
        request.scope["sandbox.account"] = email
        return email

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
                raise _exceeded(kind, per)
            counted.append(spent)
        for spent in counted:
            spent.append(now)


class TokenEndpoint:
    """`POST /token`: the service account's JWT grant; and the lookup of regional limits that google-auth makes with
    every new token (there are none)."""

    def __init__(self, tokens: TokenOffice) -> None:
        self._tokens = tokens

    def routes(self) -> list[Route]:
        regions = "/v1/projects/-/serviceAccounts/{email}/allowedLocations"
        return [Route("/token", self._token, methods=["POST"]), Route(regions, self._regions)]

    async def _regions(self, _request: Request) -> Response:
        return JSONResponse({"locations": [], "encodedLocations": "0x0"})

    async def _token(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        grant = form.get("grant_type", [""])[0]
        try:
            if grant != _JWT_GRANT:
                raise GrantRefused("unsupported_grant_type", f"Invalid grant_type: {grant}")
            token = self._tokens.grant(form.get("assertion", [""])[0])
        except GrantRefused as refused:
            body = {"error": refused.error, "error_description": refused.description}
            return JSONResponse(body, status_code=400)
        seconds = int(TOKEN_LIFETIME.total_seconds()) - 1
        return JSONResponse({"access_token": token, "expires_in": seconds, "token_type": "Bearer"})


def _exceeded(kind: str, per: str) -> QuotaExceeded:
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
                "consumer": "projects/0",
            },
        }
    ]
    return error
