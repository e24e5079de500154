"""Several calls of Drive in one: each of them with its answer, to be checked as if it had come alone."""

from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser

from sandbox.recorder import Exchange


def calls_of_batch(exchange: Exchange) -> Iterator[Exchange]:
    """The calls of `/batch/drive/v3`, in order, with their answers."""
    calls, answers = _parts(exchange.body), _parts(exchange.answer)
    assert len(calls) == len(answers) > 0
    for call, answer in zip(calls, answers, strict=True):
        assert answer["Content-ID"] == call["Content-ID"].replace("<", "<response-", 1)
        head, body = _split(call)
        status, answered = _split(answer)
        method, _, address = head.partition(" ")
        path, _, query = address.partition(" ")[0].partition("?")
        yield Exchange(method, path, query, body, int(status.split(" ")[1]), answered)


def _parts(body: bytes) -> list[Message]:
    boundary = body.lstrip().splitlines()[0].removeprefix(b"--").decode()
    head = f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'.encode()
    parts = BytesParser().parsebytes(head + body).get_payload()
    assert isinstance(parts, list)
    return [part for part in parts if isinstance(part, Message)]


def _split(part: Message) -> tuple[str, bytes]:
    """The first line of an HTTP message within a part, and its body."""
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    head, _, body = payload.replace(b"\r\n", b"\n").partition(b"\n\n")
    return head.split(b"\n")[0].decode(), body.strip()
