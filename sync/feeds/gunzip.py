"""Unpacks a document as it comes in, within a limit. By hand: httpx would unpack a few bytes to gigabytes at once."""

import zlib
from typing import Final

from db.errors import SourceUnreachable
from sync.feeds.errors import FeedBusy

_GZIP: Final = b"\x1f\x8b"
_STEP: Final = 2**20


class Unpacker:
    """Unpacks gzip, known by how it begins, within a limit for both."""

    def __init__(self, limit: int, where: str) -> None:
        self._limit = limit
        self._where = where
        self._packed = 0
        self._unpacked = 0
        self._start = b""
        self._gzip: zlib._Decompress | None = None
        self._begun = False

    def feed(self, part: bytes) -> list[bytes]:
        self._packed += len(part)
        self._check(self._packed)
        if not self._begun:
            self._start += part
            if len(self._start) < len(_GZIP):
                return []
            part, self._begun = self._start, True
            if part.startswith(_GZIP):
                self._gzip = zlib.decompressobj(wbits=31)
        if self._gzip is None:
            return [part]
        return self._unpack(part)

    def end(self) -> list[bytes]:
        """What is left. FeedBusy where the document is cut off."""
        if self._gzip is not None and not self._gzip.eof:
            raise FeedBusy(f"{self._where}: the packed document is cut off.")
        return [] if self._begun else [self._start]

    def _unpack(self, part: bytes) -> list[bytes]:
        assert self._gzip is not None
        chunks = []
        while part:
            try:
                chunk = self._gzip.decompress(part, _STEP)
            except zlib.error as error:
                raise FeedBusy(f"{self._where}: the packed document is broken ({error}).") from error
            self._unpacked += len(chunk)
            self._check(self._unpacked)
            chunks.append(chunk)
            part = self._gzip.unconsumed_tail
            if self._gzip.eof and self._gzip.unused_data:
                # Several members, one behind the other, are one document.
                part, self._gzip = self._gzip.unused_data, zlib.decompressobj(wbits=31)
        return chunks

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise SourceUnreachable(
                f"{self._where} is larger than {self._limit:,} bytes: page it, or raise ROWCAST_FEED_BODY_BYTES."
            )
