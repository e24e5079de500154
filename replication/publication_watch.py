"""When to stream a publication that appeared or went while we stream. Pure.

pgoutput looks publications up as of the change that it decodes: one named too early makes servers before 18 fail on
every older change. So a new one is named only once all transactions that were running when it was first seen have
ended, and the log is past that point.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sight:
    """What the server shows: publication names, oldest and next xid (64 bits), the end of its WAL."""

    names: tuple[str, ...]
    xmin: int
    xmax: int
    wal_end: int


class PublicationWatch:
    """Fed with what is seen from time to time."""

    def __init__(self, streaming: tuple[str, ...]) -> None:
        self._streaming = streaming
        self._seen = streaming
        self._xmax = 0
        self._from: int | None = None

    @property
    def pending(self) -> bool:
        """Whether a new publication waits for the log to get past its making."""
        return self._seen != self._streaming

    def look(self, sight: Sight, decoded_to: int) -> bool:
        """Whether to begin streaming anew, with the names in `sight`; `decoded_to`: how far the stored log goes."""
        if not set(self._streaming) <= set(sight.names):
            return True
        if sight.names != self._seen:
            self._seen, self._xmax, self._from = sight.names, sight.xmax, None
        if not self.pending:
            return False
        if self._from is None:
            if sight.xmin >= self._xmax:
                self._from = sight.wal_end
            return False
        return decoded_to >= self._from
