"""The opaque cursor that clients hold: a position, and until the log is past it, the snapshot it belongs to.

Four forms, one rule. An entry follows the cursor when it lies behind `position` and is not already part of the
rows that `view` showed: `cursor.admits(entry position, xid)`.

- plain: a position alone.
- with a view: rows were read by `view.snapshot`, and the log up to `view.until` may hold entries that those rows
  already contain. Beyond `until` every entry is new.
- `within`: as either of these, amid a commit of which a part was read: whoever goes on from there ends it.
- `partial`: a chunk of a snapshot that was not sent to its end. Nothing can be resumed from it: begin again.

The text is versioned, and anything else than our own text is a BadUserInput.
"""

import base64
import binascii
from dataclasses import dataclass

from db.errors import BadUserInput
from db.position import Position
from db.snapshot import Snapshot

_VERSION = "1"


@dataclass(frozen=True, slots=True)
class View:
    """What rows were read by: their snapshot, and the LSN beyond which no commit can be in it."""

    snapshot: Snapshot
    until: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place to read on from: see the module's text."""

    position: Position
    view: View | None = None
    partial: bool = False
    within: bool = False

    def admits(self, position: Position, xid: int) -> bool:
        """Whether the log entry at `position`, committed by the 64-bit `xid`, comes after this cursor."""
        if position <= self.position:
            return False
        view = self.view
        return view is None or position.lsn > view.until or not view.snapshot.sees(xid)

    def advanced(self, position: Position) -> "Cursor":
        """The cursor after everything up to `position` was read; it drops the view once past it."""
        view = self.view if self.view is not None and position.lsn <= self.view.until else None
        return Cursor(max(position, self.position), view)

    def encode(self) -> str:
        """URL-safe text without padding."""
        p = self.position
        form = "p" if self.partial else "w" if self.within else "c"
        parts = [_VERSION, form, f"{p.epoch:x}", f"{p.lsn:x}", f"{p.index:x}"]
        if self.view is not None:
            parts += [f"{self.view.until:x}", str(self.view.snapshot)]
        return base64.urlsafe_b64encode("|".join(parts).encode()).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """The cursor of a text that `encode` made. BadUserInput for any other text."""
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
            version, form, epoch, lsn, index, *rest = raw.split("|")
            if version != _VERSION or form not in ("c", "p", "w") or len(rest) not in (0, 2):
                raise ValueError(raw)
            view = View(Snapshot.parse(rest[1]), int(rest[0], 16)) if rest else None
            return cls(Position(int(epoch, 16), int(lsn, 16), int(index, 16)), view, form == "p", form == "w")
        except (ValueError, binascii.Error) as error:
            raise BadUserInput("That is not a cursor of this server: use one as it was returned.") from error
