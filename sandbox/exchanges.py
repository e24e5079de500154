"""A file of what was exchanged, one line of JSON for each call with its answer: written where the environment names it,
for tests whose sandbox is another process."""

import base64
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import orjson

from sandbox.recorder import Exchange, Watch

VARIABLE = "SANDBOX_EXCHANGES"


def named() -> Watch | None:
    """Writes into the file that the environment names; None where it names none."""
    path = os.environ.get(VARIABLE)
    return partial(_write, path) if path else None


def read(path: Path, position: int = 0) -> Iterator[tuple[Exchange, int]]:
    """The exchanges from that position on, each with the position after it; not one that is still being written."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        lines.seek(position)
        for line in lines:
            if not line.endswith(b"\n"):
                return
            position += len(line)
            fields = orjson.loads(line)
            body, answer = (base64.b64decode(fields.pop(name)) for name in ("body", "answer"))
            yield Exchange(**fields, body=body, answer=answer), position


def _write(path: str, exchange: Exchange) -> None:
    """In one call, so that a killed process leaves no half line, and several may write."""
    fields = {
        "method": exchange.method,
        "raw_path": exchange.raw_path,
        "query": exchange.query,
        "body": base64.b64encode(exchange.body).decode(),
        "status": exchange.status,
        "answer": base64.b64encode(exchange.answer).decode(),
    }
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, orjson.dumps(fields) + b"\n")
    finally:
        os.close(file)
