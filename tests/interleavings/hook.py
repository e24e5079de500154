"""Whoever edits a source and says so at once: the calls of its hook, signed as docs/api.md says."""

import time
from typing import Any, Final

import httpx

from sandbox.triggers import sign
from tests.interleavings.sides import Sides
from tests.loopback import LOOPBACK

_ROTATE: Final = "mutation ($name: String!) { rotateHookSecret(name: $name) { url secret } }"


async def hook_of(sides: Sides) -> dict[str, Any]:
    """The `url` of the source's hook and a new `secret`."""
    shown: dict[str, Any] = (await sides.graphql(_ROTATE))["rotateHookSecret"]
    return shown


class Hook:
    """`call` is accepted, `forge` is not."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret

    async def call(self) -> None:
        assert await self._post(self._secret) == 202

    async def forge(self) -> None:
        """As somebody who knows the address alone."""
        assert await self._post("guessed") == 401

    async def _post(self, secret: str) -> int:
        body, stamp = b"{}", str(int(time.time()))
        signed = {"X-Rowcast-Timestamp": stamp, "X-Rowcast-Signature": sign(secret, stamp, body)}
        async with httpx.AsyncClient(**LOOPBACK) as http:
            return (await http.post(self._url, content=body, headers=signed)).status_code
