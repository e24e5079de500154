"""Serves feeds as a stranger's server would: whole or page by page, with ETags, and writable record by record.

GET, PUT (upsert), POST (insert) and DELETE of a list, GET, PUT, PATCH and DELETE of one record. A write that repeats an
Idempotency-Key gets the first one's answer and changes nothing.
"""

import hashlib
from collections.abc import Callable
from email.utils import format_datetime, parsedate_to_datetime

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.feeds.records import Records
from sandbox.feeds.shelf import Answered, Feed, Shelf
from sandbox.feeds.unreadable import Unreadable
from sandbox.guard import SIMPLE_TYPES, media_type

_Write = Callable[[Records, str, bytes], "tuple[int, bytes]"]


class Refused(Exception):
    """A write that can't be carried out."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class FeedServer:
    """`/feeds/{name}` and `/feeds/{name}/{key}`."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._list: dict[str, _Write] = {"PUT": _upsert, "POST": _insert, "DELETE": _remove_all}
        self._one: dict[str, _Write] = {"PUT": _put, "PATCH": _patch, "DELETE": _remove}

    def routes(self) -> list[Route]:
        return [
            Route("/feeds/{name}", self.whole, methods=["GET"]),
            Route("/feeds/{name}", self._write, methods=list(self._list)),
            Route("/feeds/{name}/{key:path}", self._record, methods=["GET"]),
            Route("/feeds/{name}/{key:path}", self._write, methods=list(self._one)),
        ]

    async def whole(self, request: Request) -> Response:
        """The document, or a page of it where the query has a `size`."""
        feed = self._shelf.get(request.path_params["name"])
        if feed is None:
            return _no_feed(request)
        headers = {
            "Content-Type": feed.content_type,
            "ETag": feed.etag,
            "Last-Modified": format_datetime(feed.modified_at.replace(microsecond=0), usegmt=True),
        }
        if _is_known(request, feed):
            return Response(status_code=304, headers=headers)
        if "size" not in request.query_params:
            return Response(feed.body, headers=headers)
        try:
            return _page(request, feed, headers)
        except (Unreadable, ValueError) as error:
            return _refusal(400, str(error))

    async def _record(self, request: Request) -> Response:
        feed, key = self._shelf.get(request.path_params["name"]), request.path_params["key"]
        if feed is None:
            return _no_feed(request)
        try:
            records = feed.records()
            if key not in records.all_keys():
                return _refusal(404, f"There is no record {key!r}.")
            return Response(records.render_one(key), headers={"Content-Type": feed.content_type})
        except Unreadable as error:
            return _refusal(400, str(error))

    async def _write(self, request: Request) -> Response:
        name, key = request.path_params["name"], request.path_params.get("key")
        body = await request.body()
        if body and media_type(request.headers) in SIMPLE_TYPES:
            return _refusal(415, "The content type must be the feed's, such as application/json.")
        feed = self._shelf.get(name)
        if feed is None:
            return _no_feed(request)
        write = self._list[request.method] if key is None else self._one[request.method]
        once, digest = request.headers.get("idempotency-key"), _digest(request, body)
        before = None if once is None else self._shelf.answered(name, once)
        if before is not None and before.request != digest:
            return _refusal(422, "This Idempotency-Key was used for another request.")
        if before is None:
            before = self._carry_out(name, feed, write, key or "", body, digest)
            if once is not None and before.status < 500:
                self._shelf.keep(name, once, before)
        kind = feed.content_type if before.status < 400 else "application/json"
        return Response(before.body, status_code=before.status, headers={"Content-Type": kind})

    def _carry_out(self, name: str, feed: Feed, write: _Write, key: str, body: bytes, digest: str) -> Answered:
        try:
            records = feed.records()
            status, answer = write(records, key, body)
        except Refused as refused:
            return Answered(digest, refused.status, _error(str(refused)))
        except Unreadable as error:
            return Answered(digest, 400, _error(str(error)))
        self._shelf.put(name, feed.content_type, records.render(), feed.key)
        return Answered(digest, status, answer)


def _upsert(records: Records, _: str, body: bytes) -> tuple[int, bytes]:
    for key, record in records.parse(body)[0]:
        records.put(key, record)
    return 204, b""


def _insert(records: Records, _: str, body: bytes) -> tuple[int, bytes]:
    new, several = records.parse(body)
    taken = set(records.all_keys())
    for key, record in new:
        if key in taken:
            raise Refused(409, f"There is a record {key!r} already.")
        records.put(key, record)
    return (204, b"") if several or not new else (201, records.render_one(new[0][0]))


def _remove_all(records: Records, _: str, body: bytes) -> tuple[int, bytes]:
    present = set(records.all_keys())
    for key, _record in records.parse(body)[0]:
        if key in present:
            records.remove(key)
    return 204, b""


def _put(records: Records, key: str, body: bytes) -> tuple[int, bytes]:
    known = key in records.all_keys()
    records.put(key, records.parse_one(body))
    return 200 if known else 201, records.render_one(key)


def _patch(records: Records, key: str, body: bytes) -> tuple[int, bytes]:
    _require(records, key)
    records.patch(key, records.parse_one(body))
    return 200, records.render_one(key)


def _remove(records: Records, key: str, _: bytes) -> tuple[int, bytes]:
    _require(records, key)
    records.remove(key)
    return 204, b""


def _require(records: Records, key: str) -> None:
    if key not in records.all_keys():
        raise Refused(404, f"There is no record {key!r}.")


def _page(request: Request, feed: Feed, headers: dict[str, str]) -> Response:
    query = request.query_params
    size = max(1, int(query["size"]))
    paged = "page" in query
    start = (int(query["page"]) - 1) * size if paged else int(query.get("cursor") or query.get("offset") or 0)
    records = feed.records()
    following, cursor = start + size, None
    next_url = None
    if following < len(records.all_keys()):
        cursor = str(following)
        moved = {"page": following // size + 1} if paged else {"offset": following}
        next_url = str(request.url.include_query_params(**moved).remove_query_params("cursor"))
        headers["Link"] = f'<{next_url}>; rel="next"'
    # One page's tag says nothing of the others.
    del headers["ETag"], headers["Last-Modified"]
    return Response(records.render_page(start, size, next_url, cursor), headers=headers)


def _is_known(request: Request, feed: Feed) -> bool:
    if "size" in request.query_params:
        return False
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return "*" in tags or feed.etag in [tag.strip().removeprefix("W/") for tag in tags.split(",")]
    since = request.headers.get("if-modified-since")
    try:
        return since is not None and feed.modified_at.replace(microsecond=0) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False


def _digest(request: Request, body: bytes) -> str:
    return hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + body).hexdigest()


def _no_feed(request: Request) -> Response:
    return _refusal(404, f"There is no feed '{request.path_params['name']}': PUT its document first.")


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=status)


def _error(message: str) -> bytes:
    return orjson.dumps({"error": message})
