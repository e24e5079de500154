"""Cuts secrets out of what is shown to people, however a server spells those that it repeats. Pure.

A character may come as it is, percent-encoded, as an entity of HTML or with a backslash; all of a secret in hexadecimal
or in base64, alone or amid other text, as BASIC has it behind the user.

>>> cut = Redaction(["p@ss word"])
>>> cut("no: p%40ss+word"), cut("no: Basic bWU6cEBzcyB3b3Jk"), cut("no: p\\\\u0040ss word!")
('no: …', 'no: Basic …', 'no: …!')
"""

import base64
import html
import re
from collections.abc import Iterable, Iterator
from html.entities import codepoint2name
from typing import Final

MARK: Final = "…"
"""What stands for a secret."""

_LEAST_BASE64: Final = 4
"""Shorter pieces of base64 are in many a text by chance."""
_LEAST_WORD: Final = 6
"""Of a secret with spaces, such as `Bearer x`, each word from this length counts."""


class Redaction:
    """For the secrets of one feed. Empty ones are none."""

    def __init__(self, secrets: Iterable[str]) -> None:
        whole = {secret.strip() for secret in secrets}
        words = {word for secret in whole for word in secret.split() if len(word) >= _LEAST_WORD}
        # A secret that another one is part of is cut first.
        found = sorted(filter(None, whole | words), key=len, reverse=True)
        self.longest: Final = max(map(len, found), default=0)
        spelled = [pattern for secret in found for pattern in _spellings(secret)]
        self._pattern = re.compile("|".join(spelled), re.IGNORECASE) if spelled else None

    def __call__(self, text: str) -> str:
        """The text without the secrets."""
        return text if self._pattern is None else self._pattern.sub(MARK, text)

    def start(self, text: str) -> str:
        """The same of a text that was cut off, maybe amid a secret."""
        clean = self(text)
        # A character is spelled by twelve others at most.
        return clean[: -12 * self.longest] if self.longest else clean


def _spellings(secret: str) -> Iterator[str]:
    yield "".join(map(_character, secret))
    raw = secret.encode("utf-8", "surrogateescape")
    yield re.escape(raw.hex())
    for before in range(3):
        # Three bytes are four characters, so a secret amid other text stands in one of three ways; those characters
        # that its neighbours are part of are swallowed with it.
        encoded = base64.b64encode(b"\0" * before + raw).rstrip(b"=").decode()
        whole = (before + len(raw)) * 8 // 6
        core = encoded[-(-before * 8 // 6) : whole]
        if len(core) >= _LEAST_BASE64:
            run = r"(?:[A-Za-z0-9+/=_-]|%2b|%2f|%3d|%5f)*"
            yield f"{run}{''.join(map(_digit, core))}{run}"


def _character(one: str) -> str:
    """Every spelling of one character."""
    code = ord(one)
    ways = ["".join(f"%{byte:02x}" for byte in one.encode(charset, "replace")) for charset in ("utf-8", "latin-1")]
    units = one.encode("utf-16-be", "surrogatepass")
    ways.append("".join(rf"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)))
    ways += [rf"\\x{code:02x}", rf"&\#0*{code};", rf"&\#x0*{code:x};"]
    if code in codepoint2name:
        ways.append(f"&{codepoint2name[code]};")
    if html.escape(one) != one:
        ways.append(re.escape(html.escape(one)))
    if not one.isalnum():
        ways.append(r"\\" + re.escape(one))
    if one == " ":
        ways.append(r"\+")
    # As it is comes last: it may be what another spelling begins with.
    return f"(?:{'|'.join(dict.fromkeys([*ways, re.escape(one)]))})"


def _digit(one: str) -> str:
    """A character of base64, in either alphabet, percent-encoded or not."""
    return {"+": r"(?:\+|-|%2b)", "/": r"(?:/|_|\\/|%2f)"}.get(one, one)
