"""Prepares the demo over the public interfaces: the service account, the sheet and its script, the feeds.

Every step may be done again at each start: what is there stays.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from api.cli_error import CommandError
from api.settings_secrets import write_private
from sync.apps_script import CODE, SET_UP

NAME: Final = "customers"
_TIMEOUT_S: Final = 30.0

_FIND: Final = "query ($name: String!) { source(name: $name) { name url hookUrl } }"
_REGISTER: Final = "mutation ($input: RegisterSourceInput!) { registerSource(input: $input) { name url hookUrl } }"
_SYNC: Final = "mutation ($name: String!) { syncSource(name: $name) { state } }"
_ROTATE: Final = "mutation ($name: String!) { rotateHookSecret(name: $name) { url secret } }"


@dataclass(frozen=True, slots=True)
class DemoSheet:
    """The workbook in the sandbox, and the account that reads it."""

    spreadsheet: str
    account: str


@dataclass(frozen=True, slots=True)
class DemoFeed:
    """A feed in the sandbox. `key` is the column that tells its records apart, `record_key` the field."""

    name: str
    content_type: str
    document: bytes
    key: str
    record_key: str


class DemoSetup:
    """`server` and `sandbox` are base URLs without a slash at the end; `token` is what the server's API asks for."""

    def __init__(self, server: str, sandbox: str, sheet: DemoSheet, token: str | None = None) -> None:
        self._server = server
        self._sandbox = sandbox
        self._sheet = sheet
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        # The demo is on this machine: a proxy of the environment isn't asked.
        self._client = httpx.Client(timeout=_TIMEOUT_S, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def answers(self, url: str) -> bool:
        """Whether a GET is answered with success."""
        try:
            return self._client.get(url).is_success
        except httpx.TransportError:
            return False

    def write_service_account(self, path: Path) -> None:
        """Google's own format. Written at each start: its `token_uri` names the sandbox's port."""
        answer = self._client.post(f"{self._sandbox}/_sandbox/accounts", json={"email": self._sheet.account})
        write_private(path, json.dumps(_success(answer).json(), indent=2) + "\n")

    def register(self) -> None:
        """Registers the sheet, unless it is, and waits until its rows are in the table."""
        if self._graphql(_FIND, {"name": NAME})["source"] is None:
            sheet = {"spreadsheet": self._sheet.spreadsheet, "worksheet": NAME}
            self._graphql(_REGISTER, {"input": {"name": NAME, "sheet": sheet, "key": ["id"], "pollSeconds": 5}})
            self._graphql(_SYNC, {"name": NAME})

    def connect_trigger(self) -> None:
        """Lets each edit of a person call the hook: pastes the script into the spreadsheet, and sets it up."""
        hook = self._graphql(_ROTATE, {"name": NAME})["rotateHookSecret"]
        assert hook is not None  # the schema has it non-null
        project = {
            "spreadsheet": self._sheet.spreadsheet,
            "script": CODE.read_text(encoding="utf-8"),
            "function": SET_UP,
            "answers": [hook["url"], hook["secret"]],
        }
        execution = _success(self._client.post(f"{self._sandbox}/_sandbox/scripts", json=project)).json()
        if execution["error"] is not None:
            raise CommandError(f"The script in the sheet {NAME} could not be set up: {execution['error']}")

    def put_feed(self, feed: DemoFeed) -> None:
        """Gives the sandbox the feed's document, unless it has one."""
        url = f"{self._sandbox}/_sandbox/feeds/{feed.name}"
        if self._client.get(url).status_code == httpx.codes.NOT_FOUND:
            headers = {"Content-Type": feed.content_type}
            _success(self._client.put(url, params={"key": feed.record_key}, content=feed.document, headers=headers))

    def register_feed(self, feed: DemoFeed) -> None:
        """Registers the feed both ways, record by record, unless it is, and waits until it is in the table."""
        if self._graphql(_FIND, {"name": feed.name})["source"] is not None:
            return
        url = f"{self._sandbox}/feeds/{feed.name}"
        one = f"{url}/{{{feed.key}}}"
        write = {"upsert": {"method": "PUT", "url": one}, "delete": {"method": "DELETE", "url": one}}
        wanted = {"name": feed.name, "feed": {"url": url, "write": write}, "key": [feed.key], "pollSeconds": 1}
        self._graphql(_REGISTER, {"input": wanted})
        self._graphql(_SYNC, {"name": feed.name})

    def _graphql(self, query: str, variables: dict[str, object]) -> dict[str, dict[str, str] | None]:
        request = {"query": query, "variables": variables}
        answer = self._client.post(f"{self._server}/graphql", json=request, headers=self._headers)
        document = answer.json() if answer.headers.get("content-type", "").startswith("application/") else {}
        if document.get("errors"):
            raise CommandError(f"The server refused to prepare the demo: {document['errors'][0]['message']}")
        data: dict[str, dict[str, str] | None] = _success(answer).json()["data"]
        return data


def _success(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        raise CommandError(f"{answer.request.url} answered {answer.status_code}: {answer.text[:500]}")
    return answer
