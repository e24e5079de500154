"""How a feed's requests are authorised. Credentials go to the origin that was registered, and to no other."""

import base64
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from db.errors import SourceUnreachable
from db.feeds import FeedAuth, FeedAuthKind

_EARLY_S: Final = 60.0
_DEFAULT_LIFE_S: Final = 3600.0
_REMEMBERED: Final = 4
"""Tokens of late: a server may still repeat one that it takes no more."""
_BY_TOKEN: Final = FeedAuthKind.OAUTH2_CLIENT_CREDENTIALS
_CODE: Final = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request carries besides the registered headers."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)


TokenCall = Callable[[str, Mapping[str, str], Mapping[str, str]], Awaitable[tuple[int, bytes]]]
"""Makes the call for a token: address, headers, form; status and body."""


class Authoriser:
    """The credentials of one feed. `call` fetches tokens; `clock` is monotonic, in seconds."""

    def __init__(self, auth: FeedAuth | None, secret: str | None, call: TokenCall, clock: Callable[[], float]) -> None:
        self._auth = auth
        self._secret = secret or ""
        self._call = call
        self._clock = clock
        self._token: str | None = None
        self._tokens: deque[str] = deque(maxlen=_REMEMBERED)
        self._until = 0.0

    @property
    def renews(self) -> bool:
        """Whether a refusal may be due to a token that ended early, so that another try is worth it."""
        return self._auth is not None and self._auth.kind is FeedAuthKind.OAUTH2_CLIENT_CREDENTIALS

    @property
    def secrets(self) -> Sequence[str]:
        """What nobody may see: what was given, what was received for it, and what goes out for it."""
        auth = self._auth
        user = None if auth is None else {FeedAuthKind.BASIC: auth.name, _BY_TOKEN: auth.client_id}.get(auth.kind)
        return [self._secret, *self._tokens, *([] if user is None else [_basic(user, self._secret)])]

    def forget(self) -> None:
        """The token was refused: the next request asks for a new one."""
        self._token = None

    async def credentials(self) -> Credentials:
        """For the next request. SourceUnreachable where no token can be had."""
        auth = self._auth
        if auth is None:
            return Credentials()
        match auth.kind:
            case FeedAuthKind.BEARER:
                return Credentials({"Authorization": f"Bearer {self._secret}"})
            case FeedAuthKind.HEADER:
                return Credentials({auth.name or "Authorization": self._secret})
            case FeedAuthKind.QUERY:
                return Credentials(parameters={auth.name or "key": self._secret})
            case FeedAuthKind.BASIC:
                return Credentials({"Authorization": _basic(auth.name or "", self._secret)})
            case FeedAuthKind.OAUTH2_CLIENT_CREDENTIALS:
                return Credentials({"Authorization": f"Bearer {await self._fresh_token(auth)}"})

    async def _fresh_token(self, auth: FeedAuth) -> str:
        if self._token is None or self._clock() >= self._until:
            form = {"grant_type": "client_credentials", **({"scope": auth.scope} if auth.scope else {})}
            headers = {"Authorization": _basic(auth.client_id or "", self._secret), "Accept": "application/json"}
            status, body = await self._call(auth.token_url or "", headers, form)
            self._token, life = _read_token(status, body)
            self._tokens.append(self._token)
            self._until = self._clock() + max(life - _EARLY_S, life / 2)
        return self._token


def _read_token(status: int, body: bytes) -> tuple[str, float]:
    try:
        answer = orjson.loads(body)
        token, life = answer.get("access_token"), answer.get("expires_in", _DEFAULT_LIFE_S)
        if status == 200 and isinstance(token, str) and token:
            return token, float(life)
        # The code alone: a description may repeat what it was sent.
        code = answer.get("error", "")
        reason = code if _CODE.fullmatch(str(code)) else "no access_token in the answer"
    except (ValueError, TypeError, AttributeError):
        reason = "the answer is no JSON object with a token"
    raise SourceUnreachable(
        f"The feed's tokenUrl gave no token (status {status}: {str(reason)[:200]}): correct `feed.auth`."
    )


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
