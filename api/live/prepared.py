"""One message for many: its bytes but for the id, as WebSocket frames, compressed once. Pure.

A `next` message is the id's part, which each subscription keeps, and what all of its group get. A compressed one is a
stored deflate block with the id's part, then the shared part's compressed block (RFC 7692, 7.2.3.4: a message may have
several blocks). Neither refers to what was sent before, so the connection must be without context takeover.
"""

import json
import zlib

import orjson

SMALLEST = 256
"""Bytes that are worth compressing."""

_SMALLEST_WINDOW = 9

_TEXT, _COMPRESSED = 0x81, 0xC1


def next_prefix(operation: str) -> bytes:
    """The beginning of every `next` message of an operation."""
    return b'{"id":' + encode_json(operation) + b',"type":"next","payload":'


def encode_json(value: object) -> bytes:
    """Compact JSON in UTF-8, whatever a row may hold."""
    try:
        return orjson.dumps(value)
    except (TypeError, UnicodeEncodeError):
        # Integers beyond 64 bits and lone surrogates, which a JSON column may have.
        return json.dumps(value, separators=(",", ":")).encode()


def text_frame(message: bytes) -> tuple[bytes, bytes, bytes]:
    """A whole message as the parts of a frame, uncompressed."""
    return _frame_head(_TEXT, len(message)), b"", message


class Prepared:
    """A payload, ready for every prefix. Frames' heads are made once for each length of a prefix."""

    __slots__ = ("_blocks", "_heads", "_tail")

    def __init__(self, payload: bytes) -> None:
        self._tail = payload + b"}"
        self._heads: dict[tuple[int, int], bytes] = {}
        self._blocks: dict[int, bytes] = {}

    def frame(self, prefix: bytes, window: int) -> tuple[bytes, bytes, bytes]:
        """The parts of a text frame, of which the last is the same object for all and has nearly all of its bytes.

        `prefix`: fewer than 64 KiB, as much as a stored block has. `window`: log2 of the negotiated one for compressed
        messages, 0 for none.
        """
        if window and len(self._tail) >= SMALLEST:
            block = self._blocks.get(window) or self._compress(window)
            head = self._heads.get((len(prefix), window)) or self._head(len(prefix), window, block)
            return head, prefix, block
        head = self._heads.get((len(prefix), 0)) or self._head(len(prefix), 0, self._tail)
        return head, prefix, self._tail

    def _compress(self, window: int) -> bytes:
        # A window larger than the message finds nothing more, and has to be cleared first.
        bits = min(window, max(_SMALLEST_WINDOW, len(self._tail).bit_length()))
        compressor = zlib.compressobj(wbits=-bits, memLevel=8)
        block = compressor.compress(self._tail) + compressor.flush(zlib.Z_SYNC_FLUSH)
        # The end of a message is implied.
        block = block.removesuffix(b"\x00\x00\xff\xff")
        self._blocks[window] = block
        return block

    def _head(self, prefix: int, window: int, rest: bytes) -> bytes:
        if window:
            stored = b"\x00" + prefix.to_bytes(2, "little") + (prefix ^ 0xFFFF).to_bytes(2, "little")
            head = _frame_head(_COMPRESSED, len(stored) + prefix + len(rest)) + stored
        else:
            head = _frame_head(_TEXT, prefix + len(rest))
        self._heads[prefix, window] = head
        return head


def _frame_head(first: int, length: int) -> bytes:
    if length < 126:
        return bytes((first, length))
    if length < 1 << 16:
        return bytes((first, 126)) + length.to_bytes(2)
    return bytes((first, 127)) + length.to_bytes(8)
