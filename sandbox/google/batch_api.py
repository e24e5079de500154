"""Several calls of Drive's API in one request, `multipart/mixed`: each is carried out and answered for itself."""

import secrets
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import TypeAlias

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.google.errors import BadRequest, answer

_MOST = 100
_PATHS = "/drive/v3/"
_Call: TypeAlias = tuple[str, str, dict[str, str], str]


class BatchApi:
    """`/batch/drive/v3`. Google has none for Sheets, whose batches are methods of their own."""

    def routes(self) -> list[Route]:
        return [Route("/batch/drive/v3", self._answer, methods=["POST"])]

    async def _answer(self, request: Request) -> Response:
        kind, body = request.headers.get("Content-Type", ""), await request.body()
        read = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        parts = list(read.iter_parts()) if read.is_multipart() else []
        try:
            if not 1 <= len(parts) <= _MOST:
                raise BadRequest(f"The batch must have 1 to {_MOST} calls; it has {len(parts)}.")
            calls = [(part.get("Content-ID", ""), _call(part)) for part in parts]
        except BadRequest as error:
            return answer(error, _PATHS)
        boundary = f"batch_{secrets.token_urlsafe(16)}"
        written = []
        transport = httpx.ASGITransport(app=request.app.router)
        async with httpx.AsyncClient(transport=transport, base_url=str(request.base_url)) as client:
            for name, (method, path, headers, content) in calls:
                shared = {"Authorization": request.headers.get("Authorization", "")}
                response = await client.request(method, path, headers={**shared, **headers}, content=content)
                written.append(_part(boundary, name, response))
        text = "".join(written) + f"--{boundary}--\r\n"
        return Response(text, media_type=f"multipart/mixed; boundary={boundary}")


def _call(part: Message) -> _Call:
    """Method, path, headers and body of a part, which is a request as HTTP/1.1 writes it."""
    payload = part.get_payload(decode=True)
    text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    head, _, content = text.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    words = first.split(" ")
    if len(words) < 2 or not words[1].startswith(_PATHS):
        raise BadRequest(f"A call of the batch must be one of {_PATHS}, not '{first}'.")
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    kept = {name: value for name, value in headers.items() if name.lower() in ("content-type", "authorization")}
    try:
        httpx.Request(words[0], httpx.URL(f"http://localhost{words[1]}"), headers=kept)
    except (httpx.InvalidURL, UnicodeEncodeError) as error:
        raise BadRequest(f"A call of the batch can't be read: {error}") from error
    return words[0], words[1], kept, content


def _part(boundary: str, name: str, response: httpx.Response) -> str:
    """The answer as a part; it is named after the call."""
    shown = f"<response-{name.removeprefix('<')}" if name else f"<response-{secrets.token_hex(4)}>"
    return (
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: {shown}\r\n\r\n"
        f"HTTP/1.1 {response.status_code} {response.reason_phrase}\r\n"
        f"Content-Type: {response.headers.get('Content-Type', 'application/json')}\r\n"
        f"Content-Length: {len(response.content)}\r\n\r\n{response.text}\r\n"
    )
