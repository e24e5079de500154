"""Checks uploads against Google's description of Drive, and what goes over `/token` and `/revoke` against OAuth's."""

import json
from email.parser import BytesParser
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from jsonschema_rs import Draft202012Validator

from sandbox.recorder import Exchange
from tests.sandbox.discovery import Api, Method, drive

_GRANTS = {
    "urn:ietf:params:oauth:grant-type:jwt-bearer": {"assertion"},
    "refresh_token": {"client_id", "client_secret", "refresh_token"},
}
_TOKEN = Draft202012Validator(
    {
        "type": "object",
        "required": ["access_token", "expires_in", "token_type"],
        "additionalProperties": False,
        "properties": {
            "access_token": {"type": "string", "pattern": r"^ya29\."},
            "expires_in": {"type": "integer", "exclusiveMinimum": 0},
            "token_type": {"const": "Bearer"},
            "scope": {"type": "string"},
        },
    }
)
_REFUSED = Draft202012Validator(
    {
        "type": "object",
        "required": ["error", "error_description"],
        "additionalProperties": False,
        "properties": {"error": {"type": "string", "pattern": "^[a-z_]+$"}, "error_description": {"type": "string"}},
    }
)


@lru_cache
def second_drive() -> Api:
    return Api("drive.v2")


def check_upload(exchange: Exchange) -> None:
    """An upload that was accepted: its parameters, what it says of the file, and the file that it is answered with."""
    query = parse_qs(exchange.query)
    api = second_drive() if exchange.raw_path.startswith("/upload/drive/v2/") else drive()
    goes_on = "upload_id" in query
    method = _method(api, exchange, goes_on)
    unknown = query.keys() - method.parameters - {"upload_id"}
    assert not unknown, f"{exchange.raw_path} takes no {unknown}"
    if not goes_on:
        told = _told(query["uploadType"][-1], exchange.body)
        if told is not None:
            api.check(method.request, told)
    if exchange.answer:
        api.check(method.response, json.loads(exchange.answer))


def check_token(exchange: Exchange) -> None:
    """A call of `/token` or `/revoke` with its answer."""
    answer = json.loads(exchange.answer)
    if exchange.status >= 400:
        _REFUSED.validate(answer)
        return
    form = parse_qs(exchange.body.decode())
    if exchange.raw_path == "/revoke":
        assert "token" in form or "token" in parse_qs(exchange.query)
        assert answer == {}
        return
    assert _GRANTS[form["grant_type"][0]] <= form.keys()
    _TOKEN.validate(answer)


def _method(api: Api, exchange: Exchange, goes_on: bool) -> Method:
    path = exchange.raw_path.removeprefix("/upload")
    # The pieces of an upload are PUT, whatever method began it.
    verbs = ("POST", "PATCH") if goes_on else (exchange.method,)
    found = [method for verb in verbs if (method := api.find(verb, path)) is not None]
    assert found, f"Google has no method {exchange.method} {exchange.raw_path}"
    return found[0]


def _told(kind: str, body: bytes) -> Any:
    """What an upload says of the file; None where it is the content alone."""
    if kind == "resumable":
        return json.loads(body) if body else {}
    if kind != "multipart":
        return None
    boundary = body.lstrip().splitlines()[0].removeprefix(b"--").decode()
    head = f'Content-Type: multipart/related; boundary="{boundary}"\r\n\r\n'.encode()
    part = BytesParser().parsebytes(head + body).get_payload(0)
    assert not isinstance(part, str)
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return json.loads(payload)
