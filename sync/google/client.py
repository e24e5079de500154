"""gspread's HTTP client for a service account: one for each thread, by a key that may be changed under way."""

import threading
from collections.abc import Mapping
from typing import Any, Final

import requests
from google.auth.credentials import DEFAULT_UNIVERSE_DOMAIN
from google.auth.crypt import RSASigner
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.service_account import Credentials
from gspread.http_client import HTTPClient

from sync.google.credentials import ServiceAccount

_SCOPES: Final = (
    "https://www.googleapis.com/auth/spreadsheets",
    "https://www.googleapis.com/auth/drive.metadata.readonly",
)
# The third is asked by google-auth, by itself and with the tokens' session, where a service account may be used.
_HOSTS: Final = (
    "https://sheets.googleapis.com",
    "https://www.googleapis.com",
    "https://iamcredentials.googleapis.com",
)


class _Redirect(requests.adapters.HTTPAdapter):
    """Sends what is meant for Google's hosts to another server that speaks the same API, and around any proxy."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url.rstrip("/")

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002 - the signature is requests'
    ) -> requests.Response:
        request.url = self._base_url + request.path_url
        return super().send(request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies={})


class GoogleClients:
    """`api_url` None is Google itself. `timeout_s` bounds each call, that for a token included."""

    def __init__(self, account: ServiceAccount, api_url: str | None, timeout_s: float) -> None:
        self._api_url = api_url
        self._timeout_s = timeout_s
        self.use(account)

    def use(self, account: ServiceAccount) -> None:
        """From now on the clients call by this key; calls under way end by the one before."""
        self.account = account
        self._local = threading.local()
        self._credentials = Credentials(  # type: ignore[no-untyped-call]
            RSASigner(account.key, account.info.get("private_key_id")),  # type: ignore[no-untyped-call]
            account.email,
            account.info["token_uri"],
            scopes=list(_SCOPES),
            project_id=account.info.get("project_id"),
            universe_domain=account.info.get("universe_domain", DEFAULT_UNIVERSE_DOMAIN),
        )

    def client(self) -> HTTPClient:
        """This thread's."""
        local = self._local
        client: HTTPClient | None = getattr(local, "client", None)
        if client is None:
            client = self._make()
            local.client = client
        return client

    def _make(self) -> HTTPClient:
        credentials = self._credentials
        token_session = requests.Session()
        session = AuthorizedSession(  # type: ignore[no-untyped-call]
            credentials, refresh_timeout=self._timeout_s, auth_request=Request(token_session)
        )
        if self._api_url is not None:
            token_session.trust_env = False
            session.trust_env = False
            for host in _HOSTS:
                session.mount(host, _Redirect(self._api_url))
                token_session.mount(host, _Redirect(self._api_url))
        client = HTTPClient(auth=credentials, session=session)
        client.set_timeout(self._timeout_s)
        return client
